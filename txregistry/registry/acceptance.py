"""Accept manifests that are complete, and let them go again.

Source: OCI Distribution 1.1, "Pushing Manifests", "Pushing Manifests with Subject" and
"Deleting Manifests".
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import (
    BlobUnknown,
    DigestInvalid,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    ReferenceUnknown,
)
from txregistry.model.manifests import Manifest, parse_manifest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.blobs import Blobs
from txregistry.registry.formlinks import FormLinks
from txregistry.registry.manifests import Manifests
from txregistry.registry.quotas.quotas import Quotas
from txregistry.registry.reach import Reach
from txregistry.registry.referrers import Referrers
from txregistry.registry.replication.replication import Replication
from txregistry.registry.tags import Tags
from txregistry.tasks import breathe

_BATCH: Final = 100
"""Look-ups after which others have their turn."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a manifest that was pushed.

    Attributes:
        digest: What it is called from now on.
        subject: What it refers to, if to anything.
    """

    digest: Digest
    subject: Digest | None


class Acceptance:
    """Take manifests into repositories, and remove what is in them.

    Args:
        blobs: What images name.
        manifests: Where they go.
        tags: What points to them.
        referrers: Who refers to whom.
        forms: What goes with manifests.
        reach: Says what is kept by tags that have to stay.
        replication: Brings to other registries what is pushed.
        quotas: They say how much there is room for.
        clock: Lets others have their turn.
        complete: Whether everything that a manifest names must be there first.

    Attributes:
        quotas: Say how much there is room for.
    """

    def __init__(
        self,
        blobs: Blobs,
        manifests: Manifests,
        tags: Tags,
        referrers: Referrers,
        forms: FormLinks,
        reach: Reach,
        replication: Replication,
        quotas: Quotas,
        clock: IReactorTime,
        *,
        complete: bool,
    ) -> None:
        self._blobs = blobs
        self._manifests = manifests
        self._tags = tags
        self._referrers = referrers
        self._forms = forms
        self._reach = reach
        self._replication = replication
        self.quotas = quotas
        self._complete = complete
        self._clock = clock

    async def push(
        self,
        name: RepositoryName,
        reference: Reference,
        data: bytes,
        content_type: str | None,
        tags: Sequence[Tag] = (),
    ) -> Accepted:
        """Store a manifest as it came, then let tags point to it.

        Args:
            name: The repository.
            reference: A tag to set, or the digest that the manifest must have.
            data: Its bytes.
            content_type: The type that came with it, if any did.
            tags: Further tags to set.

        Raises:
            ManifestInvalid: it is no manifest that can be kept.
            DigestInvalid: it has another digest.
            ReferenceUnknown: something that it names is not in the repository.
            Denied: a tag has to stay where it is, or a quota has no room for it; then
                nothing is stored.
        """
        manifest = parse_manifest(data, content_type)
        if isinstance(reference, Digest):
            digest = Digest.of(data, reference.algorithm)
            if digest != reference:
                raise DigestInvalid(
                    f"The manifest has the digest {digest}, not {reference}.",
                    {"digest": str(reference), "actual": str(digest)},
                )
        else:
            digest = Digest.of(data)
            tags = [reference, *tags]
        tags = list(dict.fromkeys(tags))
        await self._tags.check_moves(name, tags, digest)
        subject = manifest.subject.digest if manifest.subject else None
        async with self._tags.settled(name, tags):
            await self._tags.check_moves(name, tags, digest)
            missing = await self._find_missing(name, manifest)
            if missing and self._complete:
                raise ReferenceUnknown(missing)
            sizes = {_stored(digest, data): len(data)}
            async with self.quotas.room(name, manifests=sizes, tags=tags):
                await self._manifests.keep(name, digest, data)
                if subject is not None:
                    await self._referrers.add(name, subject, digest)
                for tag in tags:
                    await self._tags.point(name, tag, digest)
                    await self._replication.note(name, tag, digest)
            if subject is not None:
                await self._replication.note_referrer(name, digest)
        return Accepted(digest, subject)

    async def point(self, name: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Let a tag point to a manifest, if that is in the repository.

        Raises:
            ManifestUnknown: it is not.
            Denied: the tag has to stay where it is, or there are too many for a quota.
        """
        async with self._tags.settled(name, [tag]):
            if not await self._manifests.holds(name, digest):
                raise ManifestUnknown(f"The repository {name} has no {digest}.")
            async with self.quotas.room(name, tags=[tag]):
                await self._tags.point(name, tag, digest)
                await self._replication.note(name, tag, digest)

    async def delete(self, name: RepositoryName, reference: Reference) -> None:
        """Remove a tag; or a manifest with all tags that point to it.

        Raises:
            ManifestUnknown: there is none.
            NameUnknown: there is no such repository.
            Denied: the tag has to stay, or one that needs the manifest.
        """
        if isinstance(reference, Tag):
            if not await self._manifests.has_repository(name):
                raise NameUnknown(f"There is no repository {name}.")
            await self._tags.remove(name, reference)
            return
        async with self._tags.settled(name):
            await self._tags.check_forgotten(name, reference)
            if self._tags.may_stay(name):
                names = await self._manifests.names(name, reference)
                await self._reach.check_forgotten(name, reference, names)
            await self._delete(name, reference)

    async def delete_blob(self, name: RepositoryName, digest: Digest) -> None:
        """Take the right to a blob, by whatever digest, from a repository.

        Raises:
            BlobUnknown: the repository does not hold it.
            Denied: a tag that needs it has to stay.
        """
        async with self._tags.settled(name):
            if self._tags.may_stay(name):
                names = await self._blobs.names(name, digest)
                await self._reach.check_forgotten(name, digest, names)
            await self._blobs.unlink(name, digest)

    async def _delete(self, name: RepositoryName, reference: Digest) -> None:
        """Remove a manifest, with all tags that point to it.

        Raises:
            ManifestUnknown: there is none.
            NameUnknown: there is no such repository.
        """
        subject = None
        unknown: ManifestUnknown | None = None
        try:
            found = await self._manifests.find(name, reference)
            subject = found.summarize().subject
        except ManifestUnknown as error:
            unknown = error  # or damaged in the store, which is to go as well
        digests = await self._manifests.names(name, reference)
        if not digests:
            raise unknown or ManifestUnknown(f"The repository {name} has it no more.")
        # Broken off, it leaves nothing that leads to what is gone, and is gone on with
        # by deleting the manifest again.
        await self._untag(name, digests)
        if subject is not None:
            await self._referrers.remove(name, subject.digest, digests)
        await self._manifests.forget(name, reference)
        await self._untag(name, digests)  # somebody may have set a tag meanwhile
        for digest in digests:
            await self._forms.forget(name, digest)

    async def _untag(self, name: RepositoryName, digests: Collection[Digest]) -> None:
        """Remove the tags that point to a manifest, by whatever digest."""
        for tag in await self._tags.pointing_to(name, digests):
            with suppress(ManifestUnknown):  # somebody was faster
                await self._tags.remove(name, tag, digests)

    async def delete_all(self, name: RepositoryName) -> None:
        """Remove all tags and manifests of a repository.

        Raises:
            Denied: a tag has to stay; then nothing is removed.
        """
        async with self._tags.settled(name):
            await self._tags.check_forgotten(name)
            for tag in (await self._tags.page(name, "", None)).tags:
                with suppress(ManifestUnknown):
                    await self._tags.remove(name, tag)
            for digest in await self._manifests.all(name):
                with suppress(ManifestUnknown):
                    await self._delete(name, digest)

    async def _find_missing(
        self, name: RepositoryName, manifest: Manifest
    ) -> list[str]:
        """Look for all that a manifest names, so that it is not collected.

        Returns:
            What is not there, and should be.
        """
        blobs = {blob.digest: blob for blob in manifest.blobs}
        children = {child.digest: child for child in manifest.children}
        missing = []
        for count, wanted in enumerate((*blobs.values(), *children.values()), 1):
            if not count % _BATCH:
                await breathe(self._clock)
            if wanted.digest in children:
                found = await self._has_child(name, wanted)
            elif wanted.is_nondistributable:
                await self._blobs.holds(name, wanted.digest)
                found = True  # it is to be had elsewhere
            else:
                found = await self._has_blob(name, wanted)
            if not found:
                missing.append(str(wanted.digest))
        return missing

    async def _has_child(self, name: RepositoryName, wanted: Descriptor) -> bool:
        # An index of BuildKit's cache lists blobs where others list manifests.
        return await self._manifests.holds(
            name, wanted.digest
        ) or await self._blobs.holds(name, wanted.digest)

    async def _has_blob(self, name: RepositoryName, wanted: Descriptor) -> bool:
        try:
            blob = await self._blobs.find(name, wanted.digest)
        except BlobUnknown:
            return False
        if self._complete and blob.size != wanted.size:
            raise ManifestInvalid(
                f"The manifest says that {wanted.digest} has {wanted.size} bytes; it "
                f"has {blob.size}.",
                {"digest": str(wanted.digest), "size": blob.size},
            )
        return True


def _stored(digest: Digest, data: bytes) -> Digest:
    """Say under which digest a manifest is stored."""
    return digest if digest.algorithm == CANONICAL else Digest.of(data)
