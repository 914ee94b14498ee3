"""Referrers: the manifests that name another one as their subject.

Source: OCI Distribution 1.1, "Listing Referrers" and "Referrers Tag Schema". The index
is one link for each referrer, beside the repository's manifests; it can be made again
from them. Clients and registries without the API see the same under the fallback tag,
and what such clients wrote there is listed as well.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime

from txregistry.model.descriptors import OCI_INDEX, Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    DigestInvalid,
    ManifestUnknown,
    NameUnknown,
)
from txregistry.model.manifests import MAX_SIZE
from txregistry.model.names import RepositoryName, fallback_tag
from txregistry.registry.links import write_link
from txregistry.registry.manifests import Manifests, StoredManifest
from txregistry.registry.tags import Tags
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import Turns, breathe

_BATCH: Final = 1000
_PAUSE: Final = 10
"""Manifests looked at, after which others have their turn."""

_MARK: Final = "txregistry.fallback"
"""The annotation of fallback indexes that this registry made, and may replace."""


_ROOM: Final = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReferrersPage:
    """Some referrers, by digest, and whether there are more."""

    descriptors: tuple[Descriptor, ...]
    more: bool


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
        found: list[Descriptor] = []
        digests = sorted(await self._digests(name, subject), key=str)
        for count, digest in enumerate(digests, 1):
            if not count % _PAUSE:
                await breathe(self._clock)
            if str(digest) <= after:
                continue
            descriptor = await self._describe(name, subject, digest)
            if descriptor is None:
                continue
            if types and descriptor.artifact_type not in types:
                continue
            room -= len(msgspec.json.encode(descriptor.to_json())) + 1
            if found and (len(found) == limit or room < 0):
                return ReferrersPage(tuple(found), more=True)
            found.append(descriptor)
        return ReferrersPage(tuple(found), more=False)

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

    async def _digests(self, name: RepositoryName, subject: Digest) -> set[Digest]:
        prefix = keys.referrers(name, subject)
        digests: set[Digest] = set()
        after, more = "", True
        while more:
            page = await self._store.list(prefix, after=after, limit=_BATCH)
            for key in page.names:
                try:
                    digests.add(keys.reference_digest(prefix, key))
                except DigestInvalid:
                    continue  # somebody else's file
            after, more = (page.names or [""])[-1], page.more
        fallback = await self._fallback(name, subject)
        if fallback is not None:
            digests.update(child.digest for child in fallback.parse().children)
        return digests

    async def _describe(
        self, name: RepositoryName, subject: Digest, digest: Digest
    ) -> Descriptor | None:
        try:
            found = await self._manifests.find(name, digest)
        except (ManifestUnknown, NameUnknown):
            return None
        manifest = found.summarize()
        if manifest.subject is None or manifest.subject.digest != subject:
            return None
        return Descriptor(
            found.media_type,
            digest,
            found.size,
            manifest.artifact_type,
            manifest.annotations,
        )

    async def _fallback(
        self, name: RepositoryName, subject: Digest
    ) -> StoredManifest | None:
        try:
            return await self._manifests.find(name, fallback_tag(subject))
        except (ManifestUnknown, NameUnknown):
            return None

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
