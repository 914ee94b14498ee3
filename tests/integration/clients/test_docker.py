"""A Docker engine pushes and pulls images."""

import io
import json
import re
import tarfile
from random import Random
from typing import Any

from tests.integration.clients import case
from tests.integration.clients.engine import Engine
from tests.integration.clients.images import (
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    Image,
    digest_of,
    make_image,
    make_index,
    write_archive,
)
from tests.integration.clients.programs import Program

LARGE = Random(6).randbytes(12 * 1024 * 1024 + 7)  # noqa: S311 - an example
"""What is no smaller when it is compressed, and too much for one part of an upload."""
NESTED = "a/very/deep-ly/nested__place/of.an/app"


class DockerCase(case.ClientCase):
    program = "docker"

    def make_program(self, *command: str) -> Program:
        engine = Engine(self.environment)
        self.addCleanup(engine.discard)
        self.environment = engine.environment
        return super().make_program(*command)

    def url(self, name: str) -> str:
        """Name an image in the registry."""
        return f"{self.daemon.host}/{name}"

    def load(self, image: Image, name: str) -> None:
        """Have the engine take an image from an archive."""
        archive = self.directory / "archive.tar"
        write_archive(archive, image, self.url(name))
        self.client.run("load", "--input", str(archive))

    def push(self, name: str) -> str:
        """Push an image.

        Returns:
            The digest that the engine tells.
        """
        told = self.client.text("push", self.url(name))
        found = re.search(r"digest: (sha256:\w+) size: \d+", told)
        assert found is not None, told
        return found[1]

    def forget(self, name: str) -> None:
        """Remove an image from the engine, with all its layers."""
        self.client.run("image", "rm", "--force", self.url(name))
        self.assertEqual(self.client.text("image", "ls", "--all", "--quiet"), "")

    def inspect(self, name: str) -> Any:
        """Have the engine tell what it knows of an image."""
        return self.client.json("image", "inspect", self.url(name))[0]

    def saved(self, name: str) -> tuple[bytes, tuple[bytes, ...]]:
        """Have the engine write an image.

        Returns:
            The config and the unpacked layers.
        """
        packed = io.BytesIO(self.client.run("save", self.url(name)))
        with tarfile.open(fileobj=packed) as archive:

            def read(path: str) -> bytes:
                member = archive.getmember(path)
                if member.issym():  # the same layer once more
                    place = path.rpartition("/")[0]
                    return read(_joined(place, member.linkname))
                file = archive.extractfile(member)
                assert file is not None
                return file.read()

            manifest = json.loads(read("manifest.json"))[0]
            return read(manifest["Config"]), tuple(map(read, manifest["Layers"]))

    def assertPulls(self, name: str, image: Image, *options: str) -> None:
        """The engine pulls an image, and has its bytes then."""
        self.client.run("pull", *options, self.url(name))
        self.assertEqual(self.inspect(name)["Id"], image.config.digest)
        config, layers = self.saved(name)
        self.assertEqual(config, image.config.data)
        self.assertEqual(
            [digest_of(layer) for layer in layers],
            [digest_of(layer) for layer in image.tars],
        )


class DockerTests(DockerCase):
    """What is done with every kind of store."""

    def test_pushes_and_pulls(self) -> None:
        image = make_image("docker")
        self.load(image, "team/app:1")
        digest = self.push("team/app:1")
        self.assertEqual(self.remote.digest("team/app", "1"), digest)
        manifest = self.remote.manifest("team/app", "1")
        self.assertEqual(manifest.headers["Content-Type"], DOCKER_MANIFEST)
        kept = self.remote.fetch("team/app", "1")
        self.assertEqual(kept[image.config.digest], image.config.data)
        types = {layer["mediaType"] for layer in manifest.json()["layers"]}
        self.assertEqual(types, {DOCKER_LAYER})
        self.forget("team/app:1")
        self.assertPulls("team/app:1", image)
        repository = self.url("team/app")
        self.assertEqual(
            self.inspect("team/app:1")["RepoDigests"], [f"{repository}@{digest}"]
        )
        self.forget("team/app:1")
        self.assertPulls(f"team/app@{digest}", image)

    def test_pushes_a_large_layer(self) -> None:
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            member = tarfile.TarInfo("large")
            member.size = len(LARGE)
            archive.addfile(member, io.BytesIO(LARGE))
        name = self.url("team/app:1")
        told = self.client.text("import", "-", name, given=tar.getvalue())
        digest = self.push("team/app:1")
        self.assertEqual(self.remote.digest("team/app", "1"), digest)
        kept = self.remote.fetch("team/app", "1")
        self.assertGreater(max(map(len, kept.values())), len(LARGE))
        self.forget("team/app:1")
        self.client.run("pull", name)
        self.assertEqual(self.inspect("team/app:1")["Id"], told)
        _, (layer,) = self.saved("team/app:1")
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            file = archive.extractfile("large")
            assert file is not None
            self.assertTrue(file.read() == LARGE)


