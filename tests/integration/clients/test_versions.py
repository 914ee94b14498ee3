"""What is pushed by version 1 is pulled by version 2, and the other way round."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any, ClassVar

from tests.integration.clients import versions
from tests.integration.clients.engine import Engine as Dockerd
from tests.integration.clients.images import (
    DOCKER_MANIFEST,
    Image,
    Index,
    make_image,
    make_index,
    read_layout,
    write_archive,
    write_layout,
)
from tests.integration.clients.programs import Program
from tests.integration.clients.versions import (
    AS_V1,
    tars_of,
    with_layers,
)
from tests.integration.engines.images import FakeImage, make_images, make_random
from tests.integration.engines.layers import make_files, make_layer, raw, unpack, xz

PLAIN_HTTP = ("--src-tls-verify=false", "--dest-tls-verify=false")
TAR = "application/vnd.oci.image.layer.v1.tar"


class SkopeoTests(versions.VersionsCase):
    program = "skopeo"

    def url(self, name: str) -> str:
        """Name an image in the registry."""
        return f"docker://{self.host}/{name}"

    def copy(self, source: str, target: str, *options: str) -> None:
        """Copy an image."""
        self.client.run("copy", *PLAIN_HTTP, *options, source, target)

    def push(self, target: Image | Index, name: str, *options: str) -> None:
        """Push an image out of a layout."""
        layout = self.place / f"source-{target.digest.removeprefix('sha256:')}"
        write_layout(layout, {"it": target})
        self.copy(f"oci:{layout}:it", self.url(name), *options)

    def pull(self, name: str) -> tuple[dict[str, Any], list[bytes]]:
        """Pull an image.

        Returns:
            Its config, and its layers, unpacked.
        """
        layout = self.place / f"pulled-{len(list(self.place.iterdir()))}"
        self.copy(self.url(name), f"oci:{layout}:it")
        return read_image(layout)

    def assertSkopeoPulls(self, name: str, images: tuple[FakeImage, ...]) -> None:
        """Skopeo pulls what was pushed by version 1, file by file."""
        config, tars = self.pull(name)
        self.assertSameTars(tars, tars_of(images))
        wanted = json.loads(images[-1].json)["config"]
        for part in ("Cmd", "Labels"):
            self.assertEqual(config["config"][part], wanted[part])
        self.assertEqual(len(config["history"]), len(images))

    def test_pulls_what_every_release_pushed(self) -> None:
        for release in AS_V1:
            images = make_images(f"skopeo/{release}", release)
            self.old(release).push("acme/old", images, {release: images[-1].id})
            self.assertSkopeoPulls(f"acme/old:{release}", images)

    def test_pulls_layers_of_every_kind(self) -> None:
        layers = [
            make_layer(make_files(f"kinds/{number}"), pack=pack)
            for number, pack in enumerate((None, raw, xz))
        ]
        images = make_random("kinds", layers)
        self.old("1.0.0").push("acme/kinds", images, {"latest": images[-1].id})
        self.assertSkopeoPulls("acme/kinds:latest", images)

    def test_pulls_what_has_no_namespace(self) -> None:
        images = self.push_old("alone", "1.6.2")
        self.assertSkopeoPulls("alone:latest", images)

    def test_pushes_oci(self) -> None:
        image = make_image("oci")
        self.push(image, "acme/oci:1")
        self.assertOldHolds("acme/oci", "1", image)

    def test_pushes_what_has_no_namespace_for_version_1(self) -> None:
        image = make_image("solo")
        self.push(image, "library/solo:1")
        self.assertOldHolds("solo", "1", image)
        self.assertOldHolds("library/solo", "1", image)

    def test_pushes_schema_2(self) -> None:
        image = make_image("schema 2")
        self.push(image, "acme/schema2:1", "--format", "v2s2")
        self.assertOldHolds("acme/schema2", "1", image)

    def test_pushes_zstd(self) -> None:
        image = make_image("zstd")
        self.push(image, "acme/zstd:1", "--dest-compress-format", "zstd")
        layers = self.remote.manifest("acme/zstd", "1").json()["layers"]
        self.assertEqual({layer["mediaType"] for layer in layers}, {f"{TAR}+zstd"})
        self.assertOldHolds("acme/zstd", "1", image)

    def test_each_release_is_the_first_to_want_zstd(self) -> None:
        for release in AS_V1:
            image = make_image(f"zstd {release}")
            name = f"acme/zstd-{release}"
            self.push(image, f"{name}:1", "--dest-compress-format", "zstd")
            self.assertOldPulled(self.old(release).pull(name, "1"), image)

    def test_pushes_without_compression(self) -> None:
        image = make_image("tar")
        plain = with_layers(image, TAR, image.tars)
        self.push(plain, "acme/tar:1", "--preserve-digests")
        layers = self.remote.manifest("acme/tar", "1").json()["layers"]
        self.assertEqual({layer["mediaType"] for layer in layers}, {TAR})
        self.assertOldHolds("acme/tar", "1", image)

    def test_pushes_an_index(self) -> None:
        for docker in (False, True):
            name = f"acme/index-{docker}".lower()
            index = make_index(name, docker=docker)
            self.remote.push(name, "1", index)
            self.copy(self.url(f"{name}:1"), self.url(f"{name}-copy:1"), "--all")
            self.assertOldHolds(f"{name}-copy", "1", index.images[0])
            for image in index.images:
                self.assertEqual(
                    self.old_id(f"{name}-copy", "1", image.architecture),
                    image.config.digest.removeprefix("sha256:"),
                )

    def old_id(self, name: str, tag: str, architecture: str) -> str:
        """Ask by version 1 which image a tag names on some platform."""
        agent = f"docker/1.9.1 go/go1.4.2 os/linux arch/{architecture}"
        path = f"/v1/repositories/{name}/tags/{tag}"
        answer = self.remote.demand(200, "GET", path, headers={"User-Agent": agent})
        return str(answer.json())


class CraneTests(versions.VersionsCase):
    program = "crane"

    def test_pulls_what_every_release_pushed(self) -> None:
        for release in AS_V1:
            images = self.push_old("crane/old", release, release)
            name = f"{self.host}/crane/old:{release}"
            self.client.run("--insecure", "validate", "--remote", name)
            layout = self.place / release
            self.client.run("--insecure", "pull", "--format=oci", name, str(layout))
            _, tars = read_image(layout)
            self.assertSameTars(tars, tars_of(images))

    def test_flattens_what_every_release_pushed(self) -> None:
        for release in AS_V1:
            images = self.push_old("crane/flat", release, release)
            name = f"{self.host}/crane/flat:{release}"
            packed = self.client.run("--insecure", "export", name, "-")
            expected = {**images[0].files, **images[1].files}
            gone = next(path for path in expected if "/.wh." in path)
            del expected[gone], expected[gone.replace("/.wh.", "/")]
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                found = {
                    member.name: read_member(archive, member.name)
                    for member in archive
                    if member.isreg()
                }
            self.assertTrue(found == expected, sorted(found))

    def test_pushes(self) -> None:
        layout, image = self.place / "layout", make_image("crane")
        write_layout(layout, {"1": image})
        name = f"{self.host}/crane/new:1"
        self.client.run("--insecure", "push", str(layout), name)
        self.assertOldHolds("crane/new", "1", image)


class DockerTests(versions.VersionsCase):
    """Today's engine; one for all tests, which have images of their own."""

    program = "docker"
    dockerd: ClassVar[Dockerd | None] = None

    @classmethod
    def tearDownClass(cls) -> None:
        if cls.dockerd is not None:
            cls.dockerd.discard()
        super().tearDownClass()

    def make_program(self, *command: str) -> Program:
        cls = type(self)
        if cls.dockerd is None:
            cls.dockerd = Dockerd({**self.environment, "HOME": "/nonexistent"})
        host = cls.dockerd.environment["DOCKER_HOST"]
        self.environment = {**self.environment, "DOCKER_HOST": host}
        return super().make_program(*command)

    def saved(self, name: str) -> list[bytes]:
        """Have the engine write an image, and give its layers, unpacked."""
        packed = io.BytesIO(self.client.run("save", name))
        with tarfile.open(fileobj=packed) as archive:
            manifest = json.loads(read_member(archive, "manifest.json"))[0]
            return [read_member(archive, path) for path in manifest["Layers"]]

    def test_pulls_what_every_release_pushed(self) -> None:
        for release in AS_V1:
            images = self.push_old("docker/old", release, release)
            name = f"{self.host}/docker/old:{release}"
            self.client.run("pull", name)
            self.assertSameTars(self.saved(name), tars_of(images))
            config = self.client.json("image", "inspect", name)[0]["Config"]
            labels = json.loads(images[-1].json)["config"]["Labels"]
            self.assertEqual(config["Labels"], labels)

    def test_pulls_empty_layers(self) -> None:
        for release in ("1.0.0", "1.6.2"):
            full = self.push_old("docker/empty", release)
            empty = make_images("docker/empty", release)[1]
            images = make_random(f"empty {release}", [full[0].layer, empty.layer])
            self.old(release).push("docker/empty", images, {release: images[-1].id})
            self.client.run("pull", f"{self.host}/docker/empty:{release}")

    def test_pushes(self) -> None:
        image = make_image("docker")
        name = f"{self.host}/docker/new:1"
        archive = self.place / "archive.tar"
        write_archive(archive, image, name)
        self.client.run("load", "--input", str(archive))
        self.client.run("push", name)
        manifest = self.remote.manifest("docker/new", "1")
        self.assertEqual(manifest.headers["Content-Type"], DOCKER_MANIFEST)
        self.assertOldHolds("docker/new", "1", image)


def read_image(layout: Path) -> tuple[dict[str, Any], list[bytes]]:
    """Read the one image of a layout: its config, and its layers, unpacked."""
    contents = read_layout(layout)
    index = json.loads((layout / "index.json").read_bytes())
    (entry,) = index["manifests"]
    manifest = json.loads(contents[entry["digest"]])
    config: dict[str, Any] = json.loads(contents[manifest["config"]["digest"]])
    layers = [unpack(contents[layer["digest"]]) for layer in manifest["layers"]]
    return config, layers


def read_member(archive: tarfile.TarFile, path: str) -> bytes:
    """Read a file of an archive, or what a link leads to."""
    file = archive.extractfile(path)
    assert file is not None
    return file.read()
