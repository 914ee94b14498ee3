"""Regctl copies images with what refers to them, and handles tags and blobs."""

from tests.integration.clients import case
from tests.integration.clients.images import digest_of, make_image, make_index


class RegctlCase(case.ClientCase):
    program = "regctl"

    def setUp(self) -> None:
        super().setUp()
        self.client.run("registry", "set", "--tls=disabled", self.daemon.host)
        self.image = make_image("regctl")
        self.index = make_index("regctl")

    def name(self, rest: str) -> str:
        """Name an image in the registry."""
        return f"{self.daemon.host}/{rest}"


class RegctlTests(RegctlCase):
    """What is done with every kind of store."""

    def test_lists_and_removes_tags(self) -> None:
        for tag in ("1", "2"):
            self.remote.push("team/app", tag, self.image)
        listed = self.client.text("tag", "ls", self.name("team/app")).split()
        self.assertEqual(listed, ["1", "2"])
        self.client.run("tag", "rm", self.name("team/app:1"))
        self.assertEqual(self.remote.tags("team/app"), ["2"])
        self.assertHolds("team/app", "2", self.image)

    def test_puts_and_gets_blobs(self) -> None:
        data = bytes(range(256)) * 10_000
        self.client.run("blob", "put", self.name("team/app"), given=data)
        digest = digest_of(data)
        self.assertTrue(
            self.client.run("blob", "get", self.name("team/app"), digest) == data
        )


class MoreRegctlTests(RegctlCase):
    def test_copies_with_referrers(self) -> None:
        self.remote.push("team/app", "1", self.image)
        self.client.run(
            "artifact",
            "put",
            "--artifact-type",
            "application/x-note",
            "--subject",
            self.name("team/app:1"),
            given=b"a note",
        )
        referrers = self.remote.referrers("team/app", self.image.digest)
        self.assertEqual(len(referrers), 1)
        self.client.run(
            "image", "copy", "--referrers", self.name("team/app:1"), self.name("b/c:1")
        )
        self.assertEqual(self.remote.referrers("b/c", self.image.digest), referrers)
        self.assertHolds("b/c", "1", self.image)

    def test_exports_and_imports(self) -> None:
        self.remote.push("team/app", "1", self.index)
        archive = self.directory / "archive.tar"
        self.client.run("image", "export", self.name("team/app:1"), str(archive))
        self.client.run("image", "import", self.name("b/c:1"), str(archive))
        self.assertHolds("b/c", "1", self.index)

    def test_copies_an_index(self) -> None:
        self.remote.push("team/app", "1", self.index)
        self.client.run("image", "copy", self.name("team/app:1"), self.name("b/c:2"))
        self.assertHolds("b/c", "2", self.index)

    def test_reads_what_is_attached(self) -> None:
        self.remote.push("team/app", "1", self.image)
        self.client.run(
            "artifact",
            "put",
            "--artifact-type",
            "application/x-note",
            "--subject",
            self.name("team/app:1"),
            given=b"a note",
        )
        found = self.client.run(
            "artifact",
            "get",
            "--subject",
            self.name("team/app:1"),
            "--filter-artifact-type",
            "application/x-note",
        )
        self.assertEqual(found, b"a note")

    def test_lists_repositories(self) -> None:
        for name in ("b", "a/x"):
            self.remote.push(name, "1", self.image)
        listed = self.client.text("repo", "ls", self.daemon.host).split()
        self.assertEqual(listed, ["a/x", "b"])
