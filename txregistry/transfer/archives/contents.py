"""All that came of an archive, by digest; what it names, and whether that is right."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from txregistry.model.descriptors import MANIFESTS, Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.manifests import Manifest, parse_manifest
from txregistry.tasks import Blocking
from txregistry.transfer.archives.documents import is_runnable, read_diff_ids
from txregistry.transfer.archives.limits import ArchiveLimits
from txregistry.transfer.archives.refusals import (
    ArchiveMalformed,
    ArchiveTooLarge,
    ArchiveWrongDigest,
)
from txregistry.transfer.archives.staging import Keeping, Staged

MAX_DEPTH: Final = 4
"""Indexes within each other."""


@dataclass(slots=True)
class Part:
    """A manifest of an archive, and what it names.

    Attributes:
        descriptor: What names it.
        manifest: What it says.
        blobs: What it names that is no manifest, and is there.
        missing: What it names that is not there.
    """

    descriptor: Descriptor
    manifest: Manifest
    blobs: dict[Digest, Staged] = field(default_factory=dict)
    missing: list[Descriptor] = field(default_factory=list)


class Contents:
    """The blobs of an archive, which have the digests that they are kept by.

    Args:
        staging: Where they are.
        blocking: Where documents are read, which may be long.
        limits: How much there may be.
        unpacks: Whether it is known what layers unpack to.
    """

    def __init__(
        self,
        staging: Keeping,
        blocking: Blocking,
        limits: ArchiveLimits,
        *,
        unpacks: bool = True,
    ) -> None:
        self._staging = staging
        self._blocking = blocking
        self._limits = limits
        self._unpacks = unpacks
        self.blobs: dict[Digest, Staged] = {}

    async def walk(
        self, top: Descriptor, seen: set[Digest] | None = None
    ) -> AsyncIterator[Part]:
        """Give an image's manifests, what an index lists always before it.

        Args:
            top: Its own, which may be an index.
            seen: Those that are passed over; what is given is added.

        Raises:
            ArchiveRefused: something about it is wrong.
        """
        seen = set() if seen is None else seen
        if top.digest not in seen:
            async for part in self._walk(top, seen, 0):
                yield part

    async def data(self, descriptor: Descriptor) -> bytes:
        """Read a document.

        Raises:
            ArchiveTooLarge: it is too long for one.
        """
        staged = self.blobs[descriptor.digest]
        if staged.found.size > self._limits.document:
            raise ArchiveTooLarge(
                f"The document {descriptor.digest} has more than "
                f"{self._limits.document} bytes."
            )
        return await self._staging.read(staged)

    async def _walk(
        self, descriptor: Descriptor, seen: set[Digest], depth: int
    ) -> AsyncIterator[Part]:
        seen.add(descriptor.digest)
        if len(seen) > self._limits.manifests:
            raise ArchiveTooLarge(
                f"The archive has more than {self._limits.manifests} manifests."
            )
        if depth > MAX_DEPTH:
            raise ArchiveMalformed("The archive's indexes lie too deep in each other.")
        part = Part(descriptor, await self._parse(descriptor))
        named = len(part.manifest.children) + len(part.manifest.blobs)
        if named > self._limits.members:
            raise ArchiveTooLarge(f"{descriptor.digest} names {named} parts.")
        for child in part.manifest.children:
            if self._note(part, child) or child.digest in seen:
                continue
            async for each in self._walk(child, seen, depth + 1):
                yield each
        for blob in part.manifest.blobs:
            self._note(part, blob)
        if is_runnable(part.manifest):
            await self._check_layers(part)
        yield part

    async def _parse(self, descriptor: Descriptor) -> Manifest:
        self._find(descriptor)
        data = await self.data(descriptor)
        try:
            return await self._blocking(parse_manifest, data, descriptor.media_type)
        except ManifestInvalid as error:
            raise ArchiveMalformed(
                f"{descriptor.digest} in the archive cannot be used: {error.message}"
            ) from None

    def _find(self, descriptor: Descriptor) -> Staged | None:
        """Find content, and see that it is as long as is said of it."""
        staged = self.blobs.get(descriptor.digest)
        if staged is not None and staged.found.size != descriptor.size:
            raise ArchiveMalformed(
                f"The archive says that {descriptor.digest} has {descriptor.size} "
                f"bytes; it has {staged.found.size}."
            )
        return staged

    def _note(self, part: Part, named: Descriptor) -> bool:
        """Note something that a manifest names, unless it is a manifest itself."""
        staged = self._find(named)
        if staged is None:
            if not named.is_nondistributable:
                part.missing.append(named)
            return True
        # An index of BuildKit's cache lists blobs where others list manifests.
        if part.manifest.is_index and named.media_type in MANIFESTS:
            return False
        part.blobs[named.digest] = staged
        return True

    async def _check_layers(self, part: Part) -> None:
        """Compare the layers of an image with what its config says of them.

        Raises:
            ArchiveMalformed: it says something about more or fewer layers.
            ArchiveTooLarge: one unpacks to too much.
            ArchiveWrongDigest: one unpacks to something else.
        """
        config, *layers = part.manifest.blobs
        if config.digest not in part.blobs:
            return  # the repository has it, which is seen later
        diff_ids = await self._blocking(read_diff_ids, await self.data(config))
        if diff_ids is None:
            return
        if len(diff_ids) != len(layers):
            raise ArchiveMalformed(
                f"The config {config.digest} speaks of {len(diff_ids)} layers, the "
                f"manifest {part.descriptor.digest} of {len(layers)}."
            )
        for layer, diff_id in zip(layers, diff_ids, strict=True):
            staged = part.blobs.get(layer.digest)
            if staged is not None and self._unpacks:
                _check_layer(layer.digest, staged, diff_id)


def _check_layer(digest: Digest, staged: Staged, diff_id: Digest) -> None:
    found = staged.found
    if found.is_bomb:
        raise ArchiveTooLarge(f"The layer {digest} unpacks to more than any image.")
    if found.diff_id is None:
        raise ArchiveMalformed(
            f"The layer {digest} is damaged: it cannot be unpacked to its end."
        )
    if diff_id.algorithm == found.diff_id.algorithm and diff_id != found.diff_id:
        raise ArchiveWrongDigest(
            f"The layer {digest} unpacks to {found.diff_id}; the image's config says "
            f"{diff_id}."
        )
