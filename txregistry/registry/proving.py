"""Content that was given out in part, checked as a whole beside that."""

from typing import Final

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.registry.integrity import Integrity
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    NotFound,
    Stat,
    StorageUnavailable,
)
from txregistry.streams import CHUNK
from txregistry.tasks import detach

_MOST: Final = 100
"""Blobs that wait for their turn at most; others are looked at when asked for again."""


class Proving:
    """Read all of what parts are wanted of, one at a time, to know whether it is sound.

    A part cannot be checked by itself. So it is sent, and what it is part of is not
    sent again if that is rotten. Where each read is a request to somewhere else, which
    checks its disks itself, nothing is read that nobody wants.

    Args:
        store: Where it is.
        integrity: Remembers what was proven.
    """

    _log = Logger()

    def __init__(self, store: IObjectStore, integrity: Integrity) -> None:
        self._store = store
        self._integrity = integrity
        self._waiting: set[Digest] = set()
        self._turn = DeferredLock()

    def begin(self, stored: Digest, stat: Stat) -> None:
        """Begin to check some content, unless that has begun.

        Args:
            stored: Under what it is stored.
            stat: What the store says of it.
        """
        if self._store.flat or stored in self._waiting or len(self._waiting) >= _MOST:
            return
        self._waiting.add(stored)
        _ = detach(self._prove(stored, stat), self._log, "checking content as a whole")

    async def _prove(self, stored: Digest, stat: Stat) -> None:
        await self._turn.acquire()
        try:
            if self._integrity.verdict(stored, stat) is None:
                await self._read(stored, stat)
        except (BlobUnknown, NotFound):
            pass  # it was told to the log; or is gone
        except StorageUnavailable as error:
            self._log.warn(
                "{digest} cannot be checked as a whole: {reason}",
                digest=str(stored),
                reason=str(error),
            )
        finally:
            self._waiting.discard(stored)
            self._turn.release()

    async def _read(self, stored: Digest, stat: Stat) -> None:
        found = await self._store.open(keys.blob(stored), 0, stat.size)
        reader = self._integrity.check(stored, stat, found)
        try:
            while await reader.read(CHUNK):
                pass
        finally:
            await reader.close()
