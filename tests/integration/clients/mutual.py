"""An authority made by ``txregistry certs``, and clients with its certificates."""

import http.client
import json
import shutil
import socket
import ssl
import sys
from collections.abc import Mapping
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from tests.authorities import Issued
from tests.integration.clients import case
from tests.integration.clients.programs import Program, make_environment, skip
from tests.integration.clients.remote import TIMEOUT, Answer, Remote
from tests.integration.daemon import LOOPBACK, ROOT
from tests.integration.tuned import TunedDaemon

AT_ONCE = 3.0
"""Seconds in which a revocation is in force: files are looked at each second."""

_numbers = count()


class CertificateAuthority:
    """A folder of ``txregistry certs``.

    Args:
        folder: Where it is made.
        hosts: What the server is reached by.
    """

    def __init__(self, folder: Path, *hosts: str) -> None:
        self.folder = folder
        beside = Path(sys.executable).with_name("txregistry")
        path = str(beside) if beside.exists() else shutil.which("txregistry")
        if path is None:
            skip("the command txregistry is not installed")
        environment = make_environment(folder.with_name(f"{folder.name}-home"))
        self._program = Program(
            path,
            "certs",
            environment={**environment, "PYTHONPATH": str(ROOT)},
            directory=folder.parent,
        )
        named = (part for host in hosts for part in ("--host", host))
        self._program.run("init", str(folder), *named)

    def settings(self, **auth: Any) -> dict[str, Any]:
        """Give the settings that it wrote, with more of ``auth``."""
        written: dict[str, Any] = yaml.safe_load(
            (self.folder / "config.yml").read_text()
        )
        return {**written, "auth": {**written["auth"], **auth}}

    def client(self, name: str, *groups: str) -> Path:
        """Make a client's certificate; give the folder of its files."""
        belongs = (part for group in groups for part in ("--group", group))
        self._program.run("client", str(self.folder), name, *belongs)
        return self.folder / "clients" / name

    def revoke(self, name: str) -> None:
        """Revoke a client's certificate."""
        self._program.run("revoke", str(self.folder), name)

    def client_of_days(self, name: str, since: float, until: float) -> Path:
        """Make one that ``certs client`` would not: good from one day until another.

        Args:
            name: What the client is called.
            since: When that begins, in days from now.
            until: When it ends.
        """
        certificate = load_pem_x509_certificate((self.folder / "ca.crt").read_bytes())
        key = load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        assert isinstance(key, EllipticCurvePrivateKey)
        made = Issued(certificate, key).issue(name, since=since, until=until)
        folder = self.stranger(name)
        (folder / "client.cert").write_bytes(made.pem)
        (folder / "client.key").write_bytes(made.key_pem)
        return folder

    def stranger(self, name: str) -> Path:
        """Make a folder for who has none: only what the server is known by."""
        folder = self.folder / "strangers" / f"{next(_numbers)}-{name}"
        folder.mkdir(parents=True)
        shutil.copy(self.folder / "ca.crt", folder)
        return folder

    def adopt(self, files: Path) -> Path:
        """Have somebody of another authority know the server of this one."""
        folder = self.stranger(files.name)
        for name in ("client.cert", "client.key"):
            shutil.copy(files / name, folder)
        return folder


class CertifiedRemote(Remote):
    """A registry over TLS, seen by who has files of certificates."""

    def __init__(self, host: str, files: Path) -> None:
        super().__init__(host)
        self.context = make_context(files)

    def connect(
        self, ticket: ssl.SSLSession | None = None
    ) -> http.client.HTTPSConnection:
        """Make a connection that is to be used several times.

        Args:
            ticket: What was given in a handshake before, if that is to be shortened.
        """
        connection = http.client.HTTPSConnection(
            self.host, timeout=TIMEOUT, context=self.context
        )
        if ticket is not None:
            plain = socket.create_connection(
                (connection.host, connection.port), TIMEOUT
            )
            connection.sock = self.context.wrap_socket(
                plain, server_hostname=connection.host, session=ticket
            )
        return connection

    def ask(
        self,
        method: str,
        path: str,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """See `Remote`."""
        with closing(self.connect()) as connection:
            return ask_on(connection, method, path, body, headers)

    def is_let_in(self) -> bool:
        """Shake hands and ask for nothing; say whether that was answered."""
        try:
            return self.ask("GET", "/v2/").status != 403
        except (ssl.SSLError, ConnectionError):
            return False


def ask_on(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Ask something on a connection that may be kept."""
    connection.request(method, path, body or None, dict(headers or {}))
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())


def make_context(files: Path) -> ssl.SSLContext:
    """Speak TLS as who has these files."""
    context = ssl.create_default_context(cafile=str(files / "ca.crt"))
    if (files / "client.cert").exists():
        context.load_cert_chain(files / "client.cert", files / "client.key")
    return context


def find_address() -> str:
    """Find an address of this machine that docker takes for somebody else's.

    It asks for no certificates where it is told that a registry is insecure, and that
    is so of all loopback addresses. Nothing is sent to find out.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as seeking:
        try:
            seeking.connect(("198.51.100.1", 9))
        except OSError:
            skip("this machine has no address but loopback ones")
        address: str = seeking.getsockname()[0]
    if address.startswith("127."):
        skip("this machine has no address but loopback ones")
    return address


class MutualCase(case.ClientCase):
    """A registry that lets nobody in without a certificate, and an authority.

    Import the module and inherit as ``mutual.MutualCase``.
    """

    elsewhere = False
    """Whether it listens at an address that is no loopback one, and that is used."""
    rules: tuple[dict[str, Any], ...] = (
        {"who": ["alice"], "repositories": ["alice/**"], "may": ["push", "delete"]},
        {"who": ["@ops"], "repositories": ["ops/**"], "may": ["push"]},
        {"who": ["authenticated"], "repositories": ["alice/open"], "may": ["pull"]},
    )

    def setUp(self) -> None:
        self.directory = case.make_directory(self)
        address = find_address() if self.elsewhere else LOOPBACK
        self.authority = CertificateAuthority(self.directory / "certs", address)
        self.audit = self.directory / "audit.log"
        settings = self.authority.settings(rules=list(self.rules))
        self.daemon: TunedDaemon = TunedDaemon(
            self.directory / "registry",
            {**settings, "audit": {"enabled": True, "file": str(self.audit)}},
            also=(address,) if self.elsewhere else (),
        )
        self.serve(self.daemon)
        self.host = f"{address}:{self.daemon.port}"

    def remote_of(self, files: Path) -> CertifiedRemote:
        """See the registry as who has these files."""
        return CertifiedRemote(self.host, files)

    def records(self) -> list[dict[str, Any]]:
        """Read what the audit has of changes so far."""
        lines = self.audit.read_text().splitlines()
        return [each for each in map(json.loads, lines) if each["did"] == "push"]
