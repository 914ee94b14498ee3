"""The keys of those who are known, as lines of OpenSSH's ``authorized_keys``.

A line is the type of a key, the key in base64, and a comment, which is the name of
whose it is; or ``identity="NAME"`` stands before the type. Nothing else may stand
there: what an option forbids elsewhere must not be allowed here as nobody knows it.

Source: sshd(8), "AUTHORIZED_KEYS FILE FORMAT"; RFC 8332 and OpenSSH's PROTOCOL.u2f for
what may sign.
"""

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.keys import Key

from txregistry.auth.accounts import may_exist
from txregistry.auth.policy import WORDS

LARGEST: Final = 4 << 20
"""Bytes in a file of keys."""

_LONGEST: Final = 16 * 1024
"""Bytes in one line."""
_LEAST_BITS: Final = 2048
_MOST_BITS: Final = 16384
_RSA: Final = "ssh-rsa"
_TYPES: Final[Mapping[str, frozenset[bytes]]] = {
    "ssh-ed25519": frozenset({b"ssh-ed25519"}),
    "ecdsa-sha2-nistp256": frozenset({b"ecdsa-sha2-nistp256"}),
    "ecdsa-sha2-nistp384": frozenset({b"ecdsa-sha2-nistp384"}),
    "ecdsa-sha2-nistp521": frozenset({b"ecdsa-sha2-nistp521"}),
    "sk-ssh-ed25519@openssh.com": frozenset({b"sk-ssh-ed25519@openssh.com"}),
    "sk-ecdsa-sha2-nistp256@openssh.com": frozenset(
        {b"sk-ecdsa-sha2-nistp256@openssh.com"}
    ),
    _RSA: frozenset({b"rsa-sha2-256", b"rsa-sha2-512"}),
}
"""Types of keys, and by which algorithms each may sign: never by SHA-1."""
SIGNATURES: Final = tuple(sorted(frozenset[bytes]().union(*_TYPES.values())))
"""All these algorithms."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_IDENTITY: Final = re.compile(r'identity="([^"\\]*)"')
_OPTIONS: Final = re.compile(r'[A-Za-z0-9@-]+(?:="(?:[^"\\]|\\.)*")?')
_TOUCHED: Final = 1
"""The flag of a security key that somebody was there and touched it."""
_MARKS: Final = 5
"""Bytes behind the signature of a security key: flags and a counter."""


class KeysError(ValueError):
    """A file of keys cannot be used; the text says which, where and why."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """The key of somebody who is known.

    Attributes:
        name: Whose it is.
        blob: The key, as it goes over the wire.
        key: The same, ready to verify.
        kind: Its type.
    """

    name: str
    blob: bytes
    key: Key
    kind: str

    @property
    def fingerprint(self) -> str:
        """Show it in short, as OpenSSH does."""
        return fingerprint(self.blob)

    def signs_by(self, algorithm: bytes) -> bool:
        """Say whether it may sign by an algorithm."""
        return algorithm in _TYPES[self.kind]

    def verify(self, algorithm: bytes, signature: bytes, data: bytes) -> bool:
        """Say whether a signature of some data is good; whatever it is."""
        try:
            used, _, marks = getNS(signature, 2)
            if used != algorithm or not self.signs_by(algorithm):
                return False
            if self.kind.startswith("sk-"):
                if len(marks) != _MARKS or not marks[0] & _TOUCHED:
                    return False
                application: Any = self.key.application
                data = sha256(application).digest() + marks + sha256(data).digest()
            elif marks:
                return False
            return bool(self.key.verify(signature, data))
        except Exception:  # noqa: BLE001 - what is malformed is of many kinds, and no good
            return False


def fingerprint(blob: bytes) -> str:
    """Show a key in short, as OpenSSH does."""
    digest = binascii.b2a_base64(sha256(blob).digest(), newline=False)
    return f"SHA256:{digest.decode().rstrip('=')}"


def parse_keys(path: str, data: bytes) -> dict[bytes, KnownKey]:
    """Read a file of keys.

    Args:
        path: What it is called, for whoever reads what is wrong with it.
        data: Its bytes.

    Returns:
        The keys, by what they are on the wire.

    Raises:
        KeysError: a line of it cannot be used.
    """
    if len(data) > LARGEST:
        raise KeysError(f"{path}: has more than {LARGEST} bytes.")
    found: dict[bytes, KnownKey] = {}
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            key = _parse_line(raw)
        except KeysError as error:
            raise KeysError(f"{path}, line {number}: {error}.") from None
        if key is None:
            continue
        if key.blob in found:
            raise KeysError(
                f"{path}, line {number}: has the key of {found[key.blob].name!r} once "
                "more."
            )
        found[key.blob] = key
    return found


def _parse_line(raw: bytes) -> KnownKey | None:
    if len(raw) > _LONGEST:
        raise KeysError(f"has more than {_LONGEST} bytes")
    try:
        line = raw.decode().strip()
    except UnicodeDecodeError:
        raise KeysError("is not UTF-8") from None
    if not line or line.startswith("#"):
        return None
    named, rest = _part_options(line)
    kind, _, rest = rest.partition(" ")
    text, _, comment = rest.strip().partition(" ")
    if kind not in _TYPES:
        raise KeysError(_refuse_type(kind))
    if not _BASE64.fullmatch(text):
        raise KeysError("has no key in base64 behind its type")
    name = comment.strip() if named is None else named
    if not may_exist(name, "-") or name in WORDS or name.startswith("@"):
        raise KeysError(
            "does not say whose key it is: put a name behind the key, or "
            'identity="NAME" before it; no word of the rules is one'
        )
    try:
        blob = binascii.a2b_base64(text, strict_mode=True)
        key = Key.fromString(blob, type="blob")
    except Exception:  # noqa: BLE001 - what Conch raises is of many kinds
        raise KeysError("has a key that is damaged") from None
    if key.sshType() != kind.encode() or key.blob() != blob:
        raise KeysError("has a key that is not of the type that it says")
    if kind == _RSA and not _LEAST_BITS <= key.size() <= _MOST_BITS:
        raise KeysError(
            f"has an RSA key of {key.size()} bits; it must have {_LEAST_BITS} or more"
        )
    return KnownKey(name, blob, key, kind)


def _part_options(line: str) -> tuple[str | None, str]:
    """Part what stands before the type of a key from the rest.

    Returns:
        The name that the option says, or None; and the rest.
    """
    if line.partition(" ")[0] in _TYPES:
        return None, line
    match = _IDENTITY.match(line)
    if match is not None and line[match.end() :][:1] in {" ", "\t"}:
        return match[1], line[match.end() :].strip()
    for option in _options(line):
        if not _IDENTITY.fullmatch(option):
            raise KeysError(
                f"has the option {option.partition('=')[0][:50]!r}; there is none but "
                'identity="NAME"'
            )
    return None, line


def _options(line: str) -> Iterator[str]:
    """Give the options of a line, if it has some; its type may be one that is none."""
    place = 0
    while (match := _OPTIONS.match(line, place)) is not None:
        place = match.end()
        known = match[0].startswith(("ssh-", "ecdsa-", "sk-"))
        if known or (not place - match.start()):
            return
        yield match[0]
        if line[place : place + 1] != ",":
            return
        place += 1


def _refuse_type(kind: str) -> str:
    if kind.endswith("-cert-v01@openssh.com"):
        return "has a certificate; put the keys there that it is for"
    if kind == "ssh-dss":
        return "has a DSA key, which is too weak"
    return (
        f"has a key of the type {kind[:50]!a}; allowed are "
        f"{', '.join(each for each in _TYPES if '@' not in each)}, and those of "
        "security keys"
    )


def wire(*strings: bytes) -> bytes:
    """Write strings as SSH does, one behind the other."""
    return b"".join(map(NS, strings))
