"""Serve the manifests that were accepted.

Source: OCI Distribution 1.1, "Pulling manifests" and "Deleting Manifests".
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import (
    DigestInvalid,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
)
from txregistry.model.manifests import (
    MAX_SIZE,
    Manifest,
    Summary,
    parse_manifest,
    summarize_manifest,
)
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry.collection.sparing import Sparing
from txregistry.registry.holding import held
from txregistry.registry.links import read_link, same_content, write_link
from txregistry.registry.listing import objects
from txregistry.registry.tags import Tags
from txregistry.storage import keys
from txregistry.storage.evidence import Witness
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge

_CACHED: Final = 32 * 1024 * 1024
"""Bytes of manifests kept in memory: content under its digest cannot change."""
_OVERHEAD: Final = 600
"""Bytes that one takes beside its own, roughly."""


_TRUSTED: Final = 30.0
"""Seconds for which a repository is taken to have what its tag goes on pointing to. It
has, unless somebody broke off deleting it: the tags go last."""
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where the content lies that a tag points to, and until when that is believed."""

    stored: Digest
    until: float


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest that a repository holds.

    Attributes:
        digest: As it was asked for, or as the tag names it.
        data: Its bytes, as they were pushed.
        media_type: Its type.
    """

    digest: Digest
    data: bytes
    media_type: str

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data)

    def summarize(self) -> Summary:
        """Read what it says of itself, which takes much less than all of it."""
        return summarize_manifest(self.data)

    def parse(self) -> Manifest:
        """Read what it says: anew, as that may be larger than the bytes are."""
        return parse_manifest(self.data, self.media_type)


class Manifests:
    """The manifests of all repositories.

    Content is stored once, under its sha256. Whether a repository has it is asked of
    the store every time, but for one that a tag pointed to a moment ago: what the tag
    points to now, the repository has.

    Args:
        store: Where they are.
        tags: The tags.
        clock: Tells the time.
        sparing: Saves from collection what is said to be there; None where nobody
            relies on it.
        witness: Whoever asks it wants to see everything; None where nobody does.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        tags: Tags,
        clock: IReactorTime,
        sparing: Sparing | None = None,
        witness: Witness | None = None,
    ) -> None:
        self._store = store
        self._witness = witness or Witness()
        self._sparing = sparing
        self._tags = tags
        self._clock = clock
        self._tagged: OrderedDict[tuple[RepositoryName, Digest], _Seen] = OrderedDict()
        self._cache: OrderedDict[Digest, tuple[bytes, str]] = OrderedDict()
        self._cached = 0

    async def find(self, name: RepositoryName, reference: Reference) -> StoredManifest:
        """Give a manifest.

        Raises:
            ManifestUnknown: the repository has none of this tag or digest.
            NameUnknown: there is no such repository.
        """
        found = await self.look(name, reference)
        if found is not None:
            return found
        if not await self.has_repository(name):
            raise NameUnknown(
                f"There is no repository {name}; check its name.", {"name": str(name)}
            )
        raise ManifestUnknown(
            f"The repository {name} has no manifest {reference}.",
            {"reference": str(reference)},
        )

    async def look(
        self, name: RepositoryName, reference: Reference
    ) -> StoredManifest | None:
        """Give a manifest; None where there is none, for whatever reason."""
        if isinstance(reference, Digest):
            return await self._find(name, reference)
        digest = await self._tags.find(name, reference)
        return None if digest is None else await self._find_tagged(name, digest)

    async def holds(self, name: RepositoryName, digest: Digest) -> bool:
        """Say whether a repository has a manifest."""
        return await self._find(name, digest) is not None

    async def held(
        self, name: RepositoryName, digests: Sequence[Digest]
    ) -> set[Digest]:
        """Say which of some manifests a repository has, by its links alone."""
        if self._sparing is not None:
            await self._sparing.links(name, "revisions", digests)
        return await held(self._store, keys.revision_links(name), digests)

    async def find_held(
        self, name: RepositoryName, digest: Digest
    ) -> StoredManifest | None:
        """Give a manifest of which it is known that a repository has it.

        Returns:
            It; None where it cannot be served, or is gone.
        """
        if digest.algorithm != CANONICAL:
            return await self._find(name, digest)
        found = await self._content(digest)
        return found and StoredManifest(digest, *found)

    async def has_repository(self, name: RepositoryName) -> bool:
        """Say whether anything was ever pushed to a repository."""
        for prefix in (keys.manifests(name), keys.layer_links(name)):
            if (await self._store.list(prefix, limit=1, delimiter=True)).names:
                return True
        return False

    async def keep(self, name: RepositoryName, digest: Digest, data: bytes) -> None:
        """Store a manifest, and let a repository have it.

        Args:
            name: The repository.
            digest: What the client calls it; checked by the caller.
            data: Its bytes, which can be parsed.
        """
        stored = Digest.of(data)
        await self._store.put(keys.blob(stored), data)
        await write_link(self._store, keys.revision_link(name, stored), stored)
        if digest.algorithm != CANONICAL:
            await write_link(self._store, keys.revision_link(name, digest), stored)

    async def forget(self, name: RepositoryName, digest: Digest) -> set[Digest]:
        """Take a manifest from a repository.

        Returns:
            All the digests under which the repository had it.
        """
        names = await same_content(self._store, keys.revision_links(name), digest)
        for each in names:
            self._tagged.pop((name, each), None)
        await self._store.delete(names.values())
        return set(names)

    async def names(self, name: RepositoryName, digest: Digest) -> set[Digest]:
        """Give all the digests under which a repository has a manifest."""
        links = keys.revision_links(name)
        return set(await same_content(self._store, links, digest))

    async def all(self, name: RepositoryName) -> list[Digest]:
        """Give the digests of all manifests that a repository has."""
        prefix = keys.revision_links(name)
        found = []
        for key in await objects(self._store, prefix):
            try:
                found.append(keys.reference_digest(prefix, key))
            except DigestInvalid:
                continue  # somebody else's file
        return found

    async def _find_tagged(
        self, name: RepositoryName, digest: Digest
    ) -> StoredManifest | None:
        """Find what a tag points to at this moment."""
        seen = self._tagged.get((name, digest))
        trusts = seen is not None and not self._witness.is_asked
        if seen is not None and trusts and self._clock.seconds() < seen.until:
            cached = self._cache.get(seen.stored)
            if cached is not None:
                self._cache.move_to_end(seen.stored)
                return StoredManifest(digest, *cached)
        found = await self._find(name, digest)
        if found is not None:
            until = self._clock.seconds() + _TRUSTED
            self._tagged[name, digest] = _Seen(Digest.of(found.data), until)
            self._tagged.move_to_end((name, digest))
            if len(self._tagged) > _REMEMBERED:
                self._tagged.popitem(last=False)
        return found

    async def _find(
        self, name: RepositoryName, digest: Digest
    ) -> StoredManifest | None:
        if self._sparing is not None:
            await self._sparing.link(name, "revisions", digest)
        stored = await read_link(self._store, keys.revision_link(name, digest))
        if stored is None:
            return None
        found = await self._content(stored)
        return found and StoredManifest(digest, *found)

    async def _content(self, stored: Digest) -> tuple[bytes, str] | None:
        """Give bytes and type of a manifest, from memory where they are there."""
        found = self._cache.get(stored)
        if found is None:
            found = await self._read(stored)
            if found is not None:
                self._remember(stored, found)
        else:
            self._cache.move_to_end(stored)
        return found

    async def _read(self, stored: Digest) -> tuple[bytes, str] | None:
        """Read a manifest and check it against its digest."""
        try:
            data = await self._store.get(keys.blob(stored), MAX_SIZE)
        except (NotFound, TooLarge):
            return None
        if Digest.of(data) != stored:
            self._log.error(
                "The manifest {digest} is damaged in the store; it is not served until "
                "it is pushed again",
                digest=str(stored),
            )
            return None
        try:
            return data, summarize_manifest(data).media_type
        except ManifestInvalid as error:
            self._log.warn(
                "The manifest {digest} in the store is none that can be served: "
                "{reason}",
                digest=str(stored),
                reason=error.message,
            )
            return None

    def _remember(self, stored: Digest, found: tuple[bytes, str]) -> None:
        if stored in self._cache:
            return  # somebody else has read it meanwhile
        self._cache[stored] = found
        self._cached += len(found[0]) + _OVERHEAD
        while self._cached > _CACHED:
            _, (data, _) = self._cache.popitem(last=False)
            self._cached -= len(data) + _OVERHEAD
