"""Whether files were changed since they were read."""

import os
from collections.abc import Sequence
from typing import Final

_SETTLED: Final = 2_000_000_000
"""Nanoseconds: a file changed later than that may change again within one tick of its
file system's clock."""


def stamp(paths: Sequence[str]) -> tuple[object, ...]:
    """Say what tells whether files were changed; this blocks.

    Returns:
        For each file its identity, size and times; None where it is not there.
    """
    return tuple(map(_stamp, paths))


def newest(stamps: tuple[object, ...]) -> int:
    """Say when the last of the files was changed, in nanoseconds since 1970."""
    return max((each[-1] for each in stamps if isinstance(each, tuple)), default=0)


def are_settled(stamps: tuple[object, ...], now: float) -> bool:
    """Say whether the files have other stamps when they are changed from now on.

    Args:
        stamps: Those that they had when they were read.
        now: When that was, in seconds since 1970.
    """
    return newest(stamps) <= now * 1e9 - _SETTLED


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )
