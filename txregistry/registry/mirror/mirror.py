"""What is pulled, from here or from the registry that a repository is mirrored from."""

from collections.abc import Callable, Mapping
from typing import Final

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import IVersion1Upstream
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.blobs import Blobs
from txregistry.registry.manifests import Manifests
from txregistry.registry.mirror.approvals import Approvals
from txregistry.registry.mirror.blobs import (
    MirroredBlobs,
    PulledBlob,
    StoredBlob,
)
from txregistry.registry.mirror.images import MirroredImages
from txregistry.registry.mirror.lists import MirroredLists
from txregistry.registry.mirror.manifests import MirroredManifests, PulledManifest
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.registry.tags import Tags, TagsPage
from txregistry.registry.uses import Uses

_MOST: Final = 10_000
"""Tags that are asked for where a client wants all."""


class Mirror:
    """Rules in front of reading.

    Args:
        rules: Which repositories are mirrored.
        manifests: The manifests that are here.
        blobs: The blobs that are here.
        tags: The tags that are here.
        mirrored_manifests: Finds those of mirrored repositories.
        mirrored_blobs: Likewise.
        mirrored_lists: Likewise.
        mirrored_images: Likewise, where the other registry speaks version 1.
        approvals: Whom other registries let pull that decide that.
        uses: Takes a note of what is pulled, mirrored or not.
    """

    def __init__(
        self,
        rules: MirrorRules,
        manifests: Manifests,
        blobs: Blobs,
        tags: Tags,
        mirrored_manifests: MirroredManifests,
        mirrored_blobs: MirroredBlobs,
        mirrored_lists: MirroredLists,
        mirrored_images: MirroredImages,
        approvals: Approvals,
        uses: Uses,
    ) -> None:
        self.rules = rules
        self._manifests = manifests
        self._blobs = blobs
        self._mirrored_manifests = mirrored_manifests
        self._mirrored_blobs = mirrored_blobs
        self._mirrored_lists = mirrored_lists
        self._mirrored_images = mirrored_images
        self._tags = tags
        self._approvals = approvals
        self._uses = uses

    def passes(self, name: RepositoryName) -> bool:
        """Say whether another registry decides who may pull from a repository."""
        rule = self.rules.find(name)
        return rule is not None and rule.passing

    async def find_manifest(
        self,
        name: RepositoryName,
        reference: Reference,
        caller: Credentials | None = None,
    ) -> PulledManifest:
        """Give a manifest.

        Args:
            name: The repository.
            reference: What is wanted.
            caller: Who wants it, where another registry decides whether they may; None
                where it is ourselves.

        Raises:
            ManifestUnknown: there is none.
            NameUnknown: there is no such repository.
            Unauthorized: the other registry does not let the caller have it.
            UpstreamSilent: as for `MirroredManifests.find`.
            UpstreamInvalid: likewise.
        """
        pulled = await self._find_manifest(name, reference, caller)
        self._uses.note(name, reference, pulled.manifest.digest)
        return pulled

    def again(
        self, name: RepositoryName, *references: Reference
    ) -> Callable[[], None] | None:
        """Say what is to be done when what was found is given again without a search.

        Args:
            name: The repository.
            references: What is used by that.

        Returns:
            What to do each time; None where there has to be a search, as another
            registry may have something else by then, though nothing changed here.
        """
        if self.rules.find(name) is not None:
            return None
        return self._uses.noting(name, *references)

    async def _find_manifest(
        self, name: RepositoryName, reference: Reference, caller: Credentials | None
    ) -> PulledManifest:
        rule = self.rules.find(name)
        if rule is None:
            return PulledManifest(await self._manifests.find(name, reference))
        if caller is not None:
            await self._approvals.check_manifest(rule, name, reference, caller)
        if _speaks_v1(rule):
            return await self._mirrored_images.find(rule, name, reference)
        return await self._mirrored_manifests.find(rule, name, reference, caller)

    async def find_blob(
        self,
        name: RepositoryName,
        digest: Digest,
        caller: Credentials | None = None,
        *,
        whole: bool,
    ) -> PulledBlob:
        """Give a blob.

        Args:
            name: The repository.
            digest: The blob.
            caller: As for a manifest.
            whole: Whether all of it is wanted.

        Raises:
            BlobUnknown: there is none.
            Unauthorized: the other registry does not let the caller have it.
            UpstreamSilent: as for `MirroredBlobs.find`.
            UpstreamInvalid: likewise.
        """
        rule = self.rules.find(name)
        if rule is None:
            return StoredBlob(self._blobs, await self._blobs.find(name, digest))
        if caller is not None:
            await self._approvals.check_blob(rule, name, digest, caller)
        return await self._mirrored_blobs.find(rule, name, digest, caller, whole=whole)

    async def list_tags(
        self,
        name: RepositoryName,
        after: str,
        limit: int | None,
        caller: Credentials | None = None,
    ) -> TagsPage:
        """Give some tags, in the order of whoever has them.

        Args:
            name: The repository.
            after: Only tags after this one.
            limit: How many at most; None for all.
            caller: As for a manifest; they get what the other registry gives them, and
                nothing else.

        Raises:
            Unauthorized: the other registry does not let the caller have it.
            UpstreamSilent: it cannot be asked whether the caller may.
            UpstreamInvalid: likewise.
        """
        rule = self.rules.find(name)
        if rule is not None:
            most = _MOST if limit is None else limit
            page = await self._mirrored_lists.tags(rule, name, after, most, caller)
            if page is not None:
                return page
            if caller is not None:
                return TagsPage((), more=False)
        return await self._tags.page(name, after, limit)

    async def fetch_referrers(
        self, name: RepositoryName, subject: Digest, caller: Credentials | None = None
    ) -> None:
        """Have here, as far as that can be, what refers to a manifest.

        Raises:
            Unauthorized: the other registry does not let the caller have the manifest.
            ManifestUnknown: there is none, as far as the caller may know.
            UpstreamSilent: it cannot be asked whether the caller may have it.
            UpstreamInvalid: likewise.
        """
        rule = self.rules.find(name)
        if rule is None:
            return
        if caller is not None:
            await self._approvals.check_manifest(rule, name, subject, caller)
        await self._mirrored_lists.fetch_referrers(rule, name, subject, caller)

    async def ensure_tag(self, name: RepositoryName, tag: Tag) -> None:
        """Let a tag name the image here that it names in a registry of version 1.

        Raises:
            TagUnknown: as for `MirroredImages.ensure`.
            UpstreamSilent: likewise.
            UpstreamInvalid: likewise.
        """
        rule = self.rules.find(name)
        if rule is not None and _speaks_v1(rule):
            await self._mirrored_images.ensure(rule, name, tag)
        self._uses.note(name, tag)

    async def tag_ids(self, name: RepositoryName) -> Mapping[Tag, ImageId] | None:
        """List tags and the images that they name in a registry of version 1.

        Returns:
            The list; None where there is none, or it cannot be had.
        """
        rule = self.rules.find(name)
        if rule is None or not _speaks_v1(rule):
            return None
        return await self._mirrored_images.tag_ids(rule, name)

    async def ensure_image(self, name: RepositoryName, image_id: ImageId) -> None:
        """Have an image here that a tag names in a registry of version 1.

        Raises:
            UpstreamSilent: as for `MirroredImages.ensure_image`.
            UpstreamInvalid: likewise.
        """
        rule = self.rules.find(name)
        if rule is not None and _speaks_v1(rule):
            await self._mirrored_images.ensure_image(rule, name, image_id)

    def repositories(self, image_id: ImageId) -> list[RepositoryName]:
        """Give those that are said to have an image, of which nothing is here yet."""
        return self._mirrored_images.repositories(image_id)

    def check_push(self, name: RepositoryName) -> None:
        """Refuse to take something into a repository that is another registry's.

        Raises:
            Denied: it is.
        """
        rule = self.rules.find(name)
        if rule is not None:
            raise Denied(
                f"The repository {name} is a mirror of {rule.upstream.name}; push to "
                "that registry, or to a repository here that is not mirrored.",
                {"name": str(name)},
            )

    def check_removal(self, name: RepositoryName) -> None:
        """Refuse to remove a repository that is another registry's.

        Raises:
            Denied: it is.
        """
        rule = self.rules.find(name)
        if rule is not None:
            raise Denied(
                f"The repository {name} is a mirror of {rule.upstream.name}, and would "
                "come back when somebody asks for it; what is kept of it, and for how "
                "long, is a matter of the registry's settings.",
                {"name": str(name)},
            )

    async def close(self) -> None:
        """Close the connections to the other registries."""
        for upstream in self.rules.upstreams:
            await upstream.close()


def _speaks_v1(rule: MirrorRule) -> bool:
    """Say whether the other registry speaks version 1, and nothing else."""
    return bool(IVersion1Upstream.providedBy(rule.upstream))
