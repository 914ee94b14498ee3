"""Podman and Buildah push and pull images."""

import gzip
import json
from pathlib import Path
from typing import Any

from tests.integration.clients import case
from tests.integration.clients.images import (
    ARCHITECTURES,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Image,
    digest_of,
    make_image,
    make_index,
    read_layout,
    write_layout,
)
from tests.integration.clients.programs import Program

ZSTD = bytes.fromhex("28b52ffd")
"""How a zstd frame begins."""
PLAIN = "--tls-verify=false"


class StorageCase(case.ClientCase):
    """Clients which keep images in a storage, here one of the test's own."""

    def make_program(self, *command: str) -> Program:
        storage = self.directory / "storage"
        return super().make_program(
            *command,
            *("--storage-driver", "vfs"),
            *("--root", str(storage / "root"), "--runroot", str(storage / "run")),
            *self.options(),
        )

    def options(self) -> tuple[str, ...]:
        """Further arguments of all commands."""
        return ()

    def url(self, name: str) -> str:
        """Name an image in the registry."""
        return f"{self.daemon.host}/{name}"

    def load(self, image: Image, name: str) -> None:
        """Have the client take an image from a layout."""
        layout = self.directory / "source"
        write_layout(layout, {"it": image})
        identity = self.client.text("pull", f"oci:{layout}:it").splitlines()[-1]
        self.client.run("tag", identity, self.url(name))

    def forget(self) -> None:
        """Remove all images from the storage."""
        self.client.run("rmi", "--all", "--force")
        self.assertEqual(self.client.text("images", "--all", "--quiet"), "")

    def push(self, name: str, *options: str) -> str:
        """Push an image.

        Returns:
            The digest that the client tells.
        """
        file = self.directory / "digest"
        told = ("--digestfile", str(file))
        self.client.run("push", PLAIN, *told, *options, self.url(name))
        return file.read_text()

    def inspect(self, name: str) -> Any:
        """Have the client tell what it knows of an image."""
        return self.client.json("inspect", "--type", "image", self.url(name))


class PodmanCase(StorageCase):
    program = "podman"

    def options(self) -> tuple[str, ...]:
        # No systemd, no journal and no directories outside of the test's own.
        temporary = str(self.directory / "storage" / "tmp")
        return (
            *("--cgroup-manager", "cgroupfs", "--events-backend", "none"),
            *("--tmpdir", temporary),
        )

    def assertPulls(self, name: str, image: Image, *options: str) -> None:
        """Podman pulls an image, and has its bytes then."""
        self.client.run("pull", PLAIN, *options, self.url(name))
        found = self.inspect(name)[0]
        self.assertEqual(f"sha256:{found['Id']}", image.config.digest)
        self.assertEqual(found["RootFS"]["Layers"], list(map(digest_of, image.tars)))
        layout = self.directory / f"saved-{found['Id']}"
        docker = image.manifest.media_type == DOCKER_MANIFEST
        form = "docker-dir" if docker else "oci-dir"
        saving = ("save", "--quiet", "--format", form, "--output", str(layout))
        self.client.run(*saving, self.url(name))
        files = [path for path in layout.rglob("*") if path.is_file()]
        saved = {digest_of(data): data for data in map(Path.read_bytes, files)}
        self.assertEqual(saved[image.config.digest], image.config.data)
        layers = {digest_of(_unpacked(data)) for data in saved.values()}
        self.assertLessEqual(set(map(digest_of, image.tars)), layers)


class PodmanTests(PodmanCase):
    """What is done with every kind of store."""

    def test_pushes_and_pulls(self) -> None:
        image = make_image("podman")
        self.load(image, "team/app:1")
        digest = self.push("team/app:1")
        manifest = self.remote.manifest("team/app", "1")
        self.assertEqual(digest_of(manifest.body), digest)
        self.assertEqual(manifest.headers["Content-Type"], OCI_MANIFEST)
        kept = self.remote.fetch("team/app", "1")
        self.assertEqual(kept[image.config.digest], image.config.data)
        self.forget()
        self.assertPulls("team/app:1", image)
        self.assertEqual(self.inspect("team/app:1")[0]["Digest"], digest)
        self.forget()
        self.assertPulls(f"team/app@{digest}", image)


