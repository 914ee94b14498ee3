"""Digests: what content is called by its own bytes.

Source: OCI image-spec 1.1, "Digests". The registered algorithms sha256 and sha512 are
supported, nothing else.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, Self

from txregistry.model.errors import DigestInvalid

CANONICAL: Final = "sha256"
"""The algorithm under which all content is stored."""

ALGORITHMS: Final = (CANONICAL, "sha512")

_GRAMMAR: Final = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})", re.ASCII)


class Hashing(Protocol):
    """A hash in the making, as of ``hashlib``."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes in."""

    def hexdigest(self) -> str:
        """Say what the bytes so far come to, as lower-case hex."""

    def copy(self) -> Self:
        """Fork the state."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """An algorithm and the hex of what it made of some content."""

    algorithm: str
    encoded: str

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read ``algorithm:hex``.

        Raises:
            DigestInvalid: it is of another form, or of an unsupported algorithm.
        """
        return _parse(text)

    @classmethod
    def of(cls, data: bytes, algorithm: str = CANONICAL) -> Self:
        """Name some content."""
        return cls(algorithm, hashlib.new(algorithm, data).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"


@lru_cache(maxsize=4096)
def _parse(text: str) -> Digest:
    if _GRAMMAR.fullmatch(text) is None:
        raise DigestInvalid(
            "The digest must be sha256: and 64, or sha512: and 128, lower-case "
            "hexadecimal digits.",
            {"digest": text[:200]},
        )
    algorithm, _, encoded = text.partition(":")
    return Digest(algorithm, encoded)


def parse_algorithm(text: str) -> str:
    """Read the name of an algorithm.

    Raises:
        DigestInvalid: it is none that this registry knows.
    """
    if text not in ALGORITHMS:
        raise DigestInvalid(
            "The digest algorithm must be one of: " + ", ".join(ALGORITHMS) + ".",
            {"algorithm": text[:200]},
        )
    return text


def new_hashing(algorithm: str = CANONICAL) -> Hashing:
    """Begin to hash content as it passes."""
    return hashlib.new(algorithm)
