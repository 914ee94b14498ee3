"""A mirror that fetches ahead."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.registry.content import (
    CONFIG,
    LAYER,
    image,
)
from tests.registry.mirror import case
from tests.registry.mirror.case import NAME, REMOTE
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.mirror.warming import Warming
from txregistry.registry.mirror.warmreport import WarmProgress, WarmReport
from txregistry.registry.mirror.wishes import Wish
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.tasks import at_once

DOWN = UpstreamUnavailable("other.example", "is down")
SECOND = RepositoryName("other/team/second")
ARM = {"os": "linux", "architecture": "arm64"}
INTEL = {"os": "linux", "architecture": "amd64"}


def tagged(tag: str, name: RepositoryName = NAME) -> Wish:
    """Wish for a tag."""
    return Wish(tag, name, Tag(tag))


def matching(pattern: str, **more: Any) -> Wish:
    """Wish for tags."""
    return Wish(pattern, NAME, TagPatterns([pattern]), **more)


class WarmingCase(case.MirrorCase):
    """Import the module and inherit as ``warming.WarmingCase``."""

    def setUp(self) -> None:
        super().setUp()
        self.progress: list[WarmProgress] = []
        for data in (CONFIG, LAYER):
            self.upstream.add_blob(REMOTE, data)

    def make_warming(self, **more: Any) -> Warming:
        return Warming(
            self.registry.mirror,
            self.registry.referrers,
            at_once,
            hear=self.progress.append,
            **more,
        )

    def warm(self, *wishes: Wish, **more: Any) -> WarmReport:
        """Fetch ahead."""
        return self.result(self.make_warming(**more).run(wishes))

    def begin(self, *wishes: Wish, **more: Any) -> Deferred[WarmReport]:
        """Begin to."""
        return self.finish(self.make_warming(**more).run(wishes))

    def layered(self, tag: str, *layers: bytes, remote: str = REMOTE) -> Digest:
        """Have an image there with these layers, and the usual config."""
        for layer in (CONFIG, *layers):
            self.upstream.add_blob(remote, layer)
        return self.upstream.add(remote, image(layers=layers), tag)

    def asked(self, what: str) -> list[str]:
        """Say what the other registry was asked, of one kind."""
        return [each[2] for each in self.upstream.take() if each[0] == what]

    def served(self, *blobs: bytes, name: RepositoryName = NAME) -> None:
        """Expect that some blobs are given here while nobody is asked."""
        self.upstream.take()
        for data in blobs:
            self.assertEqual(self.pull_blob(Digest.of(data), name), data)
        self.assertEqual(self.upstream.take(), [])
