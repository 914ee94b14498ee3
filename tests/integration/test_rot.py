"""A byte that flips on a disk is found, never served as good twice, and is healed."""

import http.client
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.images import Content
from tests.integration.clients.remote import Remote
from tests.integration.daemon import Daemon
from tests.integration.scrubbing import (
    EVERY,
    IMAGE,
    LAYER,
    QUIET,
    ScrubbingDaemon,
    apart,
    blob_of,
    contents,
    flip,
)
from tests.integration.tuned import wait_for

NAME = "team/app"
UPSTREAM = "up.example"


class RotCase(SynchronousTestCase):
    """Run registries in folders, until the end of the test."""

    def setUp(self) -> None:
        self.directory = make_directory(self)

    def run_daemon(self, name: str, settings: dict[str, Any]) -> ScrubbingDaemon:
        """Run a registry."""
        daemon = ScrubbingDaemon(self.directory / name, settings)
        self.addCleanup(self.finish, daemon)
        return daemon

    def finish(self, daemon: Daemon) -> None:
        """Stop a registry, and look whether all went well."""
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)

    def path(self, daemon: Daemon, key: str) -> Path:
        """Say where an object lies."""
        return daemon.directory / key

    def target(self, content: Content, name: str = NAME) -> str:
        """Say where content is to be had."""
        kind = "manifests" if content is IMAGE.manifest else "blobs"
        return f"/v2/{name}/{kind}/{content.digest}"

    def breaks_off(self, daemon: Daemon, content: Content, name: str = NAME) -> None:
        """Expect that content does not come to its end, or not at all."""
        try:
            answer = Remote(daemon.host).ask("GET", self.target(content, name))
        except http.client.IncompleteRead as error:
            self.assertLess(len(error.partial), len(content.data))
        except (OSError, http.client.HTTPException):
            pass  # not even a status, or the connection was reset
        else:
            self.assertEqual(answer.status, 404)

    def is_absent(self, daemon: Daemon, content: Content) -> None:
        """Expect that clients are told that content is not there."""
        for method in ("HEAD", "GET"):
            Remote(daemon.host).demand(404, method, self.target(content))

    def is_taken_away(self, path: Path) -> None:
        """Wait until content is found to have rotted."""
        wait_for(lambda: not path.exists(), "it is found")

    def is_pulled(self, daemon: Daemon, name: str = NAME) -> None:
        """Pull the whole image, byte for byte."""
        pulled = Remote(daemon.host).fetch(name, "1")
        wanted = {each.digest: each.data for each in contents(IMAGE)}
        self.assertEqual(pulled, wanted)

    def push(self, daemon: Daemon) -> None:
        """Push the image, as clients do: only what is not there."""
        remote = Remote(daemon.host)
        for each in contents(IMAGE)[:-1]:
            if remote.ask("HEAD", self.target(each)).status != 200:
                remote.push_blob(NAME, each.data)
        manifest = IMAGE.manifest
        remote.push_manifest(NAME, "1", manifest.media_type, manifest.data)


class RotTests(RotCase):
    def test_cold_pull_finds_it_and_a_push_heals_it(self) -> None:
        daemon = self.run_daemon("registry", QUIET)
        self.push(daemon)
        self.is_pulled(daemon)
        for content in contents(IMAGE):
            flip(self.path(daemon, blob_of(content)))
        for _ in range(2):  # another process finds it as well
            daemon.stop()
            daemon.start()
            for content in contents(IMAGE):
                self.breaks_off(daemon, content)
                self.is_absent(daemon, content)
        self.assertEqual(daemon.log.count(f"of {LAYER.digest} is damaged"), 2)
        self.push(daemon)
        self.is_pulled(daemon)

    def test_scrubber_finds_it_and_a_push_heals_it(self) -> None:
        daemon = self.run_daemon("registry", EVERY)
        self.push(daemon)
        self.is_pulled(daemon)  # so that the daemon trusts what is there
        for content in contents(IMAGE):
            rotten = flip(self.path(daemon, blob_of(content)))
            place = self.path(daemon, apart(content))
            self.is_taken_away(self.path(daemon, blob_of(content)))
            self.assertEqual(place.read_bytes(), rotten)
            if content is not IMAGE.manifest:  # whose bytes it remembers
                self.is_absent(daemon, content)
            self.push(daemon)
            self.is_pulled(daemon)
        self.assertEqual(daemon.log.count("has rotted"), len(contents(IMAGE)))


class MirrorRotTests(RotCase):
    def test_mirror_fetches_again_what_rotted(self) -> None:
        upstream = self.run_daemon("upstream", QUIET)
        self.push(upstream)
        entry = {"name": UPSTREAM, "url": upstream.url}
        here = f"{UPSTREAM}/{NAME}"
        for name, settings in (("quiet", QUIET), ("scrubbing", EVERY)):
            mirror = self.run_daemon(
                name, {**settings, "mirror": {"upstreams": [entry]}}
            )
            self.is_pulled(mirror, here)
            path = self.path(mirror, blob_of(LAYER))
            wait_for(path.exists, "it is kept")
            if settings is QUIET:
                mirror.stop()
                flip(path)
                mirror.start()
                self.breaks_off(mirror, LAYER, here)
            else:
                flip(path)
                self.is_taken_away(path)
            self.is_pulled(mirror, here)
            self.is_pulled(mirror, here)
            self.assertEqual(path.read_bytes(), LAYER.data)
