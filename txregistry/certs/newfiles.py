"""Files that take no other's place, in a folder of somebody's own.

Everything here blocks.
"""

import os
from collections.abc import Mapping


def write_all(files: Mapping[str, tuple[bytes, int]]) -> None:
    """Write files that are not there, or none.

    Args:
        files: What is to be in them, and their modes, by path.
    """
    written: list[str] = []
    try:
        for path, (data, mode) in files.items():
            write_new(path, data, mode)
            written.append(path)
    except BaseException:
        for path in written:
            os.unlink(path)
        raise
    for folder in {os.path.dirname(path) for path in files}:
        sync_folder(folder or ".")


def write_new(path: str, data: bytes, mode: int) -> None:
    """Write a file that is not there; nobody sees a secret who may not, at any time."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(file, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        os.unlink(path)
        raise


def sync_folder(path: str) -> None:
    """Let the names in a folder survive a crash."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
