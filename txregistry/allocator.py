"""The C library's allocator, told that buffers come and go."""

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1  # M_TRIM_THRESHOLD of <malloc.h>
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD
_ARENA_MAX: Final = -8  # M_ARENA_MAX
_KEPT: Final = 64 * 1024 * 1024
_MAPPED: Final = 32 * 1024 * 1024


def keep_buffers() -> None:
    """Let buffers of transfers be used again, not given back and fetched anew.

    By default glibc maps each buffer of 128 KiB and more afresh, and the kernel clears
    every page of it: a third of the page faults of an upload, for nothing. It also has
    each thread keep buffers of its own, of which no other thread has any use: a seventh
    of the memory while many push. Threads that allocate have Python's lock, so they are
    in nobody's way at one place for all. Another C library has no such call, and is
    left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_MMAP_THRESHOLD, _MAPPED)
    mallopt(_TRIM_THRESHOLD, _KEPT)
