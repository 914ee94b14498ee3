"""The places between which images go."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.zygote import Ended, shared
from tests.integration.clients.case import make_directory
from tests.integration.clients.images import Image, Index, make_image, make_index
from tests.integration.clients.programs import make_environment
from tests.integration.images.sshd import SshServer, write_commands
from tests.transfer.archives.building import layout, pack

IMAGE = make_image("app")
INDEX = make_index("app")


class JourneyCase(SynchronousTestCase):
    """Run our programs; import the module and inherit as ``case.JourneyCase``."""

    def setUp(self) -> None:
        """Make a folder for all."""
        self.directory = make_directory(self)
        self.environment = make_environment(self.directory / "home")
        self.zygote = shared()
        self.commands = write_commands(self.directory / "bin")

    def folder(self, name: str = "registry") -> Path:
        """Make a folder for a registry."""
        path = self.directory / name
        path.mkdir()
        return path

    def ssh_server(self) -> SshServer:
        """Run OpenSSH's server until the end of the test."""
        server = SshServer(self.directory / "sshd")
        self.addCleanup(server.discard)
        return server

    def run_well(self, program: str, *arguments: object, given: bytes = b"") -> bytes:
        """Run a program that ends well; give what it writes."""
        done = self.zygote.run(program, *map(str, arguments), given=given)
        self.assertEqual((done.status, done.err), (0, ""))
        return done.out

    def fails(
        self, status: int, program: str, *arguments: object, given: bytes = b""
    ) -> str:
        """Run a program that does not end well; give the one line that it says."""
        done: Ended = self.zygote.run(program, *map(str, arguments), given=given)
        self.assertEqual(done.status, status, done.err)
        self.assertRegex(done.err, rf"\A{program}: [^\n]+\n\Z")
        return done.err

    def put(
        self, place: object, target: Image | Index, name: str, *options: str
    ) -> None:
        """Put an image somewhere."""
        given = pack(layout({"1": target}))
        told = self.run_well("registryput", place, name, *options, given=given)
        self.assertEqual(told.decode().strip(), target.digest)
