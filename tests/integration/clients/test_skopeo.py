"""Skopeo copies, looks at and deletes images."""

import json
from pathlib import Path

from tests.integration.clients import case
from tests.integration.clients.images import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    Image,
    Index,
    make_image,
    make_index,
    write_layout,
)

PLAIN = ("--src-tls-verify=false", "--dest-tls-verify=false")


class SkopeoCase(case.ClientCase):
    program = "skopeo"

    def setUp(self) -> None:
        super().setUp()
        self.image = make_image("skopeo")
        self.index = make_index("skopeo")
        self.source = self.directory / "source"
        write_layout(self.source, {"image": self.image, "index": self.index})

    def url(self, name: str) -> str:
        """Name an image in the registry."""
        return f"docker://{self.daemon.host}/{name}"

    def copy(self, source: str, target: str, *options: str) -> None:
        """Copy an image."""
        self.client.run("copy", *PLAIN, *options, source, target)

    def push(self, tag: str, name: str, *options: str) -> None:
        """Copy an image out of the layout into the registry."""
        self.copy(f"oci:{self.source}:{tag}", self.url(name), *options)

    def pull(self, name: str, target: Image | Index, *options: str) -> None:
        """Copy an image out of the registry into a layout, and compare."""
        layout = self.directory / "pulled"
        self.copy(self.url(name), f"oci:{layout}:it", *options)
        self.assertLayoutHolds(layout, target)

    def pull_directory(self, name: str, *options: str) -> bytes:
        """Copy an image to plain files, which are as they came, and verify them.

        Returns:
            Its manifest.
        """
        directory = self.directory / "plain"
        self.copy(self.url(name), f"dir:{directory}", *options)
        repository, tag = name.split(":")
        parts = set(self.remote.fetch(repository, tag).values())
        written = {
            path.read_bytes() for path in directory.iterdir() if path.name != "version"
        }
        self.assertEqual(len(written), len(parts))
        self.assertTrue(written == parts, "the files differ from the registry's")
        return Path(directory, "manifest.json").read_bytes()


class SkopeoTests(SkopeoCase):
    """What is done with every kind of store."""

    def test_copies_all_platforms(self) -> None:
        self.push("index", "team/app:1", "--all", "--preserve-digests")
        self.assertHolds("team/app", "1", self.index)
        self.pull("team/app:1", self.index, "--all", "--preserve-digests")

    def test_deletes_an_image_with_all_its_tags(self) -> None:
        kept = make_image("kept")
        self.remote.push("team/app", "1", self.image)
        self.remote.push("team/app", "2", self.image)
        self.remote.push("team/app", "3", kept)
        self.client.run("delete", "--tls-verify=false", self.url("team/app:1"))
        self.assertEqual(self.remote.tags("team/app"), ["3"])
        for gone in ("1", "2", self.image.digest):
            complaint = self.client.refuse(
                "inspect", "--tls-verify=false", self.url(_named("team/app", gone))
            )
            self.assertIn("manifest unknown", complaint)
        self.assertHolds("team/app", "3", kept)


