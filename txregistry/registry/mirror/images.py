"""Images of registries of version 1: fetched when they are missing, or may be old.

They are kept as if they had been pushed by version 1, each with all below it; so both
versions find them here in their own ways.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.client.upstreams.interfaces import (
    IVersion1Upstream,
    UpstreamFault,
    UpstreamWrong,
)
from txregistry.model.digest import Digest
from txregistry.model.engines import Engine
from txregistry.model.errors import (
    Denied,
    ImageUnknown,
    ManifestUnknown,
    NameUnknown,
    RegistryError,
    TagUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.announcements import Announcements
from txregistry.registry.images import Images
from txregistry.registry.imagetags import ImageTags
from txregistry.registry.manifests import Manifests
from txregistry.registry.mirror.failures import OFFLINE, failure_of
from txregistry.registry.mirror.imagefetching import ImageFetching
from txregistry.registry.mirror.lists import Incomplete
from txregistry.registry.mirror.manifests import PulledManifest
from txregistry.registry.mirror.rechecking import NotThere, Rechecking
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.registry.uses import Uses
from txregistry.tasks import Flights

_REMEMBERED: Final = 50_000
_LISTS: Final = 32
"""Repositories whose list of tags is remembered."""
_WHOLE: Final = 3600.0
"""Seconds after which it is seen to again that all of an image is here: to look at each
of 127 may take longer than anybody waits."""
_NOBODY: Final = Engine(None, None, None, "linux", "amd64")
"""Who sets tags here: no engine that said anything of itself."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How sure it is that a tag here names the image that it should.

    Attributes:
        age: Seconds since the other registry was asked.
        fault: Why it could not be asked now, in a sentence; empty where it could.
    """

    age: float
    fault: str = ""


class MirroredImages:
    """Find images, here or in the other registry.

    Args:
        fetching: Fetches what is missing.
        images: The images that are here.
        image_tags: What names them here.
        manifests: What version 2 shows of them.
        announcements: What an Index lists.
        uses: Takes a note of what is pulled.
        clock: Tells the time.
        offline: Whether no other registry is asked, whatever is missing.
    """

    _log = Logger()

    def __init__(
        self,
        fetching: ImageFetching,
        images: Images,
        image_tags: ImageTags,
        manifests: Manifests,
        announcements: Announcements,
        uses: Uses,
        clock: IReactorTime,
        *,
        offline: bool,
    ) -> None:
        self._fetching = fetching
        self._images = images
        self._image_tags = image_tags
        self._manifests = manifests
        self._announcements = announcements
        self._uses = uses
        self._clock = clock
        self._offline = offline
        self._rechecking = Rechecking(clock, offline=offline)
        # When all of an image was last seen to be here.
        self._whole: OrderedDict[tuple[RepositoryName, Tag], float] = OrderedDict()
        self._lists: OrderedDict[
            RepositoryName, tuple[float, Mapping[Tag, ImageId]]
        ] = OrderedDict()
        self._flights = Flights()

    async def find(
        self, rule: MirrorRule, name: RepositoryName, reference: Reference
    ) -> PulledManifest:
        """Give the manifest of an image, as it is made here.

        By a digest there is what was made before, and nothing else.

        Raises:
            ManifestUnknown: neither has it.
            UpstreamSilent: as for `ensure`.
            UpstreamInvalid: likewise.
        """
        freshness = Freshness(0.0)
        try:
            if not isinstance(reference, Digest):
                freshness = await self.ensure(rule, name, reference)
            found = await self._manifests.find(name, reference)
        except (TagUnknown, ManifestUnknown, NameUnknown):
            raise ManifestUnknown(
                f"The repository {name} has no manifest {reference}.",
                {"reference": str(reference)},
            ) from None
        if isinstance(reference, Digest):
            return PulledManifest(found)  # which cannot become old
        return PulledManifest(found, freshness.age, freshness.fault)

    async def ensure(
        self, rule: MirrorRule, name: RepositoryName, tag: Tag
    ) -> Freshness:
        """Let a tag here name the image that it names in the other registry.

        Returns:
            How sure it is that it does: what is here has to do where the other registry
            cannot be asked.

        Raises:
            TagUnknown: neither has it.
            UpstreamSilent: it is not here, and the other registry does not answer.
            UpstreamInvalid: likewise, or what it answers cannot be used.
        """
        self._uses.note(name, tag)
        here = await self._has(name, tag)
        try:
            checked = await self._rechecking.check(
                rule, name, tag, lambda: self._ask(rule, name, tag), here=here
            )
        except NotThere:
            raise _unknown() from None
        return Freshness(checked.age or 0.0, checked.fault)

    async def tag_ids(
        self, rule: MirrorRule, name: RepositoryName
    ) -> Mapping[Tag, ImageId] | None:
        """List the tags of the other registry, and what they name.

        Engines up to 1.7 read no other list, and then ask for the image. What is here
        of it is for `ensure_image` to see to.

        Returns:
            The list; None where the other registry has no such repository.

        Raises:
            Incomplete: it cannot be asked, or what it answers cannot be used.
        """
        if self._offline:
            raise Incomplete(OFFLINE)
        at, listed = self._lists.get(name, (0.0, None))
        if listed is not None and self._clock.seconds() - at < rule.recheck:
            return listed
        try:
            return await self._flights.join(name, lambda: self._list(rule, name))
        except UpstreamFault as fault:
            self._log.warn(
                "The mirror wanted the tags of {name}: {reason}",
                name=str(name),
                reason=fault.reason,
            )
            raise Incomplete(fault.reason, failure_of(fault)) from fault

    async def ensure_image(
        self, rule: MirrorRule, name: RepositoryName, image_id: ImageId
    ) -> None:
        """Have an image here that a tag of the other registry names.

        Whatever no tag names is not asked for: ids are anybody's.

        Raises:
            UpstreamSilent: it is not here, and the other registry does not answer.
            UpstreamInvalid: likewise, or what it answers cannot be used.
        """
        if self._offline or await self._images.holds(name, image_id):
            return
        try:
            listed = await self.tag_ids(rule, name) or {}
        except Incomplete as incomplete:
            if incomplete.failure is None:
                return
            raise incomplete.failure from incomplete
        tag = next((tag for tag, named in listed.items() if named == image_id), None)
        if tag is None:
            return
        try:
            await self._flights.join(
                (name, image_id), lambda: self._keep(rule, name, tag, image_id)
            )
        except UpstreamFault as fault:
            raise failure_of(fault) from fault

    def repositories(self, image_id: ImageId) -> list[RepositoryName]:
        """Give those of which a list of tags was given lately that has an image."""
        return [
            name
            for name, (_, listed) in self._lists.items()
            if image_id in listed.values()
        ]

    async def _has(self, name: RepositoryName, tag: Tag) -> bool:
        try:
            await self._manifests.find(name, tag)
        except (ManifestUnknown, NameUnknown):
            return False
        return True

    async def _ask(self, rule: MirrorRule, name: RepositoryName, tag: Tag) -> bool:
        """Find out what a tag names, and have that here.

        Returns:
            True, in the end.

        Raises:
            TagUnknown: the other registry has no such tag.
            UpstreamFault: that cannot be found out, or not be had.
        """
        upstream = IVersion1Upstream(rule.upstream)
        image_id = await upstream.find_tag(rule.remote_name(name), tag)
        if image_id is None:
            self._rechecking.note(name, tag, present=False)
            raise _unknown()
        whole = self._whole.get((name, tag), 0.0)
        look = self._clock.seconds() - whole >= _WHOLE
        if not await self._names(name, tag, image_id, whole=look):
            await self._keep(rule, name, tag, image_id)
            look = True
        if look:
            self._whole[name, tag] = self._clock.seconds()
            self._whole.move_to_end((name, tag))
            if len(self._whole) > _REMEMBERED:
                self._whole.popitem(last=False)
        self._rechecking.note(name, tag, present=True)
        return True

    async def _names(
        self, name: RepositoryName, tag: Tag, image_id: ImageId, *, whole: bool
    ) -> bool:
        """Say whether a tag here names an image.

        Args:
            name: The repository.
            tag: The tag.
            image_id: The image.
            whole: Whether all that it is built on must be seen to be here.
        """
        try:
            found = await self._image_tags.find(name, tag, _NOBODY.architecture)
            if found == image_id and whole:
                await self._images.chain(name, image_id)
        except (TagUnknown, ImageUnknown):
            return False
        return found == image_id

    async def _keep(
        self, rule: MirrorRule, name: RepositoryName, tag: Tag, image_id: ImageId
    ) -> None:
        """Fetch what is missing of an image, and let a tag name it."""
        try:
            ancestry = await self._fetching.fetch(rule, name, image_id)
            await self._announcements.add(name, reversed(ancestry))
            await self._image_tags.point(name, tag, image_id, _NOBODY)
        except Denied as denied:  # it has to stay where it is
            self._log.warn("{reason}", reason=denied.message)
        except RegistryError as error:
            self._log.warn(
                "The image {image} of {name} cannot be kept: {reason}",
                image=str(image_id),
                name=str(name),
                reason=error.message,
            )
            what = "gave an image that cannot be kept"
            raise UpstreamWrong(rule.upstream.name, what) from error

    async def _list(
        self, rule: MirrorRule, name: RepositoryName
    ) -> Mapping[Tag, ImageId] | None:
        upstream = IVersion1Upstream(rule.upstream)
        found = await upstream.tag_ids(rule.remote_name(name))
        if found is not None:
            self._lists[name] = (self._clock.seconds(), found)
            self._lists.move_to_end(name)
            if len(self._lists) > _LISTS:
                self._lists.popitem(last=False)
        return found


def _unknown() -> TagUnknown:
    return TagUnknown("Tag not found")
