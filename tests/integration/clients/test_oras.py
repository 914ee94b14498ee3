"""Oras pushes artifacts, attaches them to images and finds them again."""

from typing import Any

from tests.integration.clients import case
from tests.integration.clients.images import digest_of, make_image

PLAIN = "--plain-http"
NOTE = "application/x-note"


class OrasCase(case.ClientCase):
    program = "oras"

    def setUp(self) -> None:
        super().setUp()
        self.image = make_image("oras")
        self.remote.push("team/app", "1", self.image)
        self.file = self.directory / "note.txt"
        self.file.write_bytes(b"a note\n" * 1000)

    def name(self, rest: str) -> str:
        """Name an artifact in the registry."""
        return f"{self.daemon.host}/{rest}"

    def attach(self, kind: str = NOTE) -> str:
        """Attach a file to the image.

        Returns:
            The digest of what was attached.
        """
        before = set(self.remote.referrers("team/app", self.image.digest))
        self.client.run(
            "attach",
            PLAIN,
            "--artifact-type",
            kind,
            "--annotation",
            f"number={len(before)}",
            self.name("team/app:1"),
            "note.txt",
        )
        after = set(self.remote.referrers("team/app", self.image.digest))
        (added,) = after - before
        return added

    def discover(self, *options: str) -> list[dict[str, Any]]:
        """Ask oras what refers to the image."""
        found = self.client.json(
            "discover", PLAIN, "--format", "json", *options, self.name("team/app:1")
        )
        referrers: list[dict[str, Any]] = found.get("referrers") or []
        return referrers


class OrasTests(OrasCase):
    """What is done with every kind of store."""

    def test_attaches_and_discovers(self) -> None:
        digests = {self.attach(), self.attach()}
        self.assertEqual({each["digest"] for each in self.discover()}, digests)
        for digest in digests:
            self.remote.fetch("team/app", digest)

    def test_forgets_what_was_deleted(self) -> None:
        digest = self.attach()
        self.client.run(
            "manifest", "delete", PLAIN, "--force", self.name(f"team/app@{digest}")
        )
        self.assertEqual(self.discover(), [])
        fallback = self.image.digest.replace(":", "-")
        self.remote.demand(404, "GET", f"/v2/team/app/manifests/{fallback}")


class MoreOrasTests(OrasCase):
    def test_pushes_and_fetches_blobs(self) -> None:
        self.client.run("blob", "push", PLAIN, self.name("team/app"), "note.txt")
        digest = digest_of(self.file.read_bytes())
        fetched = self.client.run(
            "blob", "fetch", PLAIN, "-o", "-", self.name(f"team/app@{digest}")
        )
        self.assertEqual(fetched, self.file.read_bytes())

    def test_pushes_and_pulls_an_artifact(self) -> None:
        self.client.run(
            "push", PLAIN, "--artifact-type", NOTE, self.name("notes/a:1"), "note.txt"
        )
        target = self.directory / "pulled"
        self.client.run("pull", PLAIN, "-o", str(target), self.name("notes/a:1"))
        self.assertEqual((target / "note.txt").read_bytes(), self.file.read_bytes())

    def test_discovers_by_type(self) -> None:
        note, other = self.attach(), self.attach("application/x-other")
        found = self.discover("--artifact-type", "application/x-other")
        self.assertEqual([each["digest"] for each in found], [other])
        self.assertNotEqual(note, other)

    def test_finds_the_same_under_the_fallback_tag(self) -> None:
        digests = sorted([self.attach(), self.attach()])
        found = self.discover("--distribution-spec", "v1.1-referrers-tag")
        self.assertEqual(sorted(each["digest"] for each in found), digests)

    def test_serves_what_was_attached_by_the_fallback_tag(self) -> None:
        self.client.run(
            "attach",
            PLAIN,
            "--artifact-type",
            NOTE,
            "--distribution-spec",
            "v1.1-referrers-tag",
            self.name("team/app:1"),
            "note.txt",
        )
        (found,) = self.discover("--distribution-spec", "v1.1-referrers-api")
        self.assertEqual(found["artifactType"], NOTE)

    def test_copies_with_referrers(self) -> None:
        digest = self.attach()
        self.client.run(
            "copy",
            "-r",
            "--from-plain-http",
            "--to-plain-http",
            self.name("team/app:1"),
            self.name("other/app:1"),
        )
        self.assertHolds("other/app", "1", self.image)
        self.assertEqual(
            self.remote.referrers("other/app", self.image.digest), [digest]
        )
