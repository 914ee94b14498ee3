"""A mirror of a registry that speaks only version 1: both are processes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.programs import Program, find, make_environment
from tests.integration.clients.remote import Remote
from tests.integration.engines.images import FakeImage, make_images
from tests.integration.engines.served import (
    BOTH,
    PLAIN,
    EngineDaemon,
    assert_same_images,
    make_engine,
)
from txregistry.model.digest import Digest

RELEASES: Final = ("0.10.0", "1.5.0", "1.6.2", "1.12.6")


class MirroredVersion1Tests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = make_directory(self)
        old = {"v1": {"standalone": True}, "http": {"apis": ["v1"]}}
        self.old = self.serve("old", old)
        upstream = {
            "name": "old",
            "url": f"http://{PLAIN}:{self.old.port}",
            "api": "v1",
            "prefix": "",
            "recheck": "1ms",
            "absent": "1ms",
            "patience": "30s",
        }
        settings = {"role": "mirror", "mirror": {"upstreams": [upstream]}}
        self.mirror = self.serve("mirror", settings, both=True)

    def serve(self, name: str, settings: Any, **others: Any) -> EngineDaemon:
        """Run a registry until the end of the test, and see that all went well."""
        daemon = EngineDaemon(self.directory / name, settings, **others)
        self.addCleanup(self._end, daemon)
        return daemon

    def _end(self, daemon: EngineDaemon) -> None:
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)

    def push(self, release: str, name: str = "acme/web") -> tuple[FakeImage, ...]:
        """Push images to the old registry."""
        images = make_images(name, release)
        engine = make_engine(release, self.old)
        engine.push(name, images, {"latest": images[-1].id, "base": images[0].id})
        return images

    def check_engines(self, name: str, images: Sequence[FakeImage]) -> None:
        """Expect engines to pull all of them through the mirror."""
        for release in RELEASES:
            pulled = make_engine(release, self.mirror).pull(name, "latest")
            assert_same_images(self, pulled, images)

    def test_engines(self) -> None:
        for release in RELEASES:
            name = f"acme/by-{release}"
            self.check_engines(name, self.push(release, name))

    def test_an_engine_that_comes_first(self) -> None:
        """Each comes to a mirror that has nothing yet."""
        for release in RELEASES:
            name = f"acme/for-{release}"
            images = self.push("1.6.2", name)
            pulled = make_engine(release, self.mirror).pull(name, "latest")
            assert_same_images(self, pulled, images)

    def test_version_2(self) -> None:
        images = self.push("1.6.2")
        host = f"{BOTH}:{self.mirror.port}"
        parts = Remote(host).fetch("acme/web", "latest")
        layers = {str(Digest.of(each.layer)) for each in images}
        self.assertLessEqual(layers, set(parts))
        skopeo = Program(
            find("skopeo"),
            environment=make_environment(self.directory),
            directory=self.directory,
        )
        target = self.directory / "pulled"
        source = f"docker://{host}/acme/web"
        skopeo.run(
            "copy", "--src-tls-verify=false", f"{source}:latest", f"dir:{target}"
        )
        self.assertLessEqual(set(parts.values()), self.files(target))
        listed = skopeo.run("list-tags", "--tls-verify=false", source)
        self.assertIn(b'"base"', listed)

    @staticmethod
    def files(place: Path) -> set[bytes]:
        """Give what files have."""
        return {each.read_bytes() for each in place.iterdir()}

    def test_the_old_registry_is_gone(self) -> None:
        images = self.push("1.6.2")
        self.check_engines("acme/web", images)
        self.old.stop()
        self.check_engines("acme/web", images)
        self.mirror.restart()
        self.check_engines("acme/web", images)

    def test_a_tag_that_moves(self) -> None:
        self.check_engines("acme/web", self.push("1.6.2"))
        images = make_images("acme/other", "1.6.2", depth=2)
        engine = make_engine("1.6.2", self.old)
        engine.push("acme/web", images, {"latest": images[-1].id})
        for release in RELEASES:
            pulled = make_engine(release, self.mirror).pull("acme/web", "latest")
            assert_same_images(self, pulled, images)
