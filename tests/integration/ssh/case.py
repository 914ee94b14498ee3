"""A test case with an SSH server, and OpenSSH's client with keys of its own."""

import atexit
import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.images import Content, Image, digest_of
from tests.integration.clients.programs import TIMEOUT, Program, find, make_environment
from tests.integration.daemon import LOOPBACK
from tests.integration.ssh.servers import OpenSshServer, OwnServer, forced
from tests.transfer.archives.building import image_of, layout, pack

NAMES = ("alice", "bob", "mallory")
RULES = [
    {"who": ["alice"], "repositories": ["**"], "may": ["admin"]},
    {"who": ["bob"], "repositories": ["team/**"], "may": ["pull"]},
]


def make_large(size: int) -> Image:
    """Make an image with a layer that cannot be packed."""
    data = os.urandom(size)
    layer = Content("application/vnd.oci.image.layer.v1.tar", data)
    return image_of([layer], [digest_of(data)])


def archive_of(image: Image) -> bytes:
    """Write an archive of an image."""
    return pack(layout({"it": image}))


def whoami() -> str:
    """Give the name by which the system knows us."""
    return getpass.getuser()


class SshCase(SynchronousTestCase):
    """Alice may do everything, Bob may pull from ``team``, Mallory is not known.

    One server is there for all tests of a class.
    """

    kinds: ClassVar = {"alice": "ed25519", "bob": "rsa", "mallory": "ecdsa"}
    user = "registry"
    ssh_program: ClassVar[str]
    environment: ClassVar[dict[str, str]]
    directory: ClassVar[Path]
    place: ClassVar[Path]
    port: ClassVar[int]
    stop: ClassVar[Callable[[], None]]

    @classmethod
    def setUpClass(cls) -> None:
        """Make keys, and start the server."""
        super().setUpClass()
        cls.ssh_program = find("ssh")
        cls.directory = Path(tempfile.mkdtemp(prefix="txc-"))
        cls.environment = make_environment(cls.directory / "home")
        cls.place = cls.directory / "registry"
        for name in NAMES:
            subprocess.run(
                [
                    find("ssh-keygen"),
                    *("-q", "-t", cls.kinds[name], "-N", "", "-C", name),
                    *("-f", str(cls.directory / name)),
                ],
                check=True,
            )
        cls.port, cls.stop = cls.start()

    def setUp(self) -> None:
        """Start the server where the runner did not: trial does not."""
        if "port" not in type(self).__dict__:
            type(self).setUpClass()
            atexit.register(type(self).tearDownClass)

    @classmethod
    def tearDownClass(cls) -> None:
        """Stop the server."""
        cls.stop()
        shutil.rmtree(cls.directory)
        super().tearDownClass()

    @classmethod
    def start(cls) -> tuple[int, Callable[[], None]]:
        """Start the server, and give its port, and what stops it."""
        raise NotImplementedError

    @classmethod
    def public(cls, name: str) -> str:
        """Give somebody's public key, as a line."""
        return (cls.directory / f"{name}.pub").read_text().strip()

    def options(self, who: str, *more: str) -> list[str]:
        """Spell how the client is called."""
        options = {
            "UserKnownHostsFile": self.directory / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "accept-new",
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "LogLevel": "ERROR",
        }
        return [
            *(self.ssh_program, "-F", "none", *more, "-p", str(self.port)),
            *("-i", str(self.directory / who), "-l", self.user),
            *(
                each
                for name, text in options.items()
                for each in ("-o", f"{name}={text}")
            ),
        ]

    def ssh(self, who: str = "alice", *more: str) -> Program:
        """Give the client as somebody; it is told what is to be done."""
        return Program(
            *self.options(who, *more),
            LOOPBACK,
            environment=self.environment,
            directory=self.directory,
        )

    def run_ssh(
        self,
        *arguments: str,
        who: str = "alice",
        given: bytes = b"",
        more: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the client to its end, whatever that is."""
        return subprocess.run(
            [*self.options(who, *more), LOOPBACK, *arguments],
            input=given,
            capture_output=True,
            env=self.environment,
            timeout=TIMEOUT,
            check=False,
        )

    def assertEnds(
        self, status: int, *arguments: str, who: str = "alice", given: bytes = b""
    ) -> str:
        """A command ends with a status, in one line; give that."""
        done = self.run_ssh(*arguments, who=who, given=given)
        told = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (status, b""), told)
        self.assertEqual(told.count("\n"), 1, told)
        self.assertTrue(told.startswith("txregistry: "), told)
        return told


class OwnCase(SshCase):
    """With our own server."""

    ssh_settings: ClassVar[Mapping[str, object]] = {}
    server: ClassVar[OwnServer]

    @classmethod
    def start(cls) -> tuple[int, Callable[[], None]]:
        """See `SshCase`."""
        keys = cls.directory / "keys"
        keys.write_text(f"{cls.public('alice')}\n{cls.public('bob')}\n")
        accounts = cls.directory / "htpasswd"
        accounts.write_text("")
        auth = {"htpasswd": {"path": str(accounts)}, "rules": RULES}
        cls.server = OwnServer(cls.place, keys, cls.ssh_settings, auth=auth)
        return cls.server.ssh_port, cls.server.discard


class OpenCase(SshCase):
    """With OpenSSH's server, which runs our command."""

    @classmethod
    def start(cls) -> tuple[int, Callable[[], None]]:
        """See `SshCase`: the user is one that the system knows."""
        cls.user = whoami()
        rights = {"alice": "**:admin", "bob": "team/**:pull"}
        cls.place.mkdir()
        lines = [
            forced(
                cls.public(name),
                *("--root", str(cls.place), "--allow", may, "--identity", name),
            )
            for name, may in rights.items()
        ]
        server = OpenSshServer(cls.directory / "sshd", lines)
        return server.ssh_port, server.discard
