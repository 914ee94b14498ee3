"""Copying a manifest with all that it needs to another registry."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.client.downstreams.interfaces import Shortened
from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    RegistryError,
)
from txregistry.model.manifests import Manifest
from txregistry.model.names import RepositoryName, Tag, fallback_tag
from txregistry.registry.blobs import Blob, Blobs
from txregistry.registry.manifests import Manifests, StoredManifest
from txregistry.registry.referrers import Referrers
from txregistry.registry.replication.rules import ReplicationRule
from txregistry.registry.tags import Tags
from txregistry.streams import IReader
from txregistry.tasks import Blocking, Turns, breathe

_SMALL: Final = 128 * 1024
"""Bytes of a manifest that is read here and now."""
_DEEPEST: Final = 16
"""Indexes in indexes that are followed."""
_MOST: Final = 10_000
"""Manifests that go with one."""
_PAGE: Final = 100
_ROOM: Final = 1 << 20
_REMEMBERED: Final = 10_000

MISSING: Final = (
    BlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    Shortened,
)
"""How one hears that something is not here, or can be nowhere."""


class NothingToCopy(Exception):
    """What should be copied is not here, or not all of it; the text says what."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where it is copied from.

    Attributes:
        tags: Tags.
        manifests: What they point at.
        blobs: What these name.
        referrers: What refers to them.
    """

    tags: Tags
    manifests: Manifests
    blobs: Blobs
    referrers: Referrers


@dataclass
class _Tour:
    """What is copied at one time.

    Attributes:
        name: From which repository.
        remote: To which one there.
        seen: Manifests that were come to.
        subjects: Those of which the referrers are still to be looked for.
        fallbacks: Tags that are to follow, as the registry knows no referrers.
    """

    name: RepositoryName
    remote: str
    seen: set[Digest] = field(default_factory=set)
    subjects: list[Digest] = field(default_factory=list)
    fallbacks: set[Tag] = field(default_factory=set)


class Copying:
    """Copy manifests to the registry of a rule.

    Blobs go first, then manifests, what an index lists before the index; so that at no
    time anything is there without what it needs.

    Args:
        rule: The rule.
        origin: Where it is copied from.
        clock: Lets others have their turn.
        blocking: Where large manifests are read.
    """

    _log = Logger()

    def __init__(
        self,
        rule: ReplicationRule,
        origin: Origin,
        clock: IReactorTime,
        blocking: Blocking,
    ) -> None:
        self._rule = rule
        self._downstream = rule.downstream
        self._origin = origin
        self._clock = clock
        self._blocking = blocking
        self._turns = Turns()
        self._holders: OrderedDict[Digest, str] = OrderedDict()

    async def copy(self, name: RepositoryName, digest: Digest) -> set[Tag]:
        """Let the registry have a manifest, with all that it needs.

        Returns:
            Tags of the repository that are to be replicated as well, as the registry
            has no other way to know what refers to what.

        Raises:
            NothingToCopy: something of it is not here.
            UpstreamFault: the registry did not take it.
        """
        try:
            tour = _Tour(name, self._rule.remote_name(name))
            await self._manifest(tour, digest, 0)
        except MISSING as error:
            raise NothingToCopy(_reason(error)) from None
        while tour.subjects:
            await self._refer(tour, tour.subjects.pop())
        return tour.fallbacks

    async def copy_referrer(
        self, name: RepositoryName, digest: Digest
    ) -> set[Tag] | None:
        """Let the registry have a manifest if it has what that refers to.

        If it does not have that, there is nothing to be done: the manifest will go with
        what it refers to.

        Returns:
            As for `copy`, and so is what it raises; None where there was nothing to do.
        """
        try:
            found = await self._origin.manifests.find(name, digest)
            remote = self._rule.remote_name(name)
        except MISSING as error:
            raise NothingToCopy(_reason(error)) from None
        subject = found.summarize().subject
        if subject is None or not await self._has(remote, subject.digest):
            return None
        return await self.copy(name, digest)

    async def is_set(self, name: RepositoryName, tag: Tag, digest: Digest) -> bool:
        """Say whether a tag points at a manifest there."""
        remote = self._rule.remote_name(name)
        found = await self._downstream.head_manifest(remote, str(tag))
        return found is not None and found.digest == digest

    async def set(self, name: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Let a tag point at a manifest that is there.

        Raises:
            NothingToCopy: the manifest is not here any more.
            UpstreamFault: the registry did not take it.
        """
        try:
            found = await self._origin.manifests.find(name, digest)
        except MISSING as error:
            raise NothingToCopy(_reason(error)) from None
        await self._put(self._rule.remote_name(name), str(tag), found)

    async def _has(self, remote: str, digest: Digest) -> bool:
        found = await self._downstream.head_manifest(remote, str(digest))
        return found is not None

    async def _manifest(self, tour: _Tour, digest: Digest, depth: int) -> None:
        """Copy a manifest, and what it names before."""
        if digest in tour.seen:
            return
        tour.seen.add(digest)
        if depth > _DEEPEST:
            raise ManifestInvalid("Its indexes nest too deep.")
        found = await self._origin.manifests.find(tour.name, digest)
        parsed = await self._parse(found)
        there = await self._has(tour.remote, digest)
        if not there:
            for blob in dict.fromkeys(parsed.blobs):
                await self._blob(tour, blob)
        if not there or self._rule.referrers:  # theirs may be missing still
            for child in parsed.children:
                await self._child(tour, child, depth + 1)
        if not there or parsed.subject is not None:
            # Only who takes in a manifest that refers to another says whether it minds.
            minds = await self._put(tour.remote, str(digest), found)
            if parsed.subject is not None and not minds:
                tour.fallbacks.add(fallback_tag(parsed.subject.digest))
        if self._rule.referrers:
            tour.subjects.append(digest)

    async def _child(self, tour: _Tour, child: Descriptor, depth: int) -> None:
        """Copy what an index lists: a manifest, or a blob as caches of BuildKit do."""
        try:
            await self._manifest(tour, child.digest, depth)
        except ManifestUnknown:
            if not await self._origin.blobs.holds(tour.name, child.digest):
                raise
            await self._blob(tour, child)

    async def _refer(self, tour: _Tour, subject: Digest) -> None:
        """Copy what refers to a manifest, as far as it is here."""
        after, more = "", True
        while more and len(tour.seen) < _MOST:
            page = await self._origin.referrers.page(
                tour.name, subject, after=after, limit=_PAGE, room=_ROOM
            )
            for each in page.descriptors:
                await breathe(self._clock)
                try:
                    await self._manifest(tour, each.digest, 0)
                except MISSING as error:
                    self._log.warn(
                        "{digest} of {name}, which refers to {subject}, is not "
                        "replicated to {downstream}: {reason}",
                        digest=str(each.digest),
                        name=str(tour.name),
                        subject=str(subject),
                        downstream=self._downstream.name,
                        reason=_reason(error),
                    )
                after = str(each.digest)
            more = page.more

    async def _put(self, remote: str, reference: str, found: StoredManifest) -> bool:
        minds: bool = await self._downstream.put_manifest(
            remote, reference, found.digest, found.data, found.media_type
        )
        return minds

    async def _blob(self, tour: _Tour, wanted: Descriptor) -> None:
        """Copy a blob, unless it is there; or have it taken over from elsewhere."""
        if wanted.is_nondistributable:
            return
        digest, remote = wanted.digest, tour.remote
        async with self._turns.on((remote, digest)):
            if await self._downstream.has_blob(remote, digest, wanted.size):
                self._remember(digest, remote)
                return
            holder = self._holders.get(digest, remote)
            if holder == remote or not await self._downstream.mount_blob(
                remote, digest, holder
            ):
                blob = await self._origin.blobs.find(tour.name, digest)
                await self._downstream.push_blob(
                    remote, digest, blob.size, partial(self._open, blob)
                )
            self._remember(digest, remote)

    async def _open(self, blob: Blob, start: int) -> IReader:
        reader: IReader = await self._origin.blobs.open(blob, start, blob.size)
        return reader

    def _remember(self, digest: Digest, remote: str) -> None:
        """Remember where a blob is there: others can have it taken over from there."""
        self._holders[digest] = remote
        self._holders.move_to_end(digest)
        if len(self._holders) > _REMEMBERED:
            self._holders.popitem(last=False)

    async def _parse(self, found: StoredManifest) -> Manifest:
        if found.size <= _SMALL:
            return found.parse()
        return await self._blocking(found.parse)


def _reason(error: Exception) -> str:
    """Say why something is not here."""
    if isinstance(error, RegistryError):
        return error.message
    return "A blob is shorter than it should be."
