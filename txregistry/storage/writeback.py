"""Having the kernel begin to write what is to be made durable later.

Else the disk rests while bytes come in, and a client waits for it in the end.
"""

import ctypes
from collections.abc import Callable
from typing import Final

_WRITE: Final = 2  # SYNC_FILE_RANGE_WRITE of <linux/fs.h>


def begin_writeback(descriptor: int) -> bool:
    """Begin to write what a file has in memory only.

    Source: sync_file_range(2), which makes nothing durable, and takes no error away
    from the sync that does.

    Returns:
        Whether there is such a thing here.
    """
    return _sync_range is not None and _sync_range(descriptor, 0, 0, _WRITE) == 0


def _find_call() -> Callable[[int, int, int, int], int] | None:
    try:
        function = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


_sync_range: Final = _find_call()
