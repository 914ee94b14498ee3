"""An archive that was read and checked, and of which nobody sees anything yet."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from txregistry.model.descriptors import MANIFESTS, Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, ManifestInvalid
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.repositories import Registry
from txregistry.tasks import breathe
from txregistry.transfer.archives.contents import Contents, Part
from txregistry.transfer.archives.documents import is_runnable
from txregistry.transfer.archives.images import ArchivedImage
from txregistry.transfer.archives.members import printable
from txregistry.transfer.archives.refusals import (
    ArchiveAmbiguous,
    ArchiveIncomplete,
    ArchiveMalformed,
)
from txregistry.transfer.archives.staging import Staged, Staging

Holds = Callable[[RepositoryName, Descriptor], Awaitable[bool]]
"""Says whether a repository has something."""

_SHOWN: Final = 5
"""Names that a sentence lists."""


@dataclass(slots=True)
class _Plan:
    """What is to be done so that a repository has an image.

    Attributes:
        manifests: Its manifests, the last of which is its own.
        blobs: What they name.
        partial: Indexes that name manifests which are nowhere, and which those are.
    """

    manifests: list[Descriptor] = field(default_factory=list)
    blobs: dict[Digest, Staged] = field(default_factory=dict)
    partial: dict[Digest, list[Descriptor]] = field(default_factory=dict)


class Archive:
    """Images on their way into a registry.

    Args:
        registry: Where they go.
        staging: Where they are.
        contents: What of them there is.
        images: What they are called.
        bundle: What the archive says of its images, where it is a bundle.
        beyond: Says whether the place for which the registry stands in has something
            that neither it nor the archive has.
    """

    def __init__(
        self,
        registry: Registry,
        staging: Staging,
        contents: Contents,
        images: tuple[ArchivedImage, ...],
        *,
        bundle: bytes | None = None,
        beyond: Holds | None = None,
    ) -> None:
        self._registry = registry
        self._staging = staging
        self._contents = contents
        self.images = images
        """The images, in the order of the archive."""
        self.bundle = bundle
        self._beyond = beyond

    def choose(self, called: str | None = None) -> ArchivedImage:
        """Give the one image that is meant.

        Args:
            called: A name, tag or digest of it; None where there is but one.

        Raises:
            ArchiveAmbiguous: there are several, or none of them is called so.
        """
        if called is None and len(self.images) == 1:
            return self.images[0]
        found = [each for each in self.images if called and each.is_called(called)]
        if len(found) == 1:
            return found[0]
        known = [(*each.names, str(each.descriptor.digest))[0] for each in self.images]
        more = ", …" if len(known) > _SHOWN else ""
        listed = ", ".join(known[:_SHOWN]) + more
        if called is not None:
            raise ArchiveAmbiguous(
                f"No single image in the archive is called {printable(called)}; it "
                f"has: {listed}."
            )
        raise ArchiveAmbiguous(
            f"The archive has {len(known)} images; say which: {listed}."
        )

    async def publish(
        self,
        name: RepositoryName,
        tags: Sequence[Tag] = (),
        image: ArchivedImage | None = None,
    ) -> Digest:
        """Let a repository have an image, whole, and then let tags point to it.

        What the archive lacks may be in the repository already. Of an index of which
        all images but one are nowhere, that one is taken instead: so engines save what
        they have for their own platform only.

        Args:
            name: The repository; whoever asks may push to it.
            tags: The tags to set.
            image: Which of the archive's; None where it has but one.

        Returns:
            The digest of what the tags point to.

        Raises:
            ArchiveAmbiguous: there are several.
            ArchiveIncomplete: something of it is neither here nor there.
            Denied: a tag has to stay where it is, or a quota has no room for it; then
                nothing is stored.
        """
        top = (image or self.choose()).descriptor
        plan, parts = await self._plan(name, top)
        if plan.partial:
            top = self._only_child(plan, parts)
            plan, _ = await self._plan(name, top)
        await self._registry.tags.check_moves(name, tags, top.digest)
        room = self._registry.quotas.room(
            name,
            blobs={each.found.stored: each.found.size for each in plan.blobs.values()},
            manifests={each.digest: each.size for each in plan.manifests},
            tags=tags,
        )
        async with room:
            await self._store(name, plan, tags)
        return top.digest

    async def _store(
        self, name: RepositoryName, plan: _Plan, tags: Sequence[Tag]
    ) -> None:
        """Let a repository have all of an image, the tags last."""
        for staged in plan.blobs.values():
            await self._staging.commit(staged)
        for digest, staged in plan.blobs.items():
            await self._registry.blobs.link(name, digest, staged.found.stored)
        for descriptor in plan.manifests:
            data = await self._contents.data(descriptor)
            set_now = tags if descriptor == plan.manifests[-1] else ()
            try:
                await self._registry.acceptance.push(
                    name, descriptor.digest, data, descriptor.media_type, set_now
                )
            except ManifestInvalid as error:
                raise ArchiveMalformed(
                    f"{descriptor.digest} in the archive is refused: {error.message}"
                ) from None

    async def _plan(
        self, name: RepositoryName, top: Descriptor
    ) -> tuple[_Plan, list[Part]]:
        plan, images, lacking = _Plan(), list[Part](), list[Descriptor]()
        async for part in self._contents.walk(top):
            await breathe(self._registry.clock)
            for each in part.missing:
                if await self._holds(name, each):
                    continue
                if part.manifest.is_index and each.media_type in MANIFESTS:
                    plan.partial.setdefault(part.descriptor.digest, []).append(each)
                else:
                    lacking.append(each)
            if is_runnable(part.manifest):
                images.append(part)
            plan.manifests.append(part.descriptor)
            plan.blobs.update(part.blobs)
        if lacking:
            raise _incomplete(lacking)
        return plan, images

    async def _holds(self, name: RepositoryName, wanted: Descriptor) -> bool:
        if await self._has(name, wanted):
            return True
        return self._beyond is not None and await self._beyond(name, wanted)

    async def _has(self, name: RepositoryName, wanted: Descriptor) -> bool:
        if wanted.media_type in MANIFESTS:
            return await self._registry.manifests.holds(name, wanted.digest)
        try:
            found = await self._registry.blobs.find(name, wanted.digest)
        except BlobUnknown:
            return False
        return found.size == wanted.size

    @staticmethod
    def _only_child(plan: _Plan, images: list[Part]) -> Descriptor:
        if len(images) == 1:
            return images[0].descriptor
        raise _incomplete([each for lost in plan.partial.values() for each in lost])


def _incomplete(lacking: list[Descriptor]) -> ArchiveIncomplete:
    listed = ", ".join(str(each.digest) for each in lacking[:_SHOWN])
    more = ", …" if len(lacking) > _SHOWN else ""
    return ArchiveIncomplete(
        f"The archive lacks {len(lacking)} parts of the image, which the repository "
        f"has not either: {listed}{more}."
    )
