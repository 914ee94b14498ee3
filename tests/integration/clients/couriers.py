"""Clients as those who log in, push and pull: each by its own commands, in one way."""

import itertools
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.images import (
    Image,
    contents_of,
    read_layout,
    write_layout,
)
from tests.integration.clients.programs import Program, find, make_environment
from tests.integration.daemon import LOOPBACK

_numbers = itertools.count(1)


class Courier:
    """A client at home, which knows one registry; nobody is logged in.

    Args:
        case: The test; what the client keeps goes away with it.
        host: The registry, as the names of images have it.
        certificates: A folder with ``ca.crt``, and ``client.cert`` and ``client.key``
            if it has any: then TLS is spoken. None where it is not.
    """

    program: ClassVar[str]
    verifies: ClassVar[bool] = True
    """Whether the client asks the registry, when somebody logs in."""
    tokens_at: ClassVar[str] = "localhost"
    """Where this client goes for tokens, of what loopback addresses are called."""
    storage: ClassVar[tuple[str, ...]] = ()
    """Arguments of all commands, for where images are kept: {0} is the folder."""

    def __init__(
        self, case: SynchronousTestCase, host: str, certificates: Path | None = None
    ) -> None:
        path = find(self.program)
        self.host = host
        self.certificates = certificates
        self.directory = make_directory(case)
        self.environment = make_environment(self.directory / "home")
        self.settle(case)
        kept = (each.format(self.directory) for each in self.storage)
        self.client = Program(
            path, *kept, environment=self.environment, directory=self.directory
        )
        self.prepare()

    # What each client has in its own way

    def settle(self, case: SynchronousTestCase) -> None:
        """Set up what must be there before any command."""

    def prepare(self) -> None:
        """Tell the client about the registry."""

    def login_command(self, user: str) -> tuple[str, ...]:
        """Log in, with the password from standard input."""
        raise NotImplementedError

    def logout_command(self) -> tuple[str, ...]:
        """Log out."""
        return ("logout", self.host)

    def take(self, name: str, image: Image) -> None:
        """Have the client hold an image; usually as a layout."""
        del name
        write_layout(self.directory / "source" / image.digest[-12:], {"it": image})

    def push_command(self, name: str, image: Image) -> tuple[str, ...]:
        """Push what it holds."""
        raise NotImplementedError

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """Pull to where layouts are written, or to where it keeps images."""
        raise NotImplementedError

    def check(self, name: str, target: str, image: Image) -> None:
        """See that what was pulled is the image."""
        del name
        found, expected = read_layout(Path(target)), contents_of(image)
        assert expected.items() <= found.items(), sorted(found)

    # What all do

    def log_in(self, user: str, password: str) -> None:
        """Log somebody in."""
        self.client.run(*self.login_command(user), given=password.encode())

    def refuse_login(self, user: str, password: str) -> str:
        """Fail to log somebody in; give the complaint."""
        return self.client.refuse(*self.login_command(user), given=password.encode())

    def log_out(self) -> None:
        """Be nobody again."""
        self.client.run(*self.logout_command())

    def push(self, name: str, image: Image) -> None:
        """Push an image."""
        self.take(name, image)
        self.client.run(*self.push_command(name, image))

    def refuse_push(self, name: str, image: Image) -> str:
        """Fail to push an image; give the complaint."""
        self.take(name, image)
        return self.client.refuse(*self.push_command(name, image))

    def pull(self, name: str, image: Image) -> None:
        """Pull an image, and see that it is the one."""
        target = self._target()
        self.client.run(*self.pull_command(name, target))
        self.check(name, target, image)

    def refuse_pull(self, name: str) -> str:
        """Fail to pull an image; give the complaint."""
        return self.client.refuse(*self.pull_command(name, self._target()))

    # Shared by some

    def url(self, name: str) -> str:
        """Name an image in the registry."""
        return f"{self.host}/{name}"

    def layout(self, image: Image) -> str:
        """Say where the layout of an image is that it holds."""
        return f"{self.directory}/source/{image.digest[-12:]}"

    def path(self, file: str) -> str:
        """Say where a file of the certificates is."""
        return f"{self.certificates}/{file}"

    def has_certificate(self) -> bool:
        """Say whether it can show one."""
        return (
            self.certificates is not None
            and (self.certificates / "client.cert").exists()
        )

    def _target(self) -> str:
        return str(self.directory / f"pulled-{next(_numbers)}")


