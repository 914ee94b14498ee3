"""What each client pulls through a mirror, and what it pulls when that is alone."""

from tests.integration.clients.images import Image, make_image, make_index
from tests.integration.clients.programs import find
from tests.integration.mirror import case
from tests.integration.mirror.case import HUB, OTHER
from tests.integration.mirror.clients import MirrorClient

BASE = make_image("base")
APP = make_image("app")
MULTI = make_index("multi")


class PullingCase(case.MirrorCase):
    """What holds for each client; inherit as ``pulling.PullingCase``."""

    courier: type[MirrorClient]
    patience = "200ms"

    def setUp(self) -> None:
        find(self.courier.program)
        super().setUp()
        self.at(self.hub).push("library/txr-base", "1", BASE)
        self.at(self.hub).push("txr/multi", "1", MULTI)
        self.at(self.other).push("team/app", "1", APP)
        self.client = self.courier(self, self.mirror.host)
        if self.courier.tells:
            root = self.configure(self.courier.tells, self.courier.calls)
            self.client.take_files(root)

    def name(self, registry: str, image: str) -> str:
        """Say what the client calls an image."""
        return self.client.name(registry, image)

    def test_pulls(self) -> None:
        """Pull what is there, and again while there is nothing but the mirror."""
        self.client.pull(self.name(HUB, "library/txr-base:1"), BASE)
        self.client.pull(self.name(OTHER, "team/app:1"), APP)
        self.client.pull(self.name(OTHER, f"team/app@{APP.digest}"), APP)
        for image in MULTI.images:
            self.pull_for(image)
        self.hub.kill()
        self.other.kill()
        self.client.pull(self.name(HUB, "library/txr-base:1"), BASE)
        self.mirror.restart()
        self.client.pull(self.name(OTHER, "team/app:1"), APP)
        self.pull_for(MULTI.images[-1])

    def pull_for(self, image: Image) -> None:
        """Pull an image of several platforms for one of them."""
        self.client.architecture = image.architecture
        self.client.pull(self.name(HUB, "txr/multi:1"), image)
        self.client.architecture = type(self.client).architecture
