"""Keys to log in with."""

import binascii
from typing import Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from twisted.conch.ssh.keys import Key

ALICE: Final = Key(ed25519.Ed25519PrivateKey.from_private_bytes(b"a" * 32))
BOB: Final = Key(ed25519.Ed25519PrivateKey.from_private_bytes(b"b" * 32))
MALLORY: Final = Key(ed25519.Ed25519PrivateKey.from_private_bytes(b"m" * 32))
HOST: Final = ed25519.Ed25519PrivateKey.from_private_bytes(b"h" * 32)


def line(key: Key, comment: str = "", options: str = "") -> bytes:
    """Write a line of a file of keys."""
    data = binascii.b2a_base64(key.public().blob(), newline=False).decode()
    parts = (options, f"{key.sshType().decode()} {data}", comment)
    return " ".join(filter(None, parts)).encode() + b"\n"


def make_rsa(bits: int) -> Key:
    """Make an RSA key."""
    return Key(rsa.generate_private_key(65537, bits))


def make_ecdsa(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> Key:
    """Make a key on a curve."""
    return Key(ec.generate_private_key(curve()))


def make_dsa() -> Key:
    """Make a key that is too weak."""
    return Key(dsa.generate_private_key(1024))  # noqa: S505 - so it is refused