class MorePodmanTests(PodmanCase):
    def test_pushes_a_list_with_all_platforms(self) -> None:
        index = make_index("podman")
        self.remote.push("team/parts", "all", index)
        self.client.run("manifest", "create", "parts")
        for image in index.images:
            part = f"docker://{self.url('team/parts')}@{image.digest}"
            self.client.run("manifest", "add", PLAIN, "parts", part)
        place = f"docker://{self.url('team/whole:1')}"
        self.client.run("manifest", "push", PLAIN, "--all", "parts", place)
        pushed = self.remote.manifest("team/whole", "1")
        self.assertEqual(pushed.headers["Content-Type"], OCI_INDEX)
        self.assertEqual(
            {
                part["platform"]["architecture"]: part["digest"]
                for part in json.loads(pushed.body)["manifests"]
            },
            {image.architecture: image.digest for image in index.images},
        )
        self.assertEqual(len(ARCHITECTURES), len(index.images))
        for image in index.images:
            self.assertHolds("team/whole", image.digest, image)

    def test_lists_tags(self) -> None:
        tags = ["1", "2", "latest"]
        for tag in tags:
            self.remote.push("team/app", tag, make_image("podman"))
        found = self.client.json(
            *("search", PLAIN, "--list-tags", "--format", "json"),
            self.url("team/app"),
        )
        self.assertEqual(found[0]["Tags"], tags)

    def test_pushes_as_schema_2(self) -> None:
        self.load(make_image("podman"), "team/app:1")
        digest = self.push("team/app:1", "--format", "v2s2")
        manifest = self.remote.manifest("team/app", "1")
        self.assertEqual(digest_of(manifest.body), digest)
        self.assertEqual(manifest.headers["Content-Type"], DOCKER_MANIFEST)
        kept = self.remote.fetch("team/app", "1")
        self.forget()
        self.client.run("pull", PLAIN, self.url("team/app:1"))
        found = self.inspect("team/app:1")[0]
        self.assertIn(f"sha256:{found['Id']}", kept)
        self.assertEqual(found["Digest"], digest)

    def test_pushes_layers_packed_by_zstd(self) -> None:
        image = make_image("zstd")
        self.load(image, "team/app:1")
        digest = self.push("team/app:1", "--compression-format", "zstd")
        manifest = self.remote.manifest("team/app", "1")
        self.assertEqual(digest_of(manifest.body), digest)
        layers = manifest.json()["layers"]
        self.assertEqual(len(layers), len(image.layers))
        for layer in layers:
            self.assertTrue(layer["mediaType"].endswith(".tar+zstd"), layer)
            blob = self.remote.blob("team/app", layer["digest"])
            self.assertEqual(blob[:4], ZSTD)
        self.forget()
        self.assertPulls("team/app:1", image)

    def test_pulls_each_platform(self) -> None:
        for docker in (False, True):
            index = make_index(f"podman {docker}", docker=docker)
            self.remote.push("team/multi", "1", index)
            for image in index.images:
                self.assertPulls("team/multi:1", image, "--arch", image.architecture)
                self.forget()

    def test_mounts_layers_from_another_repository(self) -> None:
        image = make_image("mounted")
        self.load(image, "team/app:1")
        first = self.push("team/app:1")
        self.client.run("tag", self.url("team/app:1"), self.url("other/app:2"))
        self.assertEqual(self.push("other/app:2"), first)
        self.assertSameBytes(
            self.remote.fetch("other/app", "2"), self.remote.fetch("team/app", "1")
        )

    def test_is_told_what_is_not_there(self) -> None:
        complaint = self.client.refuse("pull", PLAIN, self.url("team/nothing:1"))
        self.assertRegex(complaint, "manifest unknown|name unknown")


class BuildahTests(StorageCase):
    """What is done with every kind of store."""

    program = "buildah"

    def test_builds_pushes_and_pulls(self) -> None:
        files = self.directory / "files"
        files.mkdir()
        (files / "hello").write_text("hello\n")
        container = self.client.text("from", "scratch")
        self.client.run("copy", container, str(files), "/app")
        self.client.run("config", "--label", "made=here", container)
        name = self.url("team/app:1")
        self.client.run("commit", "--quiet", container, name)
        digest = self.push("team/app:1")
        built = self.client.json("inspect", "--type", "image", name)
        manifest = self.remote.manifest("team/app", "1")
        self.assertEqual(digest_of(manifest.body), digest)
        self.assertEqual(manifest.json()["config"]["digest"], _identity(built))
        self.remote.fetch("team/app", "1")
        self.client.run("rm", "--all")
        self.client.run("rmi", "--all", "--force")
        self.client.run("pull", PLAIN, name)
        pulled = self.client.json("inspect", "--type", "image", name)
        self.assertEqual(_identity(pulled), _identity(built))
        self.assertEqual(pulled["OCIv1"], built["OCIv1"])
        again = self.client.text("from", "--pull-never", name)
        place = self.directory / "out"
        self.client.run("push", PLAIN, name, f"oci:{place}:it")
        self.assertIn(_identity(built), read_layout(place))
        self.client.run("rm", again)


class MoreBuildahTests(StorageCase):
    program = "buildah"

    def test_builds_from_a_file(self) -> None:
        context = self.directory / "context"
        context.mkdir()
        (context / "file").write_bytes(b"some content\n" * 1000)
        (context / "Containerfile").write_text("FROM scratch\nCOPY file /file\n")
        name = self.url("team/built:1")
        self.client.run("bud", "--isolation", "chroot", "-t", name, str(context))
        self.client.run("push", PLAIN, name)
        pushed = self.remote.fetch("team/built", "1")
        self.client.run("rmi", "--all", "--force")
        self.client.run("pull", PLAIN, name)
        identity = self.client.text("inspect", "--format", "{{.FromImageID}}", name)
        self.assertIn(f"sha256:{identity}", pushed)


def _unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def _identity(inspected: Any) -> str:
    return f"sha256:{inspected['FromImageID']}"