class MoreDockerTests(DockerCase):
    def test_mounts_layers_from_another_repository(self) -> None:
        image = make_image("mounted")
        self.load(image, "team/app:1")
        first = self.push("team/app:1")
        self.client.run("tag", self.url("team/app:1"), self.url("other/app:2"))
        told = self.client.text("push", self.url("other/app:2"))
        self.assertEqual(told.count("Mounted from team/app"), len(image.layers))
        self.assertEqual(self.remote.digest("other/app", "2"), first)
        self.assertSameBytes(
            self.remote.fetch("other/app", "2"), self.remote.fetch("team/app", "1")
        )

    def test_pulls_all_tags(self) -> None:
        images = {tag: make_image(tag) for tag in ("1", "2", "latest")}
        for tag, image in images.items():
            self.remote.push("team/app", tag, image)
        self.client.run("pull", "--all-tags", self.url("team/app"))
        for tag, image in images.items():
            self.assertEqual(self.inspect(f"team/app:{tag}")["Id"], image.config.digest)

    def test_pushes_what_it_imported(self) -> None:
        tar = make_image("imported").tars[0]
        told = self.client.text("import", "-", self.url("team/app:1"), given=tar)
        digest = self.push("team/app:1")
        self.assertEqual(self.remote.digest("team/app", "1"), digest)
        self.forget("team/app:1")
        self.client.run("pull", self.url("team/app:1"))
        self.assertEqual(self.inspect("team/app:1")["Id"], told)
        _, (layer,) = self.saved("team/app:1")
        with (
            tarfile.open(fileobj=io.BytesIO(layer)) as unpacked,
            tarfile.open(fileobj=io.BytesIO(tar)) as packed,
        ):
            self.assertEqual(sorted(unpacked.getnames()), sorted(packed.getnames()))

    def test_pushes_to_a_nested_repository(self) -> None:
        image = make_image("nested")
        self.load(image, f"{NESTED}:1.0-rc_1")
        digest = self.push(f"{NESTED}:1.0-rc_1")
        self.assertEqual(self.remote.digest(NESTED, "1.0-rc_1"), digest)
        self.forget(f"{NESTED}:1.0-rc_1")
        self.assertPulls(f"{NESTED}:1.0-rc_1", image)

    def test_pulls_an_oci_image(self) -> None:
        image = make_image("oci")
        self.remote.push("team/app", "1", image)
        self.assertPulls("team/app:1", image)

    def test_pulls_each_platform(self) -> None:
        for docker in (False, True):
            index = make_index(f"docker {docker}", docker=docker)
            self.remote.push("team/multi", "1", index)
            for image in index.images:
                platform = f"linux/{image.architecture}"
                self.assertPulls("team/multi:1", image, "--platform", platform)
                self.assertIn(
                    index.digest, self.inspect("team/multi:1")["RepoDigests"][0]
                )
                self.forget("team/multi:1")

    def test_pushes_again(self) -> None:
        image = make_image("again")
        self.load(image, "team/app:1")
        first = self.push("team/app:1")
        told = self.client.text("push", self.url("team/app:1"))
        self.assertEqual(told.count("Layer already exists"), len(image.layers))
        self.assertEqual(self.remote.digest("team/app", "1"), first)

    def test_is_told_what_is_not_there(self) -> None:
        self.remote.push("team/app", "1", make_image("docker"))
        for name in ("team/app:2", "team/nothing:1"):
            complaint = self.client.refuse("pull", self.url(name))
            self.assertRegex(complaint, "not found|does not exist")


def _joined(place: str, link: str) -> str:
    while link.startswith("../"):
        place, link = place.rpartition("/")[0], link.removeprefix("../")
    return f"{place}/{link}".removeprefix("/")
