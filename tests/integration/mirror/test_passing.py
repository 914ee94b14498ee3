"""Clients pull where another registry decides who may: bob, who has an account there.

The mirror knows nobody. The other registry is Distribution.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients import couriers, keepers
from tests.integration.clients.case import make_directory
from tests.integration.clients.couriers import Courier, Crane
from tests.integration.clients.images import make_image
from tests.integration.clients.programs import find
from tests.integration.daemon import Peer
from tests.integration.tuned import TunedDaemon, write_htpasswd

BOB = ("bob", "secret")
NAME = "up.example/team/app:1"


class PassingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = make_directory(self)
        accounts = write_htpasswd(self.directory / "htpasswd", dict([BOB]))
        other = {"auth": {"htpasswd": {"realm": "other", "path": str(accounts)}}}
        self.other = Peer(find("registry"), self.directory / "other", other)
        self.addCleanup(self.other.discard)
        self.image = make_image("passed")
        crane = Crane(self, self.other.host)
        crane.log_in(*BOB)
        crane.push("team/app:1", self.image)
        upstream: dict[str, Any] = {
            "name": "up.example",
            "url": self.other.url,
            "passthrough": True,
        }
        settings = {"role": "mirror", "mirror": {"upstreams": [upstream]}}
        self.mirror = TunedDaemon(self.directory / "mirror", settings)
        self.addCleanup(self._finish)

    def _finish(self) -> None:
        log = self.mirror.log
        self.mirror.discard()
        self.assertNotIn("Traceback", log)
        self.assertNotIn(BOB[1], log)

    def refused(self, client: Courier) -> None:
        """Expect that a client may not pull."""
        self.assertRegex(client.refuse_pull(NAME), "(?i)unauthorized|up.example")

    def check(self, courier: type[Courier]) -> None:
        """Pull as bob, and as nobody, when all of it is here."""
        bob = courier(self, self.mirror.host)
        bob.log_in(*BOB)
        bob.pull(NAME, self.image)
        nobody = courier(self, self.mirror.host)
        self.refused(nobody)
        bob.log_out()
        self.refused(bob)

    def test_skopeo(self) -> None:
        self.check(couriers.Skopeo)

    def test_crane(self) -> None:
        self.check(couriers.Crane)

    def test_oras(self) -> None:
        self.check(couriers.Oras)

    def test_regctl(self) -> None:
        self.check(couriers.Regctl)

    def test_podman(self) -> None:
        self.check(keepers.Podman)

    def test_docker(self) -> None:
        self.check(keepers.Docker)
