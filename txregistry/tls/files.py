"""The files that ``http.tls`` names: what is in them, and for how long it is good."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Tls
from txregistry.tls.pem import parse_certificates, parse_crls, parse_key, read_file

_AHEAD: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Expiry:
    """When something in a file is good no longer.

    Attributes:
        setting: The setting that names the file.
        path: The file.
        name: Whose certificate it is; of a list of revoked ones, who issues it.
        since: When it began to be good.
        moment: When it ends.
    """

    setting: str
    path: str
    name: str
    since: datetime
    moment: datetime

    def __str__(self) -> str:
        until = f"{self.moment:%Y-%m-%d %H:%M} UTC"
        return f"{self.setting}: {self.path!r}: {self.name} (until {until})"

    @property
    def warned_from(self) -> datetime:
        """When to begin to tell of it: a list's life may be a few days in all."""
        ahead = _AHEAD
        if self.setting == "http.tls.crls":
            ahead = min(ahead, (self.moment - self.since) / 2)
        return self.moment - ahead


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What the files hold; all of it was read, and fits together.

    Attributes:
        chain: Our certificate, and those between it and its authority.
        key: The private key of our certificate.
        authorities: Who vouches for clients.
        crls: What they have revoked; empty where that is not asked.
        expiries: For how long everything is good.
        digest: Of the files' content: the same for the same.
    """

    chain: list[x509.Certificate]
    key: PrivateKeyTypes
    authorities: list[x509.Certificate]
    crls: list[x509.CertificateRevocationList]
    expiries: list[Expiry]
    digest: bytes


def tls_paths(tls: Tls) -> list[str]:
    """List the files, without repetition."""
    named = (tls.certificate, tls.key, *tls.clientcas, *tls.crls)
    return list(dict.fromkeys(path for path in named if path is not None))


def read_tls(tls: Tls, now: datetime) -> TlsFiles:
    """Read all files; this blocks.

    Raises:
        SettingsError: one of them cannot be used, or not together with the others.
    """
    data = _read_all(tls)
    digest = sha256()
    for content in data.values():
        digest.update(b"%d:" % len(content))
        digest.update(content)
    certificate, key_path = tls.certificate or "", tls.key or ""
    chain = parse_certificates("http.tls.certificate", certificate, data[certificate])
    key = parse_key("http.tls.key", key_path, data[key_path])
    if _public(key.public_key()) != _public(chain[0].public_key()):
        raise SettingsError(
            f"http.tls.key: {key_path!r} is not the key of the first certificate in "
            f"{certificate!r}."
        )
    expiries = list(_expiries("http.tls.certificate", certificate, chain))
    authorities = []
    for path in tls.clientcas:
        found = parse_certificates("http.tls.clientcas", path, data[path])
        _check_authorities(path, found)
        expiries += _expiries("http.tls.clientcas", path, found)
        authorities += found
    crls = []
    for path in tls.crls:
        for crl in parse_crls("http.tls.crls", path, data[path]):
            _check_crl(path, crl, authorities, now)
            until, name = crl.next_update_utc, crl.issuer.rfc4514_string()
            if until is not None:
                expiries.append(
                    Expiry("http.tls.crls", path, name, crl.last_update_utc, until)
                )
            crls.append(crl)
    if crls:
        _check_all_revoke(authorities, crls)
    return TlsFiles(chain, key, authorities, crls, expiries, digest.digest())


def _read_all(tls: Tls) -> Mapping[str, bytes]:
    setting: dict[str | None, str] = {
        **dict.fromkeys(tls.crls, "http.tls.crls"),
        **dict.fromkeys(tls.clientcas, "http.tls.clientcas"),
        tls.key: "http.tls.key",
        tls.certificate: "http.tls.certificate",
    }
    return {path: read_file(setting[path], path) for path in tls_paths(tls)}


def _expiries(
    setting: str, path: str, certificates: list[x509.Certificate]
) -> Iterator[Expiry]:
    for each in certificates:
        name = each.subject.rfc4514_string()
        since, until = each.not_valid_before_utc, each.not_valid_after_utc
        yield Expiry(setting, path, name, since, until)


def _public(key: object) -> bytes:
    # Every kind of public key has this method, and no class that all of them share.
    encode = key.public_bytes  # type: ignore[attr-defined]  # see above
    encoded: bytes = encode(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _check_authorities(path: str, certificates: list[x509.Certificate]) -> None:
    """Refuse a file with which nobody could come in."""
    if not any(map(_is_authority, certificates)):
        name = certificates[0].subject.rfc4514_string()
        raise SettingsError(
            f"http.tls.clientcas: {path!r} has no authority's certificate: {name!r} "
            "may not sign those of clients."
        )


def _is_authority(certificate: x509.Certificate) -> bool:
    """Say whether a certificate may sign others: RFC 5280, section 4.2.1.9.

    Authorities of old do not say so, and have signed themselves.
    """
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return certificate.issuer == certificate.subject
    return found.value.ca


def _check_crl(
    path: str,
    crl: x509.CertificateRevocationList,
    authorities: list[x509.Certificate],
    now: datetime,
) -> None:
    """Refuse a list that none of the authorities has signed, or that begins later."""
    name = crl.issuer.rfc4514_string()
    if not any(_has_issued(each, crl) for each in authorities):
        raise SettingsError(
            f"http.tls.crls: {path!r}: the list of {name!r} is signed by none of the "
            "certificates that http.tls.clientcas names."
        )
    if crl.last_update_utc > now:
        raise SettingsError(
            f"http.tls.crls: {path!r}: the list of {name!r} is not valid before "
            f"{crl.last_update_utc:%Y-%m-%d %H:%M:%S} UTC."
        )


def _check_all_revoke(
    authorities: list[x509.Certificate], crls: list[x509.CertificateRevocationList]
) -> None:
    """Refuse authorities whose clients OpenSSL could not verify, all of them.

    It wants the list of every authority up to one that vouches for itself.
    """
    names = {each.subject for each in authorities}
    listed = {each.issuer for each in crls}
    for each in authorities:
        if each.issuer not in names:
            raise SettingsError(
                "http.tls.clientcas: with http.tls.crls, they must be there up to the "
                f"root; that of {each.issuer.rfc4514_string()!r} is not."
            )
        if each.subject not in listed:
            raise SettingsError(
                "http.tls.crls: there must be one of each of http.tls.clientcas; that "
                f"of {each.subject.rfc4514_string()!r} is not there."
            )


def _has_issued(
    authority: x509.Certificate, crl: x509.CertificateRevocationList
) -> bool:
    if authority.subject != crl.issuer:
        return False
    try:
        return crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # next line
    except TypeError:  # of a kind of key that does not sign
        return False
