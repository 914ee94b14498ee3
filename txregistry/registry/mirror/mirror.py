"""What is pulled, from here or from the registry that a repository is mirrored from."""

from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.errors import Denied
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry.blobs import Blobs
from txregistry.registry.manifests import Manifests
from txregistry.registry.mirror.blobs import (
    MirroredBlobs,
    PulledBlob,
    StoredBlob,
)
from txregistry.registry.mirror.lists import MirroredLists
from txregistry.registry.mirror.manifests import MirroredManifests, PulledManifest
from txregistry.registry.mirror.rules import MirrorRules
from txregistry.registry.tags import Tags, TagsPage

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
    ) -> None:
        self.rules = rules
        self._manifests = manifests
        self._blobs = blobs
        self._mirrored_manifests = mirrored_manifests
        self._mirrored_blobs = mirrored_blobs
        self._mirrored_lists = mirrored_lists
        self._tags = tags

    async def find_manifest(
        self, name: RepositoryName, reference: Reference
    ) -> PulledManifest:
        """Give a manifest.

        Raises:
            ManifestUnknown: there is none.
            NameUnknown: there is no such repository.
            UpstreamSilent: as for `MirroredManifests.find`.
            UpstreamInvalid: likewise.
        """
        rule = self.rules.find(name)
        if rule is None:
            return PulledManifest(await self._manifests.find(name, reference))
        return await self._mirrored_manifests.find(rule, name, reference)

    async def find_blob(
        self, name: RepositoryName, digest: Digest, *, whole: bool
    ) -> PulledBlob:
        """Give a blob.

        Args:
            name: The repository.
            digest: The blob.
            whole: Whether all of it is wanted.

        Raises:
            BlobUnknown: there is none.
            UpstreamSilent: as for `MirroredBlobs.find`.
            UpstreamInvalid: likewise.
        """
        rule = self.rules.find(name)
        if rule is None:
            return StoredBlob(self._blobs, await self._blobs.find(name, digest))
        return await self._mirrored_blobs.find(rule, name, digest, whole=whole)

    async def list_tags(
        self, name: RepositoryName, after: str, limit: int | None
    ) -> TagsPage:
        """Give some tags, in the order of whoever has them.

        Args:
            name: The repository.
            after: Only tags after this one.
            limit: How many at most; None for all.
        """
        rule = self.rules.find(name)
        if rule is not None:
            most = _MOST if limit is None else limit
            page = await self._mirrored_lists.tags(rule, name, after, most)
            if page is not None:
                return page
        return await self._tags.page(name, after, limit)

    async def fetch_referrers(self, name: RepositoryName, subject: Digest) -> None:
        """Have here, as far as that can be, what refers to a manifest."""
        rule = self.rules.find(name)
        if rule is not None:
            await self._mirrored_lists.fetch_referrers(rule, name, subject)

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

    async def close(self) -> None:
        """Close the connections to the other registries."""
        for upstream in self.rules.upstreams:
            await upstream.close()
