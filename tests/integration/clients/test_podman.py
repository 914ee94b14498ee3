"""Podman and buildah push, pull and build."""

from tests.integration.clients import case
from tests.integration.clients.images import make_image, make_index
from tests.integration.clients.programs import Program


class StorageCase(case.ClientCase):
    """A client that keeps its images in a directory of its own."""

    def make_program(self, *command: str) -> Program:
        storage = self.directory / "containers"
        return super().make_program(
            *command,
            *("--storage-driver", "vfs", "--root", str(storage / "root")),
            *("--runroot", str(storage / "run")),
        )

    def name(self, rest: str) -> str:
        """Name an image in the registry."""
        return f"{self.daemon.host}/{rest}"


class PodmanTests(StorageCase):
    program = "podman"

    def test_pulls_and_pushes(self) -> None:
        image = make_image("podman")
        self.remote.push("team/app", "1", image)
        self.client.run("pull", "--tls-verify=false", self.name("team/app:1"))
        found = self.client.json("inspect", self.name("team/app:1"))
        self.assertEqual(found[0]["Digest"], image.digest)
        target = self.name("a/very/deep/name:2")
        self.client.run("push", "--tls-verify=false", self.name("team/app:1"), target)
        pushed = self.remote.fetch("a/very/deep/name", "2")
        self.assertEqual(pushed[image.config.digest], image.config.data)

    def test_pulls_its_platform_of_an_index(self) -> None:
        index = make_index("podman")
        self.remote.push("team/multi", "1", index)
        wanted = index.images[1]
        self.client.run(
            "pull",
            "--tls-verify=false",
            "--arch",
            wanted.architecture,
            self.name("team/multi:1"),
        )
        found = self.client.json("inspect", self.name("team/multi:1"))
        self.assertEqual(found[0]["Architecture"], wanted.architecture)

    def test_pushes_zstd_layers(self) -> None:
        layer = self.directory / "layer.tar"
        layer.write_bytes(make_image("zstd").tars[0])
        self.client.run("import", str(layer), self.name("team/app:1"))
        self.client.run(
            "push",
            "--tls-verify=false",
            "--compression-format",
            "zstd",
            "--format",
            "oci",
            self.name("team/app:1"),
            self.name("team/zstd:1"),
        )
        manifest = self.remote.manifest("team/zstd", "1").json()
        for layer in manifest["layers"]:
            self.assertTrue(layer["mediaType"].endswith("+zstd"), layer)
        self.remote.fetch("team/zstd", "1")
        self.client.run("rmi", "--all", "--force")
        self.client.run("pull", "--tls-verify=false", self.name("team/zstd:1"))


class BuildahTests(StorageCase):
    program = "buildah"

    def test_builds_and_pushes(self) -> None:
        context = self.directory / "context"
        context.mkdir()
        (context / "file").write_bytes(b"some content\n" * 1000)
        (context / "Containerfile").write_text("FROM scratch\nCOPY file /file\n")
        name = self.name("team/built:1")
        self.client.run("bud", "--isolation", "chroot", "-t", name, str(context))
        self.client.run("push", "--tls-verify=false", name)
        pushed = self.remote.fetch("team/built", "1")
        self.client.run("rmi", "--all", "--force")
        self.client.run("pull", "--tls-verify=false", name)
        identity = self.client.text("inspect", "--format", "{{.FromImageID}}", name)
        self.assertIn(f"sha256:{identity}", pushed)
