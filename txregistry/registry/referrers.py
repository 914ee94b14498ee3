"""Referrers: the manifests that name another one as their subject.

Source: OCI Distribution 1.1, "Listing Referrers" and "Referrers Tag Schema". The index
is one link for each referrer, beside the repository's manifests; it can be made again
from them. Clients and registries without the API see the same under the fallback tag,
and what such clients wrote there is listed as well.
"""

import re
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime

from txregistry.model.descriptors import OCI_INDEX, Descriptor
from txregistry.model.digest import ALGORITHMS, Digest
from txregistry.model.errors import (
    DigestInvalid,
    ManifestUnknown,
)
from txregistry.model.manifests import MAX_SIZE
from txregistry.model.names import RepositoryName, fallback_tag
from txregistry.registry.descriptions import Description, Descriptions
from txregistry.registry.links import write_link
from txregistry.registry.listing import folders_of
from txregistry.registry.manifests import Manifests, StoredManifest
from txregistry.registry.tags import Tags
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import Turns, breathe

_BATCH: Final = 999
"""Links that are listed at once: one request of S3, which also tells of more."""
_PAUSE: Final = 1000
"""Manifests that are passed over before others have their turn."""
_GROUP: Final = 64
"""Referrers that are looked at before others have their turn; where each would be a
request, as many as one listing tells of."""
_LEAST: Final = 8
_HEXADECIMAL: Final = re.compile("[0-9a-f]{,128}")
_INDEXES: Final = 8
"""Fallback indexes of which is remembered what they list."""

_MARK: Final = "txregistry.fallback"
"""The annotation of fallback indexes that this registry made, and may replace."""


_ROOM: Final = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReferrersPage:
    """Some referrers, by digest, and whether there are more.

    Attributes:
        descriptors: The referrers.
        more: Whether there are more.
        documents: The descriptors as JSON.
    """

    descriptors: tuple[Descriptor, ...]
    more: bool
    documents: tuple[bytes, ...]


