"""A registry that mirrors one of version 1, both in memory."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.registry import images
from tests.registry.mirror.case import NAME, REMOTE
from tests.registry.mirror.played1 import PlayedVersion1
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.mirror.imagefetching import ImageFetching
from txregistry.registry.mirror.images import Freshness, MirroredImages
from txregistry.registry.mirror.manifests import PulledManifest
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.tasks import at_once

LATEST = Tag("latest")
__all__ = ["NAME", "REMOTE"]


class ImagesCase(images.ImageTestCase):
    """``other/`` is another registry's; import the module and inherit."""

    def setUp(self) -> None:
        self.upstream = PlayedVersion1()
        super().setUp()
        self.rule = MirrorRule(
            self.upstream, "other/", recheck=60, absent=10, patience=3
        )
        self.mirror = self.make_mirror()

    def make_mirror(self, **others: Any) -> MirroredImages:
        """Make the mirror over the registry: a second one is a restart of it."""
        registry = self.registry
        fetching = ImageFetching(
            self.store, registry.blobs, registry.images, at_once, self.new_session
        )
        return MirroredImages(
            fetching,
            registry.images,
            registry.image_tags,
            registry.manifests,
            registry.announcements,
            registry.uses,
            self.clock,
            offline=others.get("offline", False),
        )

    def ensure(self, tag: Tag = LATEST, name: RepositoryName = NAME) -> Freshness:
        """Have a tag here."""
        return self.result(self.mirror.ensure(self.rule, name, tag))

    def begin(self, tag: Tag = LATEST) -> "Deferred[Freshness]":
        """Begin to have a tag here."""
        return Deferred.fromCoroutine(self.mirror.ensure(self.rule, NAME, tag))

    def refuses(self, kind: type[Exception], tag: Tag = LATEST) -> str:
        """Expect a tag not to be had, and give why."""
        error = self.fails(kind, self.mirror.ensure(self.rule, NAME, tag))
        message: str = error.message
        return message

    def pull(self, reference: Any = LATEST) -> PulledManifest:
        """Pull a manifest."""
        return self.result(self.mirror.find(self.rule, NAME, reference))

    def asked(self) -> list[str]:
        """Say what the other registry was asked for since this was last called."""
        return [each[0] for each in self.upstream.take()]