class MoreSkopeoTests(SkopeoCase):
    def test_copies_between_repositories(self) -> None:
        self.push("index", "team/app:1", "--all")
        self.copy(self.url("team/app:1"), self.url("other/place/app:2"), "--all")
        self.assertHolds("other/place/app", "2", self.index)

    def test_lists_tags(self) -> None:
        tags = ["1", "1.0", "Latest", "_x", "latest"]
        for tag in tags:
            self.remote.push("team/app", tag, self.image)
        found = self.client.json(
            "list-tags", "--tls-verify=false", self.url("team/app")
        )
        self.assertEqual(sorted(found["Tags"]), tags)

    def test_copies_an_image_in_and_out(self) -> None:
        self.push("image", "team/app:1")
        self.assertHolds("team/app", "1", self.image)
        self.pull("team/app:1", self.image)

    def test_pulls_by_digest(self) -> None:
        self.push("image", "team/app:1", "--preserve-digests")
        self.pull(f"team/app@{self.image.digest}", self.image, "--preserve-digests")

    def test_copies_one_platform(self) -> None:
        self.push("index", "team/app:1", "--all")
        arm = self.index.images[1]
        override = ("--override-os", "linux", "--override-arch", arm.architecture)
        layout = self.directory / "pulled"
        self.client.run(
            *override, "copy", *PLAIN, self.url("team/app:1"), f"oci:{layout}:it"
        )
        self.assertLayoutHolds(layout, arm)

    def test_copies_as_schema_2(self) -> None:
        self.push("image", "team/app:1", "--format", "v2s2")
        manifest = self.remote.manifest("team/app", "1")
        self.assertEqual(manifest.headers["Content-Type"], DOCKER_MANIFEST)
        document = manifest.json()
        self.assertEqual(document["config"]["mediaType"], DOCKER_CONFIG)
        self.assertEqual(
            document["layers"],
            [layer.descriptor(mediaType=DOCKER_LAYER) for layer in self.image.layers],
        )
        self.assertEqual(self.pull_directory("team/app:1"), manifest.body)

    def test_copies_all_platforms_as_schema_2(self) -> None:
        self.push("index", "team/app:1", "--all", "--format", "v2s2")
        manifest = self.remote.manifest("team/app", "1")
        self.assertEqual(manifest.headers["Content-Type"], DOCKER_LIST)
        self.assertEqual(self.pull_directory("team/app:1", "--all"), manifest.body)
        kept = self.remote.fetch("team/app", "1")
        for blob in (layer for image in self.index.images for layer in image.layers):
            self.assertEqual(kept[blob.digest], blob.data)

    def test_keeps_schema_2_as_it_is(self) -> None:
        image = make_image("docker", docker=True)
        self.remote.push("team/app", "1", image)
        self.copy(self.url("team/app:1"), self.url("other/app:2"))
        self.assertHolds("other/app", "2", image)

    def test_pushes_again(self) -> None:
        for _ in range(2):
            self.push("image", "team/app:1")
        self.assertHolds("team/app", "1", self.image)

    def test_inspects(self) -> None:
        self.push("index", "team/app:1", "--all")
        look = ("inspect", "--tls-verify=false")
        raw = self.client.run(*look, "--raw", self.url("team/app:1"))
        self.assertEqual(raw, self.index.manifest.data)
        self.push("image", "team/app:2")
        found = self.client.json(*look, self.url("team/app:2"))
        self.assertEqual(found["Digest"], self.image.digest)
        self.assertEqual(found["Layers"], [layer.digest for layer in self.image.layers])
        self.assertEqual(found["RepoTags"], ["1", "2"])
        self.assertEqual(found["Labels"], {"name": "skopeo"})
        config = self.client.run(*look, "--config", "--raw", self.url("team/app:2"))
        self.assertEqual(config, self.image.config.data)

    def test_says_what_is_not_there(self) -> None:
        complaint = self.client.refuse(
            "inspect", "--tls-verify=false", self.url("nobody/here:1")
        )
        self.assertRegex(complaint, "manifest unknown|name unknown")

    def test_copies_signatures_of_a_later_push(self) -> None:
        self.push("image", "team/app:1")
        changed = make_image("changed")
        layout = self.directory / "changed"
        write_layout(layout, {"image": changed})
        self.copy(f"oci:{layout}:image", self.url("team/app:1"))
        self.assertHolds("team/app", "1", changed)
        self.assertHolds("team/app", self.image.digest, self.image)
        self.assertEqual(
            json.loads(self.remote.manifest("team/app", "1").body)["schemaVersion"], 2
        )


def _named(name: str, reference: str) -> str:
    return f"{name}{'@' if ':' in reference else ':'}{reference}"
