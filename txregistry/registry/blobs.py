"""Find, open, link, mount and unlink blobs.

Source: OCI Distribution 1.1, "Pulling blobs", "Mounting a blob from another repository"
and "Deleting blobs".
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import BlobUnknown
from txregistry.model.names import RepositoryName
from txregistry.registry.catalog import Catalog
from txregistry.registry.collection.sparing import Sparing
from txregistry.registry.integrity import Integrity
from txregistry.registry.links import read_link, same_content, write_link
from txregistry.registry.proving import Proving
from txregistry.registry.quotas.quotas import Quotas
from txregistry.registry.withholding import LEAST, Withholding
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, Stat
from txregistry.streams import IFileReader, IReader

LIFETIME: Final = 1200.0
"""Seconds for which clients may fetch a blob elsewhere: as long as Distribution's."""
_REMEMBERED: Final = 10_000
_SEARCHED: Final = 1_000
"""Repositories looked into for a blob that is to be mounted from anywhere."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that a repository holds.

    Attributes:
        digest: As it was asked for.
        stored: The digest under which it lies in the store.
        stat: What the store says of it.
    """

    digest: Digest
    stored: Digest
    stat: Stat

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.stat.size


class Blobs:
    """The blobs of all repositories.

    Content is stored once, under its sha256; a repository's link gives it the right to
    it, and may have the name of another algorithm.

    Args:
        store: Where they are.
        integrity: Knows which of them are sound.
        catalog: Knows whose they may be.
        sparing: Saves from collection what is said to be there; None where nobody
            relies on it.
        quotas: Say how much there is room for; None where nobody pushes.
    """

    def __init__(
        self,
        store: IObjectStore,
        integrity: Integrity,
        catalog: Catalog,
        sparing: Sparing | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        self._store = store
        self._quotas = quotas
        self._sparing = sparing
        self._integrity = integrity
        self._proving = Proving(store, integrity)
        self._withholding = Withholding(integrity)
        self._catalog = catalog
        self._holders: OrderedDict[Digest, RepositoryName] = OrderedDict()

    async def find(self, name: RepositoryName, digest: Digest) -> Blob:
        """Look at a blob.

        Raises:
            BlobUnknown: the repository does not hold it, or it is damaged.
        """
        if self._sparing is not None:
            await self._sparing.link(name, "layers", digest)
        stored = await read_link(self._store, keys.layer_link(name, digest))
        if stored is None:
            raise _unknown(name, digest)
        try:
            stat = await self._store.stat(keys.blob(stored))
        except NotFound:
            raise _unknown(name, digest) from None
        if self._integrity.verdict(stored, stat) is False:
            raise BlobUnknown(
                "The content of this blob is damaged; push it again.",
                {"digest": str(digest)},
            )
        return Blob(digest, stored, stat)

    async def holds(self, name: RepositoryName, digest: Digest) -> bool:
        """Say whether a repository has a blob."""
        try:
            await self.find(name, digest)
        except BlobUnknown:
            return False
        return True

    async def is_stored(self, stored: Digest) -> bool:
        """Say whether the store has some content, whoever holds it."""
        if self._sparing is not None:
            await self._sparing.blob(stored)
        try:
            await self._store.stat(keys.blob(stored))
        except NotFound:
            return False
        return True

    async def is_sound(self, stored: Digest) -> bool:
        """Say whether the store has some content, and it is not known to be damaged."""
        if self._sparing is not None:
            await self._sparing.blob(stored)
        try:
            stat = await self._store.stat(keys.blob(stored))
        except NotFound:
            return False
        return self._integrity.verdict(stored, stat) is not False

    async def open(self, blob: Blob, start: int, stop: int) -> IReader:
        """Open part of a blob.

        The whole of one that was not read before is checked against its digest on the
        way, see `Integrity`; a part of it is not, but the whole is beside it, see
        `Proving`.

        Raises:
            BlobUnknown: it went away meanwhile.
        """
        try:
            reader = await self._store.open(keys.blob(blob.stored), start, stop)
        except NotFound:
            raise BlobUnknown("The blob was deleted a moment ago.") from None
        if self._integrity.verdict(blob.stored, blob.stat) is None:
            if start == 0 and stop == blob.size:
                if stop >= LEAST and IFileReader.providedBy(reader):
                    file = IFileReader(reader)
                    return self._withholding.withhold(blob.stored, blob.stat, file)
                return self._integrity.check(blob.stored, blob.stat, reader)
            self._proving.begin(blob.stored, blob.stat)
        return reader

    async def elsewhere(self, blob: Blob) -> str | None:
        """Give a URL under which a client finds a blob in the store itself.

        It needs no credentials, and is good for `LIFETIME` seconds.

        Returns:
            The URL; None where the store gives none.
        """
        return await self._store.redirect(keys.blob(blob.stored), "GET", LIFETIME)

    async def link(self, name: RepositoryName, digest: Digest, stored: Digest) -> None:
        """Give a repository the right to a blob that is in the store.

        Args:
            name: The repository.
            digest: What the client calls the blob.
            stored: Under what it is stored.
        """
        await write_link(self._store, keys.layer_link(name, stored), stored)
        if digest.algorithm != CANONICAL:
            await write_link(self._store, keys.layer_link(name, digest), stored)
        self._holders[digest] = name
        if len(self._holders) > _REMEMBERED:
            self._holders.popitem(last=False)

    async def mount(
        self,
        name: RepositoryName,
        digest: Digest,
        source: RepositoryName | None,
        readable: Callable[[RepositoryName], Awaitable[bool]] | None = None,
    ) -> bool:
        """Take a blob over from another repository.

        Args:
            name: Who takes it.
            digest: The blob.
            source: Whose it is; None for anybody's.
            readable: Whether who asks may pull from a repository; None where they may
                from all.

        Returns:
            Whether it was found where they may pull.

        Raises:
            Denied: a quota has no room for it.
        """
        if source is None:
            source = await self._holder(name, digest, readable)
        elif readable is not None and not await readable(source):
            return False
        if source is None:
            return False
        try:
            blob = await self.find(source, digest)
        except BlobUnknown:
            return False
        if self._quotas is None:
            await self.link(name, digest, blob.stored)
            return True
        sizes = {blob.stored: blob.size}
        async with self._quotas.room(name, blobs=sizes, source=source):
            await self.link(name, digest, blob.stored)
        return True

    async def unlink(self, name: RepositoryName, digest: Digest) -> None:
        """Take the right to a blob, by whatever digest, from a repository.

        Other repositories keep theirs. Whether something needs it is asked by
        `txregistry.registry.acceptance.Acceptance.delete_blob`, not here.

        Raises:
            BlobUnknown: the repository does not hold it.
        """
        names = await same_content(self._store, keys.layer_links(name), digest)
        if not names:
            raise _unknown(name, digest)
        await self._store.delete(names.values())

    async def names(self, name: RepositoryName, digest: Digest) -> set[Digest]:
        """Give all the digests by which a repository has the right to a blob."""
        links = keys.layer_links(name)
        return set(await same_content(self._store, links, digest))

    async def vouch(self, stored: Digest) -> None:
        """Take it that what was just written under a digest was checked against it."""
        self._integrity.vouch(stored, await self._store.stat(keys.blob(stored)))

    async def _holder(
        self,
        name: RepositoryName,
        digest: Digest,
        readable: Callable[[RepositoryName], Awaitable[bool]] | None,
    ) -> RepositoryName | None:
        """Find a repository that holds a blob, and that may be pulled from."""
        recent = self._holders.get(digest)
        for each in (recent, name):
            if each is None or (readable is not None and not await readable(each)):
                continue
            if await self.holds(each, digest):
                return each
        for other in (await self._catalog.page("", _SEARCHED, readable)).names:
            if await self.holds(other, digest):
                return other
        return None


def _unknown(name: RepositoryName, digest: Digest) -> BlobUnknown:
    return BlobUnknown(
        f"The repository {name} has no such blob; push or mount it first.",
        {"digest": str(digest)},
    )