class Skopeo(Courier):
    program = "skopeo"

    def _tls(self, prefix: str) -> tuple[str, ...]:
        if self.certificates is None:
            return (f"--{prefix}tls-verify=false",)
        return (f"--{prefix}cert-dir={self.certificates}",)

    def login_command(self, user: str) -> tuple[str, ...]:
        """See `Courier`."""
        return ("login", *self._tls(""), "-u", user, "--password-stdin", self.host)

    def push_command(self, name: str, image: Image) -> tuple[str, ...]:
        """See `Courier`."""
        place = f"docker://{self.url(name)}"
        return ("copy", *self._tls("dest-"), f"oci:{self.layout(image)}:it", place)

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        place = f"docker://{self.url(name)}"
        return ("copy", *self._tls("src-"), place, f"oci:{target}:it")


class Crane(Courier):
    """It asks nobody when it logs in, and shows no certificates.

    To loopback addresses it goes for tokens if they are not written as numbers.
    """

    program = "crane"
    verifies = False

    def settle(self, case: SynchronousTestCase) -> None:
        """See `Courier`."""
        del case
        if self.certificates is not None:
            self.environment["SSL_CERT_FILE"] = self.path("ca.crt")

    def login_command(self, user: str) -> tuple[str, ...]:
        """See `Courier`."""
        return ("auth", "login", self.host, "-u", user, "--password-stdin")

    def logout_command(self) -> tuple[str, ...]:
        """See `Courier`."""
        return ("auth", "logout", self.host)

    def push_command(self, name: str, image: Image) -> tuple[str, ...]:
        """See `Courier`."""
        return ("push", self.layout(image), self.url(name))

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        return ("pull", "--format=oci", self.url(name), target)


class Oras(Courier):
    """To other hosts that resolve to loopback addresses it does not go for tokens."""

    program = "oras"
    tokens_at = LOOPBACK

    def _tls(self, prefix: str = "") -> tuple[str, ...]:
        if self.certificates is None:
            return (f"--{prefix}plain-http",)
        found = [f"--{prefix}ca-file={self.path('ca.crt')}"]
        if self.has_certificate():
            found.append(f"--{prefix}cert-file={self.path('client.cert')}")
            found.append(f"--{prefix}key-file={self.path('client.key')}")
        return tuple(found)

    def login_command(self, user: str) -> tuple[str, ...]:
        """See `Courier`."""
        return ("login", *self._tls(), "-u", user, "--password-stdin", self.host)

    def push_command(self, name: str, image: Image) -> tuple[str, ...]:
        """See `Courier`."""
        source = ("--from-oci-layout", f"{self.layout(image)}:it")
        return ("copy", *self._tls("to-"), *source, self.url(name))

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        place = ("--to-oci-layout", f"{target}:it")
        return ("copy", *self._tls("from-"), self.url(name), *place)


class Regctl(Courier):
    program = "regctl"

    def prepare(self) -> None:
        """See `Courier`."""
        options = ["--tls=disabled"]
        if self.certificates is not None:
            options = [f"--cacert={self._read('ca.crt')}"]
        if self.has_certificate():
            options.append(f"--client-cert={self._read('client.cert')}")
            options.append(f"--client-key={self._read('client.key')}")
        self.client.run("registry", "set", "--skip-check", *options, self.host)

    def _read(self, file: str) -> str:
        return Path(self.path(file)).read_text()

    def login_command(self, user: str) -> tuple[str, ...]:
        """See `Courier`."""
        return ("registry", "login", "-u", user, "--pass-stdin", self.host)

    def logout_command(self) -> tuple[str, ...]:
        """See `Courier`."""
        return ("registry", "logout", self.host)

    def push_command(self, name: str, image: Image) -> tuple[str, ...]:
        """See `Courier`."""
        return ("image", "copy", f"ocidir://{self.layout(image)}:it", self.url(name))

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        return ("image", "copy", self.url(name), f"ocidir://{target}:it")
