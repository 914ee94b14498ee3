"""The blobs of an OCI layout, listed as they lie in our own store."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from txregistry.model.digest import ALGORITHMS, Digest
from txregistry.model.errors import DigestInvalid
from txregistry.storage.interfaces import IObjectSource
from txregistry.storage.keys import ROOT
from txregistry.storage.layoutindex import BLOBS

BLOB_KEYS: Final = f"{ROOT}blobs/"
_BATCH: Final = 1000
_HEAD: Final = 2
"""Digits that group the blobs of an algorithm."""


class LayoutBlobs:
    """List blobs.

    Args:
        files: The layout's files.
    """

    def __init__(self, files: IObjectSource) -> None:
        self._files = files

    async def names(self, prefix: str, after: str) -> AsyncIterator[str]:
        """Give what is directly below a prefix, in order, groups with ``/`` at the end.

        Args:
            prefix: Begins with `BLOB_KEYS`, and ends in ``/``.
            after: What sorts before this, and leads to nothing after it, may be left
                out.
        """
        rest = after.removeprefix(prefix) if after.startswith(prefix) else ""
        match prefix.removeprefix(BLOB_KEYS).split("/"):
            case [""]:
                async for algorithm in self._algorithms():
                    yield f"{prefix}{algorithm}/"
            case [algorithm, ""]:
                async for head in self._heads(algorithm, rest[:_HEAD]):
                    yield f"{prefix}{head}/"
            case [algorithm, head, ""]:
                begin = max(head, rest.partition("/")[0][:-1])
                async for encoded in self._beginning(algorithm, head, begin):
                    yield f"{prefix}{encoded}/"
            case [algorithm, head, encoded, ""] if encoded[:_HEAD] == head:
                async for _ in self._beginning(algorithm, encoded, encoded[:-1]):
                    yield f"{prefix}data"  # digits are as many as they are
            case _:
                pass

    async def _algorithms(self) -> AsyncIterator[str]:
        """Give the algorithms by which there are blobs."""
        for algorithm in ALGORITHMS:
            async for _ in self._encoded(algorithm, "", 1):
                yield algorithm
                break

    async def _heads(self, algorithm: str, begin: str) -> AsyncIterator[str]:
        """Give the digits with which blobs begin."""
        found = True
        while found:
            found = False
            async for encoded in self._encoded(algorithm, begin, 1):
                yield encoded[:_HEAD]
                begin = f"{encoded[:_HEAD]}g"  # it follows all that begin as this does
                found = True
                break

    async def _beginning(
        self, algorithm: str, head: str, after: str
    ) -> AsyncIterator[str]:
        """Give the blobs that begin with some digits."""
        batch = 1 if len(head) > _HEAD else _BATCH
        async for encoded in self._encoded(algorithm, after, batch):
            if not encoded.startswith(head):
                break
            yield encoded

    async def _encoded(
        self, algorithm: str, after: str, batch: int = _BATCH
    ) -> AsyncIterator[str]:
        """Give the blobs of an algorithm that sort after something.

        Args:
            algorithm: The algorithm.
            after: Digits.
            batch: How many are looked at first.
        """
        folder = f"{BLOBS}/{algorithm}/"
        more = algorithm in ALGORITHMS
        while more:
            page = await self._files.list(
                folder,
                after=folder + after if after else "",
                limit=batch,
                delimiter=True,
            )
            for encoded in _digits(algorithm, folder, page.names):
                yield encoded
            after = (page.names or [""])[-1].removeprefix(folder)
            more, batch = page.more, _BATCH


def _digits(algorithm: str, folder: str, names: Sequence[str]) -> list[str]:
    """Leave out what is no blob: somebody else's file."""
    found = []
    for name in names:
        encoded = name.removeprefix(folder)
        try:
            Digest.parse(f"{algorithm}:{encoded}")
        except DigestInvalid:
            continue
        found.append(encoded)
    return found
