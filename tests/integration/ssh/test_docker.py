"""``docker save | ssh ... put`` and ``ssh ... get | docker load``, by both servers."""

from tests.integration.clients.engine import Engine
from tests.integration.clients.images import make_image, write_archive
from tests.integration.clients.programs import Program, find
from tests.integration.ssh import case
from tests.integration.ssh.servers import OpenSshServer, forced


class DockerTests(case.OwnCase):
    def setUp(self) -> None:
        """Run an engine, and OpenSSH's server over the same store."""
        super().setUp()
        engine = Engine(self.environment)
        self.addCleanup(engine.discard)
        self.docker = Program(
            find("docker"), environment=engine.environment, directory=self.directory
        )
        rights = ("--root", str(self.place), "--allow", "**:pull,push")
        line = forced(self.public("alice"), *rights)
        self.other = OpenSshServer(self.directory / "sshd", [line])
        self.addCleanup(self.other.discard)

    def by_other(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run the client with OpenSSH's server."""
        done = self.run_ssh(
            *arguments,
            given=given,
            more=("-p", str(self.other.ssh_port), "-l", case.whoami()),
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def test_images_go_from_engine_to_engine(self) -> None:
        image = make_image("ssh")
        path = self.directory / "image.tar"
        write_archive(path, image, "app:1")
        self.docker.run("load", given=path.read_bytes())
        (before,) = self.docker.json("image", "inspect", "app:1")
        self.ssh().run("put", "team/app:1", given=self.docker.run("save", "app:1"))
        self.docker.run("image", "rm", "--force", "app:1")
        self.docker.run("load", given=self.by_other("get", "team/app:1"))
        (after,) = self.docker.json("image", "inspect", "team/app:1")
        self.assertEqual(after["RootFS"], before["RootFS"])
        self.assertEqual(after["Config"]["Labels"], {"name": "ssh"})
        saved = self.docker.run("save", "team/app:1")
        self.by_other("put", "other/app:1", given=saved)
        self.docker.run("image", "rm", "--force", "team/app:1")
        self.docker.run("load", given=self.ssh().run("get", "other/app:1"))
        (again,) = self.docker.json("image", "inspect", "other/app:1")
        self.assertEqual(again["RootFS"], before["RootFS"])