class Referrers:
    """The referrers in all repositories.

    Args:
        store: Where the links are.
        manifests: Who refers.
        tags: Where the fallback tags are.
        clock: Lets others have their turn.
        write_fallback: Whether the fallback tag is kept in step.
    """

    def __init__(
        self,
        store: IObjectStore,
        manifests: Manifests,
        tags: Tags,
        clock: IReactorTime,
        *,
        write_fallback: bool,
    ) -> None:
        self._store = store
        self._manifests = manifests
        self._tags = tags
        self._clock = clock
        self._write_fallback = write_fallback
        self._turns = Turns()
        self._listed: OrderedDict[Digest, Sequence[str]] = OrderedDict()
        self._descriptions = Descriptions(manifests)

    async def page(  # noqa: D417 - see below
        self,
        name: RepositoryName,
        subject: Digest,
        *,
        types: Collection[str] = (),
        after: str = "",
        limit: int,
        room: int,
    ) -> ReferrersPage:
        """Give some referrers of a manifest, which need not exist.

        Args:
            types: Only those of these artifact types; all, if empty.
            after: Only those whose digest sorts strictly after this.
            limit: How many at most.
            room: Bytes that their descriptors may take as JSON; one is always given.
        """
        found: list[Description] = []
        groups = self._groups(name, subject, types, after, limit + 1)
        async for digests in groups:
            async for each in self._descriptions.of(name, subject, digests):
                if types and each.descriptor.artifact_type not in types:
                    continue
                room -= len(each.document) + 1
                if found and (len(found) == limit or room < 0):
                    return _page(found, more=True)
                found.append(each)
        return _page(found, more=False)

    async def _groups(
        self,
        name: RepositoryName,
        subject: Digest,
        types: Collection[str],
        after: str,
        count: int,
    ) -> AsyncIterator[list[Digest]]:
        """Give what may be of one of some types, many at a time.

        So many are expected to be taken; there may be more, or less.
        """
        most = _BATCH if self._store.flat else _GROUP
        group: list[Digest] = []
        passed, size = 0, min(count, most)
        async for digest in self._digests(name, subject, after):
            passed += 1
            if not types or self._descriptions.may_be(digest, types):
                group.append(digest)
            if len(group) == size:
                yield group
                count -= size
                group, size = [], min(max(count, _LEAST), most)
                passed += _PAUSE
            if passed >= _PAUSE:
                passed = 0
                await breathe(self._clock)
        if group:
            yield group

    async def add(
        self, name: RepositoryName, subject: Digest, referrer: Digest
    ) -> None:
        """Note that a stored manifest refers to another."""
        await write_link(
            self._store, keys.referrer_link(name, subject, referrer), referrer
        )
        await self._sync_fallback(name, subject, added=referrer)

    async def remove(
        self, name: RepositoryName, subject: Digest, digests: Collection[Digest]
    ) -> None:
        """Note that a manifest, which is gone, no longer refers to another.

        Args:
            name: The repository.
            subject: The other one.
            digests: What the manifest was called.
        """
        await self._store.delete(
            [keys.referrer_link(name, subject, digest) for digest in digests]
        )
        await self._sync_fallback(name, subject, removed=digests)

    async def _digests(
        self, name: RepositoryName, subject: Digest, after: str
    ) -> AsyncIterator[Digest]:
        """Give what may refer to a manifest, after some digest and in byte order."""
        listed = await self._fallen_back(name, subject)
        place = bisect_right(listed, after)
        async for digest in self._linked(keys.referrers(name, subject), after):
            text = str(digest)
            while place < len(listed) and listed[place] <= text:
                if listed[place] != text:
                    yield Digest.parse(listed[place])
                place += 1
            yield digest
        for each in listed[place:]:
            yield Digest.parse(each)

    async def _linked(self, prefix: str, after: str) -> AsyncIterator[Digest]:
        """Give what links name, in the same way."""
        async for places in self._links(prefix, after):
            for key in places:
                try:
                    digest = keys.reference_digest(prefix, key)
                except DigestInvalid:
                    continue  # somebody else's file
                if str(digest) > after:
                    yield digest

    async def _links(self, prefix: str, after: str) -> AsyncIterator[Sequence[str]]:
        """Give where links are, in byte order; from about where they are wanted."""
        algorithm, _, encoded = after.partition(":")
        folders = folders_of(self._store)
        if folders is None:
            hexadecimal = _HEXADECIMAL.match(encoded)
            place, more = "", True
            if algorithm in ALGORITHMS and hexadecimal is not None:
                place = f"{prefix}{algorithm}/{hexadecimal[0]}"
            while more:
                page = await self._store.list(prefix, after=place, limit=_BATCH)
                yield page.names
                place, more = (page.names or [""])[-1], page.more
            return
        (algorithms,) = await folders.names((prefix,))
        for each in algorithms:
            if each[:-1] < algorithm:
                continue
            (within,) = await folders.names((prefix + each,))
            start = bisect_left(within, encoded) if each[:-1] == algorithm else 0
            for first in range(start, len(within), _BATCH):
                names = within[first : first + _BATCH]
                yield [f"{prefix}{each}{name}link" for name in names]

    async def _fallen_back(
        self, name: RepositoryName, subject: Digest
    ) -> Sequence[str]:
        """Give what the index under the fallback tag lists, sorted."""
        fallback = await self._fallback(name, subject)
        if fallback is None:
            return ()
        listed = self._listed.get(fallback.digest)
        if listed is None:
            listed = sorted({str(each.digest) for each in fallback.parse().children})
            self._listed[fallback.digest] = listed
            if len(self._listed) > _INDEXES:
                self._listed.popitem(last=False)
        return listed

    async def _describe(
        self, name: RepositoryName, subject: Digest, digest: Digest
    ) -> Descriptor | None:
        async for known in self._descriptions.of(name, subject, [digest]):
            return known.descriptor
        return None

    async def _fallback(
        self, name: RepositoryName, subject: Digest
    ) -> StoredManifest | None:
        return await self._manifests.look(name, fallback_tag(subject))

    async def _sync_fallback(
        self,
        name: RepositoryName,
        subject: Digest,
        *,
        added: Digest | None = None,
        removed: Collection[Digest] = (),
    ) -> None:
        """Let the fallback tag say what the API says."""
        if not self._write_fallback:
            return
        async with self._turns.on((name, subject)):
            await self._rewrite_fallback(name, subject, added, removed)

    async def _rewrite_fallback(
        self,
        name: RepositoryName,
        subject: Digest,
        added: Digest | None,
        removed: Collection[Digest],
    ) -> None:
        """Change what is there by what has changed; make it, where nothing is there."""
        before = await self._fallback(name, subject)
        listed: dict[Digest, Descriptor] = {}
        ours = True
        if before is not None:
            manifest = before.parse()
            if not manifest.is_index:
                return  # the tag is somebody's for something else
            ours = _MARK in manifest.annotations
            listed = {each.digest: each for each in manifest.children}
            if added is not None:
                descriptor = await self._describe(name, subject, added)
                if descriptor is not None:
                    listed[added] = descriptor
        elif added is not None:
            found = await self.page(name, subject, limit=_BATCH * 10, room=_ROOM)
            listed = {each.digest: each for each in found.descriptors}
        for digest in removed:
            listed.pop(digest, None)
        await self._point_fallback(name, subject, before if ours else None, listed)

    async def _point_fallback(
        self,
        name: RepositoryName,
        subject: Digest,
        replaced: StoredManifest | None,
        listed: dict[Digest, Descriptor],
    ) -> None:
        tag = fallback_tag(subject)
        if not listed:
            if replaced is not None:
                with suppress(ManifestUnknown):  # somebody was faster
                    await self._tags.remove(name, tag, [replaced.digest])
                await self._forget_fallback(name, replaced)
            return
        data = msgspec.json.encode(
            {
                "schemaVersion": 2,
                "mediaType": OCI_INDEX,
                "manifests": [each.to_json() for each in listed.values()],
                "annotations": {_MARK: str(subject)},
            }
        )
        digest = Digest.of(data)
        if len(data) > MAX_SIZE or (replaced and replaced.digest == digest):
            return
        await self._manifests.keep(name, digest, data)
        await self._tags.point(name, tag, digest)
        if replaced is not None:
            await self._forget_fallback(name, replaced)

    async def _forget_fallback(
        self, name: RepositoryName, replaced: StoredManifest
    ) -> None:
        """Remove an index that was made here."""
        # A tag that has to stay may need it, of all things. To find out costs more than
        # to leave a small index where there are such tags.
        if not self._tags.may_stay(name):
            await self._manifests.forget(name, replaced.digest)


def _page(found: Sequence[Description], *, more: bool) -> ReferrersPage:
    return ReferrersPage(
        tuple(each.descriptor for each in found),
        more,
        tuple(each.document for each in found),
    )
