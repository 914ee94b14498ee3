"""Containerd imports our archives, and exports some that are read."""

from tests.integration.archives import case
from tests.integration.archives.case import in_zstd
from tests.integration.clients.containerd import Ctr
from tests.integration.clients.images import Image, Index, contents_of
from tests.integration.clients.programs import Program

OURS = "docker.io/library/alpine:it"


class ContainerdTests(case.ExchangeCase):
    program = "ctr"

    def make_program(self, *command: str) -> Program:
        """Run containerd of the test's own."""
        del command
        return Ctr(self, "registry.example").client

    def imported(self, target: Image | Index) -> None:
        """Import our archive of an image; containerd has then all of it."""
        path = self.ours(target)
        options = ("--all-platforms", "--no-unpack")
        self.client.run("images", "import", *options, str(path))
        kept = self.client.text("content", "ls", "--quiet").split()
        self.assertLessEqual({*contents_of(target)}, {*kept})
        for digest, data in contents_of(target).items():
            self.assertTrue(self.client.run("content", "get", digest) == data)

    def exported(self, *options: str) -> bytes:
        """Export it again."""
        path = self.directory / "theirs.tar"
        self.client.run("images", "export", *options, str(path), OURS)
        return path.read_bytes()

    def test_images(self) -> None:
        for target in (self.image, in_zstd(self.image)):
            self.imported(target)
            self.assertEqual(str(self.theirs(self.exported())), target.digest)
            self.assertHolds(target)

    def test_an_index(self) -> None:
        self.imported(self.index)
        data = self.exported("--all-platforms")
        self.assertEqual(str(self.theirs(data, OURS)), self.index.digest)
        self.assertHolds(self.index)

    def test_one_platform_of_an_index(self) -> None:
        self.imported(self.index)
        data = self.exported("--platform", "linux/arm64")
        found = str(self.theirs(data))
        self.assertEqual(found, self.index.images[1].digest)
        self.assertHolds(self.index.images[1])
