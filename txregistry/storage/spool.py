"""Bytes on this machine's disk that can be read while more of them come."""

import os
import tempfile
from typing import Final

from txregistry.storage.reading import FileReader, faults
from txregistry.streams import IReader
from txregistry.tasks import Blocking

_ROOMY: Final = "/var/tmp"  # noqa: S108 - the file there never has a name
"""Where blobs fit, while ``/tmp`` may be memory."""


class Spool:
    """A file without a name, which is gone with the process.

    It lies where ``TMPDIR`` says, or in ``/var/tmp``.

    Args:
        blocking: Where disk work goes.
    """

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking
        self._descriptor = -1
        self._size = 0

    async def write(self, data: bytes) -> None:
        """Add bytes at the end; when this ends, they can be read.

        Raises:
            StorageFull: there is no room for them.
        """
        with faults("the spool", absence=False):
            await self._blocking(self._write, data)
        self._size += len(data)

    def open(self, start: int, stop: int) -> IReader:
        """Open what lies between two offsets, and is there by now."""
        with faults("the spool", absence=False):
            descriptor = os.dup(self._descriptor)
        stop = min(stop, self._size)
        return FileReader(descriptor, start, stop, self._blocking)

    def close(self) -> None:
        """Let go of the file; whoever reads it can go on."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self, data: bytes) -> None:
        if self._descriptor < 0:
            self._descriptor = _make_file()
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def _make_file() -> int:
    wanted = os.environ.get("TMPDIR") or _ROOMY
    folder = wanted if os.path.isdir(wanted) else tempfile.gettempdir()
    descriptor, path = tempfile.mkstemp(prefix="txregistry-", dir=folder)
    os.unlink(path)
    return descriptor
