"""The Docker engine pushes and pulls."""

from tests.integration.clients import case
from tests.integration.clients.engine import Engine
from tests.integration.clients.images import (
    DOCKER_MANIFEST,
    make_image,
    make_index,
    write_archive,
)
from tests.integration.clients.programs import Program


class DockerTests(case.ClientCase):
    program = "docker"

    def make_program(self, *command: str) -> Program:
        engine = Engine(self.environment)
        self.addCleanup(engine.discard)
        self.environment = engine.environment
        return super().make_program(*command)

    def name(self, rest: str) -> str:
        """Name an image in the registry."""
        return f"{self.daemon.host}/{rest}"

    def test_pushes_and_pulls(self) -> None:
        """What an engine pushed, it gets back: the same image, the same digest."""
        name = self.name("team/deep/er/app:1")
        archive = self.directory / "image.tar"
        image = make_image("docker")
        write_archive(archive, image, name)
        self.client.run("load", "-i", str(archive))
        identity = self.client.text("inspect", "--format", "{{.Id}}", name)
        pushed = self.client.text("push", name)
        manifest = self.remote.manifest("team/deep/er/app", "1")
        self.assertEqual(manifest.headers["Content-Type"], DOCKER_MANIFEST)
        digest = self.remote.digest("team/deep/er/app", "1")
        self.assertIn(digest, pushed)
        parts = self.remote.fetch("team/deep/er/app", "1")
        self.assertEqual(parts[identity], image.config.data)
        self.client.run("rmi", name)
        self.assertIn(digest, self.client.text("pull", name))
        self.assertEqual(
            self.client.text("inspect", "--format", "{{.Id}}", name), identity
        )

    def test_pushes_again_and_to_another_repository(self) -> None:
        """Layers that are there are not sent again, but mounted."""
        archive = self.directory / "image.tar"
        first, second = self.name("team/app:1"), self.name("team/copy:1")
        write_archive(archive, make_image("docker"), first)
        self.client.run("load", "-i", str(archive))
        self.client.run("push", first)
        self.assertIn("Layer already exists", self.client.text("push", first))
        self.client.run("tag", first, second)
        self.assertIn("Mounted from team/app", self.client.text("push", second))
        self.assertEqual(
            self.remote.digest("team/app", "1"), self.remote.digest("team/copy", "1")
        )

    def test_pulls_oci_images_and_indexes(self) -> None:
        index = make_index("docker")
        self.remote.push("team/multi", "1", index)
        self.client.run("pull", self.name("team/multi:1"))
        config = index.images[0].config.digest
        self.assertEqual(
            self.client.text(
                "inspect", "--format", "{{.Id}}", self.name("team/multi:1")
            ),
            config,
        )
        self.client.run("pull", "--platform=linux/arm64", self.name("team/multi:1"))
        config = index.images[1].config.digest
        self.assertEqual(
            self.client.text(
                "inspect", "--format", "{{.Id}}", self.name("team/multi:1")
            ),
            config,
        )

    def test_says_what_is_not_there(self) -> None:
        complaint = self.client.refuse("pull", self.name("nobody/here:1"))
        self.assertIn("nobody/here", complaint)
