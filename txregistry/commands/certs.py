"""``txregistry certs``: make certificates to try client certificates with."""

import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from shlex import quote
from typing import Any, ClassVar, Final

from cryptography.x509 import Certificate
from cryptography.x509.oid import NameOID
from twisted.python import usage

from txregistry.certs.authority import LONGEST_SERVER, Host, parse_host
from txregistry.certs.folder import CertificateFolder, ClientFiles
from txregistry.certs.places import (
    DEFAULT_PORT,
    Address,
    write_config,
    write_places,
    write_trial,
)
from txregistry.commands.options import CommandOptions
from txregistry.settings.section import SettingsError
from txregistry.tls.pem import read_certificates

_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
_LONGEST: Final = 3650
"""Days for which a client's certificate can be good."""

_DAYS: Final = re.compile(r"[0-9]{1,4}", re.ASCII)
_REGISTRY: Final = [
    "registry",
    "r",
    None,
    "HOST[:PORT], as clients say it. [default: the server's first name, port 5000]",
]


class _Command(CommandOptions):
    """A command that works on a folder of certificates."""

    folder: CertificateFolder

    def take_folder(self, text: str) -> None:
        """Take where the authority is."""
        if not text or not text.isprintable():
            raise usage.UsageError(
                f"DIR: {text!r} cannot be used; it must be a folder."
            )
        self.folder = CertificateFolder(text)

    def address(self) -> Address:
        """Give how clients reach the registry.

        Raises:
            SettingsError: it was not said, and there is no certificate that tells.
        """
        text = self["registry"]
        if text is None:
            return Address.of(read_certificates("certs", self.folder.server)[0])
        try:
            return Address.parse(text)
        except ValueError as error:
            raise SettingsError(f"--registry: {error}") from error


class _Init(_Command):
    """``certs init``."""

    synopsis = "Usage: txregistry certs init DIR [options]"
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [_REGISTRY]

    def __init__(self) -> None:
        super().__init__()
        self._hosts: list[Host] = []

    def opt_host(self, text: str) -> None:
        """What the server is reached by. [default: localhost, 127.0.0.1, ::1]"""  # noqa: D415 - it is what --help says
        try:
            host = parse_host(text)
        except ValueError as error:
            raise usage.UsageError(f"--host: {error}") from error
        if host not in self._hosts:
            self._hosts.append(host)

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, folder: str
    ) -> None:
        """Take where everything is to be."""
        self.take_folder(folder)

    def run(self) -> None:
        """Make an authority and a server's certificate, and say how to use them."""
        hosts = self._hosts or [parse_host(each) for each in _HOSTS]
        address = Address(str(hosts[0].value), DEFAULT_PORT)
        if self["registry"] is not None:
            address = self.address()
        config = write_config(self.folder, address)
        self.folder.create(hosts, config, datetime.now(UTC))
        sys.stdout.write(
            f"# A piece of config.yml, which is in {self.folder.config}, too:\n"
            f"{config}\n"
            "# What clients trust the server by. Each of them is known by what this "
            f"makes:\n# txregistry certs client {quote(self.folder.path)} NAME\n\n"
            f"{write_places(address, self.folder.ca, of_client=False)}"
        )


class _OfClient(_Command):
    """A command about one client."""

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, folder: str, name: str
    ) -> None:
        """Take where the authority is, and what the client is called."""
        self.take_folder(folder)
        self["name"] = name

    def tell(self) -> None:
        """Print what there is of a client, and where it is to go."""
        address = self.address()
        made = self.folder.client(self["name"])
        sys.stdout.write(
            f"# {_describe(self['name'], made)}\n\n"
            f"{write_places(address, made.folder, of_client=True)}\n"
            f"# To try it:\n{write_trial(address, made.folder)}"
        )


class _Client(_OfClient):
    """``certs client``."""

    synopsis = "Usage: txregistry certs client DIR NAME [options]"
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["days", "d", LONGEST_SERVER, "For how many days it is good."],
        _REGISTRY,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._groups: list[str] = []

    def opt_group(self, text: str) -> None:
        """A group that it belongs to (OU); may be given several times."""
        if text not in self._groups:
            self._groups.append(text)

    def postOptions(self) -> None:
        """See for how long it is to be good."""
        text = str(self["days"])
        days = int(text) if _DAYS.fullmatch(text) is not None else 0
        if not 1 <= days <= _LONGEST:
            raise usage.UsageError(
                f"--days: {text!r} cannot be used; it must be from 1 to {_LONGEST}."
            )
        self["days"] = days

    def run(self) -> None:
        """Make a client's certificate, and say where it is to go."""
        self.address()  # while nothing is made yet
        self.folder.add_client(
            self["name"], self._groups, self["days"], datetime.now(UTC)
        )
        self.tell()


class _Show(_OfClient):
    """``certs show``."""

    synopsis = "Usage: txregistry certs show DIR NAME [--registry HOST[:PORT]]"
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [_REGISTRY]

    def run(self) -> None:
        """Say where a client's certificate is to go."""
        self.tell()


class _Revoke(_OfClient):
    """``certs revoke``."""

    synopsis = "Usage: txregistry certs revoke DIR NAME"

    def run(self) -> None:
        """Revoke a client's certificate."""
        revoked = self.folder.revoke(self["name"], datetime.now(UTC))
        again = "" if revoked else "was revoked before; it "
        path = os.path.abspath(self.folder.crl)
        sys.stdout.write(
            f"# {self['name']} {again}is on the list of revoked certificates, {path}.\n"
        )


class Certs(usage.Options):
    """``certs``: be an authority."""

    synopsis = "Usage: txregistry certs <command> DIR [options]"
    longdesc = (
        "DIR is the folder of the authority: its certificate (ca.crt) and key "
        "(ca.key), a server's (server.crt, server.key), what is revoked (crl.pem), "
        "settings (config.yml), and clients/ with a folder for each client."
    )
    subCommands: ClassVar[Sequence[Sequence[Any]]] = [
        ["init", None, _Init, "Make an authority and a server's certificate."],
        ["client", None, _Client, "Make a client's certificate."],
        ["revoke", None, _Revoke, "Revoke a client's certificate."],
        ["show", None, _Show, "Say where a client's certificate is to go."],
    ]

    def getSynopsis(self) -> str:  # noqa: N802 - Twisted's name
        """Say how it is called."""
        return f"{self.synopsis}\n"

    def postOptions(self) -> None:
        """See that there is something to do."""
        if self.subCommand is None:
            raise usage.UsageError(
                "certs: a command is needed: init, client, revoke or show."
            )

    def run(self) -> None:
        """Do what is asked for.

        Raises:
            SettingsError: it cannot be done.
        """
        self.subOptions.run()


def _describe(name: str, made: ClientFiles) -> str:
    groups = _groups(made.certificate)
    belongs = f" in {', '.join(groups)}" if groups else ""
    revoked = "; it is REVOKED" if made.is_revoked else ""
    until = f"{made.certificate.not_valid_after_utc:%Y-%m-%d}"
    return f"{name}{belongs}, good until {until}{revoked}: {made.folder}"


def _groups(certificate: Certificate) -> list[str]:
    units = NameOID.ORGANIZATIONAL_UNIT_NAME
    return [
        str(each.value) for each in certificate.subject.get_attributes_for_oid(units)
    ]
