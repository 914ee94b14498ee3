"""The folder of a certificate authority, and of the certificates that it made.

There is nothing in it but those files: a certificate is issued if it is there, and
revoked if the list of revoked ones has its number.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from txregistry.auth.policy import ANONYMOUS, AUTHENTICATED, EVERYONE
from txregistry.certs.authority import Authority, Certified, Host
from txregistry.certs.newfiles import sync_folder, write_all, write_new
from txregistry.settings.section import SettingsError
from txregistry.tls.pem import parse_crls, read_certificates, read_file, read_key

_SETTING: Final = "certs"
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?", re.ASCII)
_WORDS: Final = frozenset({EVERYONE, ANONYMOUS, AUTHENTICATED})
_SECRET: Final = 0o600
_PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """What was made for a client.

    Attributes:
        folder: Where its files are, as docker and podman call them: ``ca.crt``,
            ``client.cert``, ``client.key``.
        certificate: What is in ``client.cert``.
        is_revoked: Whether it is revoked.
    """

    folder: str
    certificate: x509.Certificate
    is_revoked: bool


def check_name(text: str) -> None:
    """See that a client, or a group, can be called so: it is a file's name, too.

    Raises:
        SettingsError: it cannot.
    """
    if _NAME.fullmatch(text) is None:
        raise SettingsError(
            f"{text!r} cannot be a name: it must have 1 to 64 letters and digits of "
            "ASCII, and '.', '_', '@' or '-' between them."
        )
    if text in _WORDS:
        raise SettingsError(
            f"{text!r} cannot be a name: rules mean more than one by it."
        )


class CertificateFolder:
    """Keep an authority and what it made.

    Args:
        path: The folder.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.ca = os.path.join(path, "ca.crt")
        self.server = os.path.join(path, "server.crt")
        self.server_key = os.path.join(path, "server.key")
        self.crl = os.path.join(path, "crl.pem")
        self.config = os.path.join(path, "config.yml")
        self._ca_key = os.path.join(path, "ca.key")
        self._clients = os.path.join(path, "clients")

    def create(self, hosts: Iterable[Host], config: str, now: datetime) -> None:
        """Make an authority, and a certificate for a server.

        Args:
            hosts: What the server is reached by.
            config: The settings with which it asks for client certificates.
            now: When the certificates begin to be good.

        Raises:
            SettingsError: there is one already, or files cannot be written.
        """
        authority = Authority.create(now)
        server = authority.issue_server(hosts, now)
        revoked = authority.list_revoked(now).public_bytes(Encoding.PEM)
        files = {
            self._ca_key: (_pem(authority.own.key), _SECRET),
            self.ca: (_pem(authority.own.certificate), _PUBLIC),
            self.server_key: (_pem(server.key), _SECRET),
            self.server: (_pem(server.certificate), _PUBLIC),
            self.crl: (revoked, _PUBLIC),
            self.config: (config.encode(), _PUBLIC),
        }
        there = [path for path in (*files, self._clients) if os.path.lexists(path)]
        if there:
            raise SettingsError(
                f"{self.path!r} has {', '.join(map(os.path.basename, there))} already; "
                "nothing was changed."
            )
        with self._telling():
            os.makedirs(self.path, exist_ok=True)
            write_all(files)

    def add_client(
        self, name: str, groups: Sequence[str], days: int, now: datetime
    ) -> None:
        """Make a certificate for a client.

        Args:
            name: What it is called.
            groups: What it belongs to.
            days: For how long it is good.
            now: When it begins to be.

        Raises:
            SettingsError: there is one of that name already, it cannot be a name, there
                is no authority, or files cannot be written.
        """
        folder = self._folder_of(name)
        for group in groups:
            check_name(group)
        if os.path.lexists(folder):
            raise SettingsError(
                f"{folder!r} is there already; nothing was changed. When it is of no "
                "more use, revoke it and remove the folder."
            )
        authority = self._authority()
        made = authority.issue_client(name, groups, now, days)
        if made.certificate.not_valid_after_utc > self._end(authority):
            raise SettingsError(
                f"{self.ca!r} is good until {self._end(authority):%Y-%m-%d} only: that "
                f"is less than {days} days from now."
            )
        with self._telling():
            os.makedirs(self._clients, exist_ok=True)
            # A name cannot begin with a dot, so this is nobody's.
            scratch = os.path.join(self._clients, f".{name}.{secrets.token_hex(8)}")
            os.mkdir(scratch, 0o700)
            try:
                write_all(
                    {
                        os.path.join(scratch, file): content
                        for file, content in (
                            ("client.key", (_pem(made.key), _SECRET)),
                            ("client.cert", (_pem(made.certificate), _PUBLIC)),
                            ("ca.crt", (_pem(authority.own.certificate), _PUBLIC)),
                        )
                    }
                )
                os.rename(scratch, folder)
            except BaseException:
                shutil.rmtree(scratch, ignore_errors=True)
                raise
            sync_folder(self._clients)

    def client(self, name: str) -> ClientFiles:
        """Give what was made for a client.

        Raises:
            SettingsError: there is nothing, or it cannot be read.
        """
        folder = self._folder_of(name)
        certificate = self._certificate_of(name)
        serial = certificate.serial_number
        revoked = any(
            known.get_revoked_certificate_by_serial_number(serial) is not None
            for known in self._revoked()
        )
        return ClientFiles(folder, certificate, revoked)

    def revoke(self, name: str, now: datetime) -> bool:
        """Put a client's certificate on the list of those that are revoked.

        Returns:
            Whether that changed anything; it does not where it is on the list already.

        Raises:
            SettingsError: there is none of that name, it is not of this authority, or
                files cannot be read or written.
        """
        certificate = self._certificate_of(name)
        authority = self._authority()
        if not authority.has_issued(certificate):
            raise SettingsError(
                f"The certificate of {name!r} is not of the authority in {self.ca!r}."
            )
        with self._telling(), self._locked():
            known = self._revoked()
            if len(known) != 1 or not authority.has_listed(known[0]):
                raise SettingsError(
                    f"{self.crl!r} is not of the authority in {self.ca!r}."
                )
            serial = certificate.serial_number
            if known[0].get_revoked_certificate_by_serial_number(serial) is not None:
                return False
            made = authority.list_revoked(now, known[0], serial)
            self._replace_crl(made.public_bytes(Encoding.PEM))
        return True

    def _folder_of(self, name: str) -> str:
        check_name(name)
        return os.path.join(self._clients, name)

    def _authority(self) -> Authority:
        certificate = read_certificates(_SETTING, self.ca)[0]
        key = read_key(_SETTING, self._ca_key)
        if (
            not isinstance(key, ec.EllipticCurvePrivateKey)
            or key.public_key() != certificate.public_key()
        ):
            raise SettingsError(f"{self._ca_key!r} is not the key of {self.ca!r}.")
        return Authority(Certified(certificate, key))

    def _certificate_of(self, name: str) -> x509.Certificate:
        path = os.path.join(self._folder_of(name), "client.cert")
        return read_certificates(_SETTING, path)[0]

    def _revoked(self) -> list[x509.CertificateRevocationList]:
        return parse_crls(_SETTING, self.crl, read_file(_SETTING, self.crl))

    @staticmethod
    def _end(authority: Authority) -> datetime:
        return authority.own.certificate.not_valid_after_utc

    def _replace_crl(self, data: bytes) -> None:
        scratch = f"{self.crl}.{secrets.token_hex(8)}"
        try:
            write_new(scratch, data, _PUBLIC)
            os.rename(scratch, self.crl)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(scratch)
            raise
        sync_folder(self.path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let nobody else replace the list: what they revoke would be lost."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Say in a sentence what went wrong with a file."""
        try:
            yield
        except OSError as error:
            place = error.filename or self.path
            raise SettingsError(
                f"{place!r} cannot be used: {error.strerror}."
            ) from error


def _pem(made: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(made, x509.Certificate):
        return made.public_bytes(Encoding.PEM)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
