"""Copy small documents and secrets, by what they hold."""

from typing import Final

from txregistry.storage.interfaces import Key, NotFound, TooLarge
from txregistry.transfer.blobcopy import Ends

_LIMIT: Final = 4 * 1024 * 1024
"""Bytes in a document at most: twice a record of an image with the largest JSON."""


class DocumentCopy:
    """Copy documents.

    Args:
        ends: From where to where.
    """

    def __init__(self, ends: Ends) -> None:
        self._ends = ends

    async def bring(self, key: Key) -> bool:
        """Let the target have a document as it is in the source, if it is there.

        Returns:
            Whether it was not left out.
        """
        ends = self._ends
        try:
            data = await self._read(key)
        except NotFound:
            return True  # it was deleted a moment ago, or never there
        if data is None:
            return False
        if not await self._has(key, data):
            ends.begun.add(key)
            if ends.target is not None:
                await ends.target.put(key, data)
        ends.settle(key, "documents")
        return True

    async def bring_secret(self, key: Key) -> None:
        """Let the target have a secret, unless it has another: that may be in use."""
        ends = self._ends
        try:
            data = await self._read(key)
        except NotFound:
            return
        if data is None:
            return
        same = await self._has_none(key)
        if same:
            ends.begun.add(key)
            if ends.target is not None:
                same = await ends.target.put(key, data, if_absent=True)
        if same or await self._has(key, data):
            ends.settle(key, "documents")
        else:
            ends.report.leave_out("different", key, "there is another one already")

    async def _read(self, key: Key) -> bytes | None:
        """Read a document; None where it is left out.

        Raises:
            NotFound: there is none.
        """
        try:
            return await self._ends.source.get(key, _LIMIT)
        except TooLarge:
            self._ends.report.leave_out(
                "malformed", key, f"it has more than {_LIMIT} bytes"
            )
            return None

    async def _has(self, key: Key, data: bytes) -> bool:
        try:
            return await self._ends.there.get(key, len(data)) == data
        except (NotFound, TooLarge):
            return False

    async def _has_none(self, key: Key) -> bool:
        try:
            await self._ends.there.stat(key)
        except NotFound:
            return True
        return False
