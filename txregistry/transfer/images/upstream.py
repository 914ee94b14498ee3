"""Images of a registry that is reached over HTTP."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.client.upstreams.interfaces import (
    Fetched,
    IUpstream,
    UpstreamWrong,
)
from txregistry.client.upstreams.resuming import open_resuming
from txregistry.model.descriptors import MANIFESTS
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, ManifestUnknown
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.blobs import Blob
from txregistry.registry.manifests import StoredManifest
from txregistry.storage.interfaces import Stat
from txregistry.streams import IReader
from txregistry.tasks import Blocking

_CACHED: Final = 32 * 1024 * 1024
"""Bytes of manifests kept in memory: each is needed several times."""
_PAGE: Final = 100
_TAGS: Final = 1000
"""Tags that are looked at to find out what a repository has."""


class UpstreamOrigin:
    """Ask a registry for images; see `txregistry.transfer.archives.origins.Origin`.

    Args:
        upstream: The registry.
        clock: What measures the time.
    """

    def __init__(self, upstream: IUpstream, clock: IReactorTime) -> None:
        self.clock = clock
        self.manifests = UpstreamManifests(upstream)
        self.blobs = UpstreamBlobs(upstream, clock)


class UpstreamManifests:
    """The manifests of a registry that is asked."""

    def __init__(self, upstream: IUpstream) -> None:
        self._upstream = upstream
        self._cache: OrderedDict[tuple[RepositoryName, Digest], StoredManifest] = (
            OrderedDict()
        )
        self._cached = 0

    async def find(self, name: RepositoryName, reference: Reference) -> StoredManifest:
        """See `ManifestSource`."""
        if isinstance(reference, Digest):
            cached = self._cache.get((name, reference))
            if cached is not None:
                return cached
        fetched: Fetched | None = await self._upstream.get_manifest(
            str(name), str(reference)
        )
        if fetched is None:
            raise ManifestUnknown(
                f"The repository {name} has no manifest {reference}.",
                {"reference": str(reference)},
            )
        found = StoredManifest(fetched.digest, fetched.data, fetched.media_type)
        self._remember(name, found)
        return found

    def _remember(self, name: RepositoryName, found: StoredManifest) -> None:
        if (name, found.digest) in self._cache:
            return
        self._cache[name, found.digest] = found
        self._cached += found.size
        while self._cached > _CACHED:
            self._cached -= self._cache.popitem(last=False)[1].size


class UpstreamBlobs:
    """The blobs of a registry that is asked."""

    def __init__(self, upstream: IUpstream, clock: IReactorTime) -> None:
        self._upstream = upstream
        self._clock = clock
        self._holders: dict[Digest, str] = {}

    async def find(self, name: RepositoryName, digest: Digest) -> Blob:
        """See `BlobSource`.

        Raises:
            UpstreamWrong: the registry does not say how long it is.
        """
        found = await self._upstream.head_blob(str(name), digest)
        if found is None:
            raise BlobUnknown(
                f"The repository {name} lacks {digest}, a part of the image.",
                {"digest": str(digest)},
            )
        if found.size is None:
            raise UpstreamWrong(self._upstream.name, "does not say how long a blob is")
        self._holders[digest] = str(name)
        return Blob(digest, digest, Stat(found.size, 0.0, ()))

    async def open(self, blob: Blob, start: int, stop: int) -> IReader:
        """See `BlobSource`; whoever reads it verifies it."""
        del stop  # to its end, as archives have them
        opened = await open_resuming(
            self._upstream,
            self._holders[blob.digest],
            blob.digest,
            self._clock,
            start=start,
            size=blob.size,
        )
        if opened is None:
            raise BlobUnknown("The blob was deleted a moment ago.")
        return opened.reader


async def blobs_of(
    upstream: IUpstream, name: RepositoryName, blocking: Blocking
) -> Sequence[Digest]:
    """List the blobs that the tags of a repository need, or the first of its tags.

    Args:
        upstream: The registry.
        name: The repository.
        blocking: Where documents are read, which may be long.
    """
    manifests = UpstreamManifests(upstream)
    pending: list[Reference] = list(await _tags(upstream, name))
    seen: set[Reference] = set()
    found: set[Digest] = set()
    while pending:
        reference = pending.pop()
        if reference in seen:
            continue
        seen.add(reference)
        try:
            stored = await manifests.find(name, reference)
        except ManifestUnknown:
            continue  # it was deleted meanwhile
        parsed = await blocking(parse_manifest, stored.data, stored.media_type)
        found.update(each.digest for each in parsed.blobs)
        pending += [
            each.digest for each in parsed.children if each.media_type in MANIFESTS
        ]
    return sorted(found, key=str)


async def _tags(upstream: IUpstream, name: RepositoryName) -> list[Tag]:
    tags: list[Tag] = []
    while len(tags) < _TAGS:
        after = str(tags[-1]) if tags else ""
        page = await upstream.tags(str(name), after, _PAGE)
        if not page:
            break
        tags += map(Tag.parse, page)
    return tags
