"""A vendor's daemon brings what is pushed to it to a sponsor's registry."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.images import Image, make_image
from tests.integration.clients.programs import find
from tests.integration.clients.remote import Remote
from tests.integration.daemon import Daemon, Peer
from tests.integration.engines.images import make_images
from tests.integration.engines.served import EngineDaemon, make_engine
from tests.integration.tuned import TunedDaemon, wait_for, write_htpasswd

BOB = ("bob", "open sesame")


class VendorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = make_directory(self)
        accounts = write_htpasswd(self.directory / "htpasswd", dict([BOB]))
        other = {"auth": {"htpasswd": {"realm": "other", "path": str(accounts)}}}
        self.other = self.keep(Peer(find("registry"), self.directory / "other", other))
        self.sponsor = self.keep(TunedDaemon(self.directory / "sponsor", {}))
        self.rules: list[dict[str, Any]] = [
            {
                "to": self.other.url,
                "repositories": ["team/**"],
                "prefix": "vendor",
                "username": BOB[0],
                "password": BOB[1],
            },
            {"to": self.sponsor.url, "tags": ["v*", "latest"]},
        ]
        settings = {"replication": self.rules}
        self.vendor = self.keep(TunedDaemon(self.directory / "vendor", settings))

    def keep(self, daemon: Daemon) -> Daemon:
        """Stop a registry at the end of the test, and see that all went well."""
        self.addCleanup(self._finish, daemon)
        return daemon

    def _finish(self, daemon: Daemon) -> None:
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)
        self.assertNotIn(BOB[1], log)

    def arrives(self, daemon: Daemon, name: str, tag: str, image: Image) -> None:
        """Expect an image to be in another registry, sooner or later."""
        target = f"{daemon.directory}/docker/registry/v2/repositories/{name}"
        link = f"{target}/_manifests/tags/{tag}/current/link"

        def there() -> bool:
            try:
                with open(link, encoding="ascii") as file:
                    return file.read() == image.digest
            except FileNotFoundError:
                return False

        wait_for(there, f"{name}:{tag} arrives")

    def test_what_is_pushed_arrives(self) -> None:
        image = make_image("vendor")
        Remote(self.vendor.host).push("team/app", "v1", image)
        self.arrives(self.other, "vendor/team/app", "v1", image)
        self.arrives(self.sponsor, "team/app", "v1", image)
        found = Remote(self.sponsor.host).fetch("team/app", "v1")
        self.assertIn(image.digest, found)

    def test_the_other_is_down_and_we_restart(self) -> None:
        self.sponsor.stop()
        image = make_image("vendor")
        Remote(self.vendor.host).push("solo", "v1", image)
        self.vendor.kill()
        self.sponsor.start()
        self.vendor.start()
        self.arrives(self.sponsor, "solo", "v1", image)

    def test_what_no_rule_is_about_stays(self) -> None:
        image = make_image("vendor")
        remote = Remote(self.vendor.host)
        remote.push("solo", "edge", image)
        remote.push("solo", "v1", image)
        self.arrives(self.sponsor, "solo", "v1", image)
        listed = Remote(self.sponsor.host).fetch
        with self.assertRaises(AssertionError):
            listed("solo", "edge")

    def test_what_an_old_engine_pushes_arrives(self) -> None:
        settings = {"replication": self.rules, "v1": {"standalone": True}}
        vendor = EngineDaemon(self.directory / "old", settings, both=True)
        self.keep(vendor)
        images = make_images("acme/web", "1.6.2")
        engine = make_engine("1.6.2", vendor)
        engine.push("acme/web", images, {"latest": images[-1].id})
        place = self.sponsor.directory / "docker/registry/v2/repositories/acme/web"
        link = place / "_manifests/tags/latest/current/link"
        wait_for(link.exists, "acme/web:latest arrives")
        Remote(self.sponsor.host).fetch("acme/web", "latest")
