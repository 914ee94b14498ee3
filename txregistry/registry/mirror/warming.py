"""Images that are fetched ahead, with all that a client will ask for who pulls them.

Everything is had as clients have it: a blob that somebody pulls at the moment is not
fetched again, nor is what is here, and nothing is kept that was not verified.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from txregistry.lanes import Lanes
from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import RegistryError
from txregistry.model.manifests import Manifest
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry.manifests import StoredManifest
from txregistry.registry.mirror.blobs import ComingBlob
from txregistry.registry.mirror.lists import Incomplete
from txregistry.registry.mirror.manifests import PulledManifest
from txregistry.registry.mirror.mirror import Mirror
from txregistry.registry.mirror.platforms import Platforms
from txregistry.registry.mirror.warmreport import (
    HearProgress,
    WarmProgress,
    WarmReport,
)
from txregistry.registry.mirror.wishes import Wanted, Wish, list_tags
from txregistry.registry.referrers import Referrers
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.tasks import Blocking, Turns

_MOST_IMAGES: Final = 100_000
_MOST_OBJECTS: Final = 10_000
"""Manifests and blobs of one image."""
_MOST_REFERRERS: Final = 100
"""Of one manifest."""
_ROOM: Final = 1 << 20
_LARGE: Final = 64 * 1024
"""Bytes of a manifest that takes long to read."""
_TRIES: Final = 3


@dataclass(eq=False, slots=True)
class _Image:
    """An image on its way.

    Attributes:
        wanted: Which.
        walked: Whether all that it names is known.
        pending: Blobs that are on their way, or wait for it.
        size: Bytes of all blobs, as far as they are known.
        passed: Bytes of those that are behind.
        fault: Why not all of it can be had; empty where it can, so far.
    """

    wanted: Wanted
    walked: bool = False
    pending: int = 0
    size: int = 0
    passed: int = 0
    fault: str = ""
    seen: set[Digest] = field(default_factory=set)

    @property
    def name(self) -> RepositoryName:
        """Its repository."""
        return self.wanted.name

    @property
    def part(self) -> float:
        """Which part of it is behind."""
        return min(self.passed / self.size, 1.0) if self.walked and self.size else 0.0

    def fail(self, reason: str) -> None:
        """Take it that something cannot be had."""
        self.fault = self.fault or reason

    def meet(self, digest: Digest) -> bool:
        """Say whether something that it names was not met before.

        An image that names far too much fails, and is not looked into further.
        """
        if digest in self.seen:
            return False
        if len(self.seen) >= _MOST_OBJECTS:
            self.fail(f"The image has more than {_MOST_OBJECTS} manifests and blobs.")
            return False
        self.seen.add(digest)
        return True


class Warming:
    """Fetch images ahead; once.

    A fault of one image does not stop the others.

    Args:
        mirror: Finds what they are made of.
        referrers: Knows what refers to them.
        blocking: Where large manifests are read.
        parallel: Blobs that are on their way at the same time, and likewise images
            that are looked into.
        platforms: Which members of indexes are wanted.
        with_referrers: Whether what refers to them is wanted as well, such as
            signatures.
        hear: Hears how far it is.
    """

    def __init__(
        self,
        mirror: Mirror,
        referrers: Referrers,
        blocking: Blocking,
        *,
        parallel: int = 4,
        platforms: Platforms = Platforms(),  # noqa: B008 - it is a value
        with_referrers: bool = False,
        hear: HearProgress = lambda progress: None,  # noqa: ARG005 - nobody hears
    ) -> None:
        self.report = WarmReport()
        self._mirror = mirror
        self._referrers = referrers
        self._blocking = blocking
        self._platforms = platforms
        self._with_referrers = with_referrers
        self._hear = hear
        self._walks = Lanes(parallel)
        self._fetches = Lanes(parallel)
        self._turns = Turns()
        self._active: set[_Image] = set()
        self._total = 0
        self._ended = 0
        self._passed = 0

    async def run(self, wishes: Sequence[Wish]) -> WarmReport:
        """Fetch all that can be had.

        Raises:
            StorageUnavailable: nothing can be kept.
        """
        images: dict[Wanted, None] = {}
        for wish in wishes:
            if len(images) < _MOST_IMAGES:
                images |= dict.fromkeys(await self._expand(wish))
            else:
                self.report.fail(wish.text, "There are too many images before it.")
            self._tell()
        self._total = len(images)
        try:
            for wanted in images:
                await self._walks.begin(self._warm(_Image(wanted)))
            await self._walks.settle()
            await self._fetches.settle()
        finally:
            await self._walks.break_off()
            await self._fetches.break_off()
        return self.report

    async def _expand(self, wish: Wish) -> list[Wanted]:
        """Say which images are wished for."""
        if not isinstance(wish.what, TagPatterns):
            return [Wanted(wish.name, wish.what)]
        try:
            found = await list_tags(self._mirror.rules, wish.name, wish.what)
        except RegistryError as error:
            self.report.fail(wish.text, error.message)
            return []
        if found.more:
            count = len(found.tags)
            reason = f"There are more such tags than the {count} that are fetched."
            self.report.fail(wish.text, reason)
        elif not found.tags and not wish.maybe:
            self.report.fail(wish.text, "There is no such tag.")
        return [Wanted(wish.name, tag) for tag in found.tags]

    async def _warm(self, image: _Image) -> None:
        """Look into an image, and let its blobs be fetched."""
        self._active.add(image)
        try:
            found = await self._find(image.name, image.wanted.reference)
            if found.fault:
                image.fail(found.fault)
            else:
                await self._walk(image, found.manifest)
        except RegistryError as error:
            image.fail(error.message)
        image.walked = True
        self._settle(image)

    async def _find(self, name: RepositoryName, reference: Reference) -> PulledManifest:
        """Find out what a tag points to there.

        Who could have what is here is not kept waiting for long, while it goes on to
        be asked for; here is who has more time.
        """
        found = await self._mirror.find_manifest(name, reference)
        for _ in range(_TRIES - 1):
            if not found.fault:
                break
            found = await self._mirror.find_manifest(name, reference)
        return found

    async def _walk(self, image: _Image, first: StoredManifest) -> None:
        """Go to all that a manifest names."""
        image.meet(first.digest)
        waiting = deque(await self._look_into(image, first))
        while waiting:
            digest = waiting.popleft()
            try:
                found = await self._mirror.find_manifest(image.name, digest)
                waiting += await self._look_into(image, found.manifest)
            except RegistryError as error:  # others of its members can be had maybe
                image.fail(error.message)

    async def _look_into(self, image: _Image, found: StoredManifest) -> list[Digest]:
        """Let a manifest's blobs be fetched, and give the manifests that it leads to.

        Those are met by the image.
        """
        self.report.manifests += 1
        manifest = await self._parse(found)
        members = self._platforms.choose(found.data, manifest)
        if members.none:
            platforms = ", ".join(self._platforms.texts)
            image.fail(f"The image is there for other platforms than {platforms}.")
        digests = [*members.digests]
        if self._with_referrers:
            digests += await self._referring(image, found.digest)
        for blob in manifest.blobs:
            if not blob.is_nondistributable and image.meet(blob.digest):
                image.pending += 1
                image.size += blob.size
                await self._fetches.begin(self._fetch(image, blob))
        return [digest for digest in digests if image.meet(digest)]

    async def _parse(self, found: StoredManifest) -> Manifest:
        if found.size > _LARGE:
            return await self._blocking(found.parse)
        return found.parse()

    async def _referring(self, image: _Image, subject: Digest) -> list[Digest]:
        """Give the manifests that refer to another one."""
        try:
            await self._mirror.fetch_referrers(image.name, subject)
        except Incomplete as incomplete:  # what is here has referrers of its own
            image.fail(incomplete.reason)
        page = await self._referrers.page(
            image.name, subject, limit=_MOST_REFERRERS, room=_ROOM
        )
        return [each.digest for each in page.descriptors]

    async def _fetch(self, image: _Image, wanted: Descriptor) -> None:
        """Have a blob here."""
        there = 0

        def hear(size: int) -> None:
            nonlocal there
            self._passed += size - there
            image.passed += size - there
            there = size
            self._tell()

        try:
            async with self._turns.on((image.name, wanted.digest)):
                blob = await self._mirror.find_blob(
                    image.name, wanted.digest, whole=True
                )
                if isinstance(blob, ComingBlob):
                    await blob.arrive(hear)
                    hear(blob.size)
                    self.report.blobs += 1
                    self.report.bytes += blob.size
                else:
                    self.report.present += 1
        except RegistryError as error:
            image.fail(error.message)
        image.passed += wanted.size - there
        image.pending -= 1
        self._settle(image)

    def _settle(self, image: _Image) -> None:
        """Count an image of which nothing is on its way any more."""
        if image.walked and not image.pending:
            self._active.discard(image)
            self._ended += 1
            if image.fault:
                self.report.fail(str(image.wanted), image.fault)
            else:
                self.report.images += 1
        self._tell()

    def _tell(self) -> None:
        report, fraction = self.report, None
        if self._total:
            parts = sum(image.part for image in self._active)
            fraction = (self._ended + parts) / self._total
        objects = report.manifests + report.blobs + report.present
        self._hear(WarmProgress(objects, self._passed, fraction))
