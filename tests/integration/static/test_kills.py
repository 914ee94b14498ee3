"""An export that is killed, and what is served after that."""

import contextlib
import subprocess

from tests.commands.program import LIMIT, command, run
from tests.integration.clients.images import contents_of, make_image
from tests.integration.static import case
from tests.transfer.program import environment

IMAGES = 12


class KillTests(case.StaticCase):
    def setUp(self) -> None:
        super().setUp()
        self.more = [make_image(f"more-{number}") for number in range(IMAGES)]
        for number, image in enumerate(self.more):
            self.push_image(image, f"more-{number}")
        self.push_image(self.index, "image")
        self.untag("list-1.0")

    def arguments(self) -> list[str]:
        """Spell an export of the store."""
        return [
            *("export", "--static", str(self.tree.root)),
            *("--storage", f"{self.root}/store", "--copy"),
        ]

    def kill_at(self, count: int) -> None:
        """Begin an export, and kill it once so many blobs are there, or it ended."""
        process = subprocess.Popen(command(*self.arguments()), env=environment())
        blobs = self.tree.root / "blobs/sha256"
        while process.poll() is None and len(list(blobs.glob("*"))) < count:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.001)
        process.kill()
        process.wait(LIMIT)

    def test_what_is_left_is_whole_and_goes_on(self) -> None:
        remote = self.serve()
        here = len(list((self.tree.root / "blobs/sha256").glob("*")))
        for more in (1, 20):
            self.kill_at(here + more)
            self.tree.check()
            for tag in ("index", "docker.json", "image"):
                target = self.targets()[tag]
                data = remote.manifest("team/app", tag).body
                if data != self.index.manifest.data:  # to which one of them has moved
                    self.assertEqual(data, target.manifest.data)
                found = remote.fetch("team/app", target.digest)
                self.assertTrue(found == contents_of(target))
        self.kill_at(1_000_000)
        self.tree.check()
        for number, image in enumerate(self.more):
            self.assertServes(remote, f"more-{number}", image)
        self.assertServes(remote, "image", self.index)
        remote.demand(404, "GET", "/v2/team/app/manifests/list-1.0")
        again = run(*self.arguments(), "--json")
        self.assertIn('"written":0,"copied":0,"removed":0', again.stdout)
