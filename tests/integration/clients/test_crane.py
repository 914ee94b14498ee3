"""Crane copies, tags, lists and deletes."""

import io
import tarfile

from tests.integration.clients import case
from tests.integration.clients.images import make_image, make_index, write_layout


class CraneCase(case.ClientCase):
    program = "crane"

    def setUp(self) -> None:
        super().setUp()
        self.image = make_image("crane")
        self.index = make_index("crane")

    def name(self, rest: str) -> str:
        """Name an image in the registry."""
        return f"{self.daemon.host}/{rest}"


class CraneTests(CraneCase):
    """What is done with every kind of store."""

    def test_pushes_and_pulls_a_layout(self) -> None:
        source, target = self.directory / "source", self.directory / "target"
        write_layout(source, {"1": self.index})
        self.client.run("push", "--index", str(source), self.name("team/app:1"))
        document = self.remote.manifest("team/app", "1").json()
        self.assertEqual(document["manifests"][0]["digest"], self.index.digest)
        self.client.run("pull", "--format=oci", self.name("team/app:1"), str(target))
        pulled = self.remote.fetch("team/app", "1")
        for digest, data in pulled.items():
            algorithm, encoded = digest.split(":")
            self.assertEqual(
                (target / "blobs" / algorithm / encoded).read_bytes(), data
            )

    def test_lists_the_catalog(self) -> None:
        for name in ("b", "a/x", "a-b", "a"):
            self.remote.push(name, "1", self.image)
        self.assertEqual(
            self.client.text("catalog", self.daemon.host).split(),
            ["a", "a-b", "a/x", "b"],
        )

    def test_deletes_a_tag_and_a_digest(self) -> None:
        for tag in ("1", "2", "3"):
            self.remote.push("team/app", tag, self.image)
        self.client.run("delete", self.name("team/app:1"))
        self.assertEqual(self.remote.tags("team/app"), ["2", "3"])
        self.client.run("delete", self.name(f"team/app@{self.image.digest}"))
        self.assertEqual(self.remote.tags("team/app"), [])
        self.remote.demand(404, "HEAD", f"/v2/team/app/manifests/{self.image.digest}")


class MoreCraneTests(CraneCase):
    def test_tags_and_lists(self) -> None:
        self.remote.push("team/app", "1", self.image)
        self.client.run("tag", self.name("team/app:1"), "1.0")
        self.client.run("tag", self.name("team/app:1"), "1-rc")
        self.assertEqual(
            self.client.text("ls", self.name("team/app")).split(), ["1", "1-rc", "1.0"]
        )
        self.assertHolds("team/app", "1.0", self.image)

    def test_copies_an_index_between_repositories(self) -> None:
        self.remote.push("team/app", "1", self.index)
        self.client.run("copy", self.name("team/app:1"), self.name("a/b/c/d:2"))
        self.assertHolds("a/b/c/d", "2", self.index)

    def test_tells_digests_and_manifests(self) -> None:
        self.remote.push("team/app", "1", self.image)
        self.assertEqual(
            self.client.text("digest", self.name("team/app:1")), self.image.digest
        )
        self.assertEqual(
            self.client.run("manifest", self.name("team/app:1")),
            self.image.manifest.data,
        )
        self.assertEqual(
            self.client.run("config", self.name("team/app:1")), self.image.config.data
        )

    def test_reads_blobs(self) -> None:
        self.remote.push("team/app", "1", self.image)
        layer = self.image.layers[1]
        self.assertEqual(
            self.client.run("blob", self.name(f"team/app@{layer.digest}")), layer.data
        )

    def test_appends_a_layer(self) -> None:
        self.remote.push("team/app", "1", self.image)
        layer = self.directory / "layer.tar"
        with tarfile.open(layer, "w") as archive:
            member = tarfile.TarInfo("added")
            member.size = 5
            archive.addfile(member, io.BytesIO(b"added"))
        self.client.run(
            "append",
            "-b",
            self.name("team/app:1"),
            "-f",
            str(layer),
            "-t",
            self.name("team/app:2"),
        )
        pulled = self.remote.manifest("team/app", "2").json()
        self.assertEqual(len(pulled["layers"]), len(self.image.layers) + 1)
        self.remote.fetch("team/app", "2")

    def test_appends_to_an_index(self) -> None:
        for image in self.index.images:
            self.remote.push("team/parts", image.architecture, image)
        parts = [
            f"--manifest={self.name(f'team/parts:{image.architecture}')}"
            for image in self.index.images
        ]
        self.client.run("index", "append", *parts, "-t", self.name("team/whole:1"))
        whole = self.remote.manifest("team/whole", "1").json()
        self.assertEqual(
            [part["digest"] for part in whole["manifests"]],
            [image.digest for image in self.index.images],
        )
        for image in self.index.images:
            self.assertHolds("team/whole", image.digest, image)

    def test_pushes_a_single_image_and_validates_it(self) -> None:
        source = self.directory / "source"
        write_layout(source, {"1": self.image})
        self.client.run("push", str(source), self.name("team/app:1"))
        self.assertHolds("team/app", "1", self.image)
        self.client.run("validate", "--remote", self.name("team/app:1"))

    def test_says_what_is_not_there(self) -> None:
        complaint = self.client.refuse("manifest", self.name("nobody/here:1"))
        self.assertIn("NAME_UNKNOWN", complaint)
