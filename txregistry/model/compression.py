"""Layers as they are packed: what in, what they unpack to, and packing them again.

Everything takes pieces as they pass, and gives pieces of at most `PIECE` bytes whatever
a layer unpacks to. Nothing waits for a whole layer.

Source: Docker Registry API v1, "Storage layout of the original" and "Conversion"; RFC
1952; RFC 8878. As the readers of the engines do, several gzip members, zstd frames,
bzip2 or xz streams one after another are read as one; anything else after them is
refused.
"""

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from txregistry.model.digest import CANONICAL, Digest, new_hashing

PIECE: Final = 256 * 1024
"""Bytes in a piece, at most."""

_BITE: Final = 32 * 1024
"""Packed bytes that a library gets at once: it copies what it leaves, each time."""
_MAX_STREAMS: Final = 1 << 20
"""Members, frames or streams in a layer: even an empty one costs time to set up."""
_RATIO: Final = 1100
"""Bytes that a byte unpacks to at most: gzip's own limit is 1032."""
_UNEARNED: Final = 1 << 30
"""Bytes that any layer may unpack to."""
_XZ_MEMORY: Final = 16 * 1024 * 1024
"""Bytes to unpack xz with: its usual level takes 9 MiB, and anybody may push many."""
_ZSTD_WINDOW_LOG: Final = 27
"""As large a window as the zstd program reads by itself: 128 MiB."""
_GZIP_WBITS: Final = 31
_GZIP_LEVEL: Final = 5
"""A third faster than 6, zlib's own choice, for half a percent to one of the size."""
_GZIP_HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""No name, no time, and no system: RFC 1952, 2.3."""
_MAGIC: Final = 6
_SKIPPABLE: Final = slice(1, 4)


class CompressionInvalid(ValueError):
    """What is packed is damaged, cut off, or followed by something else."""


class CompressionRefused(ValueError):
    """A layer is packed in a way that is not wanted here."""


class UnpackedTooLarge(ValueError):
    """A layer unpacks to more bytes than it may."""


class Compression(StrEnum):
    """How a layer is packed."""

    NONE = "none"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"


_MAGICS: Final = {
    b"\x1f\x8b\x08": Compression.GZIP,
    b"\xfd7zXZ\0": Compression.XZ,
    b"BZh": Compression.BZIP2,
    b"\x28\xb5\x2f\xfd": Compression.ZSTD,
}


def sniff(head: bytes) -> Compression:
    """Tell a compression by its magic number.

    Args:
        head: The first bytes of a layer: 6 or more, if it has as many.
    """
    for magic, compression in _MAGICS.items():
        if head.startswith(magic):
            return compression
    if head[_SKIPPABLE] == b"\x2a\x4d\x18" and head[0] >> 4 == 0x5:  # noqa: PLR2004 - RFC 8878, 3.1.2
        return Compression.ZSTD
    return Compression.NONE


class _Stream(Protocol):
    """What unpacks one member, frame or stream: PEP 784's, ``bz2``'s, ``lzma``'s."""

    @property
    def eof(self) -> bool:
        """Whether its end has been reached."""

    @property
    def needs_input(self) -> bool:
        """Whether no more comes out before more goes in."""

    @property
    def unused_data(self) -> bytes:
        """What was given it beyond its end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Unpack some more."""


class _GzipMember:
    """One member of a gzip file, with the interface of the other libraries."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        held = self._inflate.unconsumed_tail
        piece = self._inflate.decompress(held + data if held else data, max_length)
        self.needs_input = not self._inflate.unconsumed_tail and len(piece) < max_length
        return piece


def _xz_stream() -> _Stream:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def _opener(
    compression: Compression,
) -> tuple[Callable[[], _Stream], type[Exception]]:
    """Give what begins a stream, and what it raises where it is damaged."""
    if compression is Compression.GZIP:
        return _GzipMember, zlib.error
    if compression is Compression.BZIP2:
        return bz2.BZ2Decompressor, OSError
    if compression is Compression.XZ:
        return _xz_stream, lzma.LZMAError
    # Few layers need it: it is loaded where one is met, not at start.
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - as said
    else:
        from backports import zstd  # noqa: PLC0415 - as said

    options: dict[int, int] = {
        zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG
    }
    return lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError


class Decompressor:
    """Unpack bytes as they pass.

    Args:
        compression: How they are packed; with ``NONE`` they are cut, no more.
    """

    def __init__(self, compression: Compression) -> None:
        self._plain = compression is Compression.NONE
        if not self._plain:
            self._begin, self._error = _opener(compression)
        self._stream: _Stream | None = None
        self._streams = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack some more. The pieces are made while they are taken: take them all.

        Raises:
            CompressionInvalid: they are damaged, or want more memory than they may.
        """
        step = PIECE if self._plain else _BITE
        for start in range(0, len(data), step):
            bite = data[start : start + step]
            if self._plain:
                yield bite
            else:
                yield from self._unpack(bite)

    def finish(self) -> None:
        """See that the bytes ended where they may.

        Raises:
            CompressionInvalid: they did not: they are cut off.
        """
        if not self._plain and (self._stream is not None or not self._streams):
            raise CompressionInvalid("cut off")

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        while data or self._stream is not None:
            stream = self._stream = self._stream or self._next()
            try:
                piece = stream.decompress(data, PIECE)
            except self._error as error:
                raise CompressionInvalid("damaged") from error
            if piece:
                yield piece
            if stream.eof:
                data, self._stream = stream.unused_data, None
            elif stream.needs_input:
                return
            else:
                data = b""

    def _next(self) -> _Stream:
        self._streams += 1
        if self._streams > _MAX_STREAMS:
            raise CompressionInvalid("too many streams")
        return self._begin()


