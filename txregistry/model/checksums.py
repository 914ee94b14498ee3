"""The checksums of version 1's images: the simple one, and Docker's TarSum.

Source: Docker Registry API v1, ``PUT /v1/images/<id>/checksum``, and "Storage layout of
the original" for how they lie in its files.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

import msgspec

from txregistry.model.compression import Unpacker
from txregistry.model.digest import CANONICAL
from txregistry.model.errors import ChecksumInvalid
from txregistry.model.tarballs import TarEntry, TarParser

TARSUM: Final = f"tarsum+{CANONICAL}"
"""What TarSum, version 0, calls itself."""

MAX_ENTRIES: Final = 200_000
"""Entries of a layer that a TarSum is computed of: it keeps 32 bytes of each."""

MAX_UNPACKED: Final = 64 * 1024 * 1024 * 1024
"""Bytes that such a layer may unpack to."""

MAX_STORED: Final = 64 * 1024
"""Bytes of a file of checksums."""

_GRAMMAR: Final = re.compile(r"(sha256|tarsum\+sha256):([0-9a-f]{64})", re.ASCII)
_stored_decoder: Final = msgspec.json.Decoder(list[str])


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a client says that an image comes to.

    Attributes:
        algorithm: ``sha256`` for the simple one, or `TARSUM`.
        encoded: 64 lower-case hexadecimal digits.
    """

    algorithm: str
    encoded: str

    @property
    def is_tarsum(self) -> bool:
        """Whether it is of the layer's entries, and not of its bytes."""
        return self.algorithm == TARSUM

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"


def parse_checksum(text: str) -> Checksum:
    """Read the value of a header.

    Raises:
        ChecksumInvalid: it is no checksum, or of an algorithm that version 1 never had.
    """
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise ChecksumInvalid("Invalid checksum format")
    return Checksum(match[1], match[2])


def parse_stored_checksums(data: bytes) -> tuple[Checksum, ...]:
    """Read a file of the original server: a JSON array, or one checksum and no more.

    Raises:
        ChecksumInvalid: it is neither, or holds what is no checksum.
    """
    if len(data) > MAX_STORED:
        raise ChecksumInvalid("Invalid checksum format")
    try:
        text = data.decode("ascii").strip()
        texts = _stored_decoder.decode(text) if text.startswith("[") else [text]
    except (UnicodeDecodeError, msgspec.DecodeError):
        raise ChecksumInvalid("Invalid checksum format") from None
    return tuple(parse_checksum(each) for each in texts)


class SimpleChecksum:
    """The checksum of an image's JSON and its layer's bytes, as they are sent.

    Args:
        json: As it was sent, with the newline that it may end with.
    """

    def __init__(self, json: bytes) -> None:
        self._hashing = hashlib.sha256()
        self._hashing.update(json)
        self._hashing.update(b"\n")

    def update(self, data: bytes) -> None:
        """Take more of the layer in."""
        self._hashing.update(data)

    def __str__(self) -> str:
        return f"{CANONICAL}:{self._hashing.hexdigest()}"


class TarSum:
    """The checksum, version 0, of an image's JSON and of what its layer holds.

    The order of the layer's entries does not matter, nor how it is packed. Sparse files
    are taken as they are stored: the engines that send no other checksum, Docker 0.6 to
    0.8, make none.

    Args:
        json: As it was sent.
    """

    def __init__(self, json: bytes) -> None:
        self._json = json
        self._unpacker = Unpacker(MAX_UNPACKED)
        self._sums = _EntrySums()
        self._parser = TarParser(self._sums, MAX_ENTRIES)

    def update(self, data: bytes) -> None:
        """Take more of the layer in, packed as it is. It takes its time.

        Raises:
            CompressionInvalid: the layer is damaged.
            UnpackedTooLarge: it unpacks to too much.
            TarInvalid: it holds no archive, or one with too many entries.
        """
        for piece in self._unpacker.feed(data):
            self._parser.feed(piece)

    def finish(self) -> str:
        """Say what it comes to.

        Raises:
            CompressionInvalid: the layer is cut off.
            TarInvalid: likewise.
        """
        self._parser.feed(self._unpacker.finish())
        self._parser.finish()
        hashing = hashlib.sha256()
        hashing.update(self._json)
        for each in sorted(self._sums.finish()):  # the order of their hex is the same
            hashing.update(each.hex().encode())
        return f"{TARSUM}:{hashing.hexdigest()}"


class _EntrySums:
    """Sum up each entry of an archive."""

    def __init__(self) -> None:
        self._sums: list[bytes] = []
        self._hashing = hashlib.sha256()
        self._begun = False

    def entry(self, entry: TarEntry) -> None:
        self._end()
        self._hashing = hashlib.sha256(_header(entry))
        self._begun = True

    def content(self, data: memoryview) -> None:
        self._hashing.update(data)

    def finish(self) -> list[bytes]:
        self._end()
        return self._sums

    def _end(self) -> None:
        if self._begun:
            self._sums.append(self._hashing.digest())


def _header(entry: TarEntry) -> bytes:
    """Write the fields of an entry one after another, with nothing between them."""
    text = (
        f"name{entry.name}mode{entry.mode}uid{entry.uid}gid{entry.gid}"
        f"size{entry.size}mtime{entry.mtime}typeflag{entry.typeflag}"
        f"linkname{entry.linkname}uname{entry.uname}gname{entry.gname}"
        f"devmajor{entry.devmajor}devminor{entry.devminor}"
    )
    return text.encode("utf-8", "surrogateescape")