class Unpacker:
    """Unpack a layer as it passes, however it is packed.

    What unpacks to much more than gzip can pack is a bomb, whatever the limit: other
    formats would keep a thread busy for minutes with a few hundred bytes.

    Args:
        limit: Bytes that it may unpack to.
        refused: How it may not be packed: unpacking it would take too much memory.
    """

    def __init__(
        self, limit: int, refused: frozenset[Compression] = frozenset()
    ) -> None:
        self._refused = refused
        self._room = min(limit, _UNEARNED)
        self._limit = limit - self._room
        self._head = b""
        self._decompressor: Decompressor | None = None
        self.compression = Compression.NONE
        """How the layer is packed, as soon as 6 bytes of it are there."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack some more. The pieces are made while they are taken: take them all.

        Raises:
            CompressionInvalid: the layer is damaged.
            UnpackedTooLarge: it unpacks to more than the limit.
        """
        earned = min(self._limit, len(data) * _RATIO)
        self._limit -= earned
        self._room += earned
        if self._decompressor is None:
            data = self._head + data
            if len(data) < _MAGIC:
                self._head = data
                return
            self._decompressor = self._sniffed(data)
        for piece in self._decompressor.feed(data):
            self._take(len(piece))
            yield piece

    def finish(self) -> bytes:
        """End; give what there is of a layer of fewer than 6 bytes.

        Raises:
            CompressionInvalid: the layer is cut off.
            UnpackedTooLarge: it has more bytes than the limit.
        """
        if self._decompressor is not None:
            self._decompressor.finish()
            return b""
        if sniff(self._head) is not Compression.NONE:
            raise CompressionInvalid("cut off")
        self._take(len(self._head))
        return self._head

    def _sniffed(self, head: bytes) -> Decompressor:
        self.compression = sniff(head)
        if self.compression in self._refused:
            raise CompressionRefused
        return Decompressor(self.compression)

    def _take(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise UnpackedTooLarge


@dataclass(frozen=True, slots=True)
class Layer:
    """What is known of a layer.

    Attributes:
        digest: Of its bytes as they are stored.
        size: How many these are.
        diff_id: Digest of the tar archive that they unpack to.
        compression: How they are packed.
    """

    digest: Digest
    size: int
    diff_id: Digest
    compression: Compression


class LayerHash:
    """Find out all about a layer while it passes.

    Args:
        limit: Bytes that it may unpack to.
        refused: See `Unpacker`.
    """

    def __init__(
        self, limit: int, refused: frozenset[Compression] = frozenset()
    ) -> None:
        self._unpacker = Unpacker(limit, refused)
        self._stored = new_hashing()
        self._unpacked = new_hashing()
        self._size = 0

    def update(self, data: bytes) -> None:
        """Take more of the layer in. It takes its time: call it in a thread.

        Raises:
            CompressionInvalid: the layer is damaged.
            UnpackedTooLarge: it unpacks to more than the limit.
        """
        self._size += len(data)
        self._stored.update(data)
        for piece in self._unpacker.feed(data):
            # A layer that is not packed has one digest, and is hashed once.
            if self._unpacker.compression is not Compression.NONE:
                self._unpacked.update(piece)

    def finish(self) -> Layer:
        """Say what the layer is.

        Raises:
            CompressionInvalid: it is cut off.
            UnpackedTooLarge: it has more bytes than the limit.
        """
        self._unpacker.finish()
        compression = self._unpacker.compression
        unpacked = self._stored if compression is Compression.NONE else self._unpacked
        return Layer(
            Digest(CANONICAL, self._stored.hexdigest()),
            self._size,
            Digest(CANONICAL, unpacked.hexdigest()),
            compression,
        )


class GzipCompressor:
    """Pack bytes with gzip, so that the same bytes always give the same file.

    "Always" is with one zlib: another release of it may find shorter ways.
    """

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        # zlib does not promise that its output is the same however its input is cut:
        # it gets whole pieces only.
        self._held = bytearray()
        self._ready = _GZIP_HEADER
        self._crc = 0
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """Pack some more; give what is ready."""
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._held += data
        ready, self._ready = self._ready, b""
        whole = len(self._held) - len(self._held) % PIECE
        packed = [
            self._deflate.compress(self._held[start : start + PIECE])
            for start in range(0, whole, PIECE)
        ]
        del self._held[:whole]
        return b"".join((ready, *packed))

    def finish(self) -> bytes:
        """End; give the rest."""
        size = self._size % (1 << 32)
        return b"".join(
            (
                self._ready,
                self._deflate.compress(self._held),
                self._deflate.flush(),
                self._crc.to_bytes(4, "little"),
                size.to_bytes(4, "little"),
            )
        )
