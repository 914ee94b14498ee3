"""Tar archives, parsed while they pass.

Read is what the engines' readers read: v7, ustar, GNU with long names, old sparse files
and base-256 numbers, pax with global headers and sparse files; and what the writers of
old engines wrote by mistake.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar's
manual, "Basic Tar Format" and "Storing Sparse Files".
"""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from txregistry.model.paxrecords import (
    SPARSE_KEYS,
    RecordsInvalid,
    read_records,
    read_time,
)

MAX_EXTENDED: Final = 1024 * 1024
"""Bytes of one long name, or of one header block of pax."""

_EXTENDED_PER_ENTRY: Final = 1024
"""Bytes of such blocks, on average over as many entries as there may be."""
_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_HEADER: Final = struct.Struct("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12s")
_CHECKSUM: Final = slice(148, 156)
_CHECKSUM_AS_SPACES: Final = 8 * 0x20
_POSIX_MAGIC: Final = b"ustar\0"
_GNU_MAGIC: Final = b"ustar  \0"
_STAR_TRAILER: Final = b"tar\0"
_STAR_PREFIX: Final = 131
_GNU_TIMES: Final = (slice(0, 12), slice(12, 24))
_SPARSE_EXTENDED: Final = 482
_SPARSE_REAL_SIZE: Final = slice(483, 495)
_SPARSE_EXTENDED_AGAIN: Final = 504

_OCTAL: Final = re.compile(rb"[0-7]+")
_DECIMAL: Final = re.compile(rb"[+-]?[0-9]{1,19}")
_RANGE: Final = range(-(1 << 63), 1 << 63)

_SPARSE: Final = "S"
_LONG_NAME: Final = "L"
_LONG_LINK: Final = "K"
_PAX: Final = "x"
_EXTENSIONS: Final = (_LONG_NAME, _LONG_LINK, _PAX, "g")
_WITHOUT_CONTENT: Final = ("1", "2", "3", "4", "5", "6")


class TarInvalid(ValueError):
    """An archive is damaged, cut off, or none at all."""


class TooManyEntries(TarInvalid):
    """An archive has more entries than it may."""


@dataclass(frozen=True, slots=True)
class TarEntry:
    """One entry of an archive, with the values of its headers.

    Attributes:
        name: As it is there: a directory keeps its slash. What is not UTF-8 is escaped
            with surrogates, in all texts.
        mode: With the bits of the file's type, where its writer put them.
        size: Bytes of its content; of a sparse file, with its holes.
        mtime: Whole seconds since 1970, rounded down.
        typeflag: One character; NUL in old archives.
        is_sparse: Whether what is stored is not its content as it is.
    """

    name: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    typeflag: str
    linkname: str
    uname: str
    gname: str
    devmajor: int
    devminor: int
    is_sparse: bool = False

    @property
    def is_directory(self) -> bool:
        """Whether it is one, also where old archives have but the slash to tell."""
        old = self.typeflag == "\0" and self.name.endswith("/")
        return old or self.typeflag == "5"


class TarVisitor(Protocol):
    """What is told what an archive holds."""

    def entry(self, entry: TarEntry) -> None:
        """Begin an entry."""

    def content(self, data: memoryview) -> None:
        """Take more of its content, as stored: a sparse file's holes are not in it."""


class TarParser:
    """Parse an archive as it passes, and tell a visitor.

    Args:
        visitor: Hears of every entry, and of its content. What follows the end is
            ignored.
        max_entries: How many it may hear of.
        max_extended: Bytes of one long name, or of one header block of pax.
    """

    def __init__(
        self, visitor: TarVisitor, max_entries: int, max_extended: int = MAX_EXTENDED
    ) -> None:
        self._visitor = visitor
        self._entries_left = max_entries
        self._max_extended = max_extended
        self._extended_left = max_extended + max_entries * _EXTENDED_PER_ENTRY
        self._content_left = self._padding_left = 0
        self._buffer = bytearray()
        self._wanted = _BLOCK
        self._then: Callable[[bytes], None] = self._header
        self.is_ended = False
        """Whether the zeros were there that end an archive."""
        self._forget_extensions()
        self._globals: dict[bytes, bytes] = {}

    def feed(self, data: bytes | memoryview) -> int:
        """Take more of the archive in.

        Returns:
            How many of the bytes belong to it; all, unless it ended before.

        Raises:
            TarInvalid: it is damaged, or no archive.
            TooManyEntries: it has more entries than it may.
        """
        view = memoryview(data)
        while view and not self.is_ended:
            view = view[self._take(view) :]
        return len(data) - len(view)

    def finish(self) -> None:
        """See that the archive ended where it may: after an entry, or after zeros.

        Raises:
            TarInvalid: it is cut off.
        """
        between = self._then == self._header and not self._buffer
        in_zeros = self._then == self._second_zeros and not any(self._buffer)
        if not self.is_ended and (self._content_left or not (between or in_zeros)):
            raise TarInvalid("cut off")

    def _take(self, view: memoryview) -> int:
        """Use some bytes; say how many."""
        if self._content_left:
            size = min(self._content_left, len(view))
            self._content_left -= size
            self._visitor.content(view[:size])
        elif self._padding_left:
            size = min(self._padding_left, len(view))
            self._padding_left -= size
        else:
            size = min(self._wanted - len(self._buffer), len(view))
            self._buffer += view[:size]
            if len(self._buffer) == self._wanted:
                block = bytes(self._buffer)
                self._buffer.clear()
                self._then(block)
        return size

    def _forget_extensions(self) -> None:
        self._long_name: str | None = None
        self._long_link: str | None = None
        self._pax: Mapping[bytes, bytes] = {}

    def _second_zeros(self, block: bytes) -> None:
        if block != _ZEROS:
            raise TarInvalid("zeros between entries")
        self.is_ended = True

    def _header(self, block: bytes) -> None:
        if block == _ZEROS:
            self._then = self._second_zeros
            return
        entry = _parse_header(block)
        if entry.typeflag in _EXTENSIONS:
            self._begin_extension(entry)
        else:
            self._begin_entry(entry, block)

    def _begin_extension(self, entry: TarEntry) -> None:
        stored = entry.size + -entry.size % _BLOCK
        self._extended_left -= stored + _BLOCK
        if entry.size > self._max_extended or self._extended_left < 0:
            raise TarInvalid("extended headers are too long")

        def end(body: bytes) -> None:
            self._wanted, self._then = _BLOCK, self._header
            self._extend(entry.typeflag, body[: entry.size])

        if stored:
            self._wanted, self._then = stored, end
        else:
            end(b"")

    def _extend(self, typeflag: str, body: bytes) -> None:
        if typeflag == _LONG_NAME:
            self._long_name = _text(body)
        elif typeflag == _LONG_LINK:
            self._long_link = _text(body)
        elif typeflag == _PAX:
            self._pax = _read_records(body)
        else:
            self._globals.update(_read_records(body))

    def _begin_entry(self, entry: TarEntry, block: bytes) -> None:
        self._entries_left -= 1
        if self._entries_left < 0:
            raise TooManyEntries
        if self._pax or self._globals:
            records = {**self._globals, **self._pax}
            sparse = not SPARSE_KEYS.isdisjoint(records)
            entry = replace(_with_records(entry, records), is_sparse=sparse)
        if self._long_name is not None:
            entry = replace(entry, name=self._long_name)
        if self._long_link is not None:
            entry = replace(entry, linkname=self._long_link)
        if not (entry.is_directory or entry.typeflag in _WITHOUT_CONTENT):
            self._content_left = entry.size
            self._padding_left = -entry.size % _BLOCK
        if entry.typeflag == _SPARSE:
            entry = self._begin_sparse(entry, block)
        if self._pax:
            entry = replace(entry, size=_sparse_size(self._pax, entry.size))
        self._forget_extensions()
        self._visitor.entry(entry)

    def _begin_sparse(self, entry: TarEntry, block: bytes) -> TarEntry:
        """Read an old sparse file's true size; pass over the map of its holes."""
        if _HEADER.unpack(block)[9] != _GNU_MAGIC:
            raise TarInvalid("a sparse file in another format")
        if block[_SPARSE_EXTENDED]:
            content, padding = self._content_left, self._padding_left
            self._content_left = self._padding_left = 0

            def more(extension: bytes) -> None:
                if not extension[_SPARSE_EXTENDED_AGAIN]:
                    self._then = self._header
                    self._content_left, self._padding_left = content, padding

            self._then = more
        real = _size(_number(block[_SPARSE_REAL_SIZE]))
        return replace(entry, size=real, is_sparse=True)


def _parse_header(block: bytes) -> TarEntry:
    fields = _HEADER.unpack(block)
    name, mode, uid, gid, size, mtime, checksum, typeflag, linkname, magic = fields[:10]
    uname, gname, devmajor, devminor, prefix, trailer = fields[10:]
    _check(block, checksum)
    if magic == _GNU_MAGIC:
        prefix = _mistaken_prefix(prefix)
    elif not magic.startswith(_POSIX_MAGIC):  # version 7: nothing is there
        uname = gname = prefix = b""
        devmajor = devminor = b"0"
    elif trailer.endswith(_STAR_TRAILER):
        prefix = prefix[:_STAR_PREFIX]
    directory, own = _text(prefix), _text(name)
    return TarEntry(
        name=f"{directory}/{own}" if directory else own,
        mode=_number(mode),
        uid=_number(uid),
        gid=_number(gid),
        size=_size(_number(size)),
        mtime=_number(mtime),
        typeflag=typeflag.decode("utf-8", "surrogateescape"),
        linkname=_text(linkname),
        uname=_text(uname),
        gname=_text(gname),
        devmajor=_number(devmajor),
        devminor=_number(devminor),
    )


def _check(block: bytes, checksum: bytes) -> None:
    """Compare a header with its checksum; some old writers took bytes for signed."""
    rest = block[: _CHECKSUM.start] + block[_CHECKSUM.stop :]
    unsigned = sum(rest) + _CHECKSUM_AS_SPACES
    wanted = _number(checksum)
    if wanted == unsigned:
        return
    if wanted != unsigned - 0x100 * sum(byte >> 7 for byte in rest):
        raise TarInvalid("a header's checksum is wrong")


def _mistaken_prefix(rest: bytes) -> bytes:
    """Give the prefix that GNU's format does not have, where there is one.

    Go before 1.8, and so Docker, wrote one over the two times that are there, together
    with base-256 numbers.
    """
    try:
        for place in _GNU_TIMES:
            if rest[place][0]:
                _number(rest[place])
    except TarInvalid:
        if (prefix := rest.partition(b"\0")[0]).isascii():
            return prefix
    return b""


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    """Read octal digits, or GNU's base-256: two's complement but for the first bit."""
    if field[0] & 0x80:
        sign = 1 << (8 * len(field) - 2)
        bits = int.from_bytes(field, "big") & (2 * sign - 1)
        return _bounded((bits ^ sign) - sign)
    digits = field.strip(b" \0").partition(b"\0")[0].rstrip(b" ")
    if not digits:
        return 0
    if _OCTAL.fullmatch(digits) is None:
        raise TarInvalid("a header's number is none")
    return int(digits, 8)


def _bounded(number: int) -> int:
    if number not in _RANGE:
        raise TarInvalid("a number is too large")
    return number


def _size(number: int) -> int:
    if number < 0:
        raise TarInvalid("a size is negative")
    return number


def _read_records(body: bytes) -> dict[bytes, bytes]:
    try:
        return dict(read_records(body))
    except RecordsInvalid as error:
        raise TarInvalid(str(error)) from None


def _with_records(entry: TarEntry, records: Mapping[bytes, bytes]) -> TarEntry:
    """Put pax's values in the place of the header's; an empty one is not there."""
    path = _record_text(records, b"path", entry.name)
    return replace(
        entry,
        name=_record_text(records, b"GNU.sparse.name", path),
        linkname=_record_text(records, b"linkpath", entry.linkname),
        uname=_record_text(records, b"uname", entry.uname),
        gname=_record_text(records, b"gname", entry.gname),
        uid=_record_number(records, b"uid", entry.uid),
        gid=_record_number(records, b"gid", entry.gid),
        size=_size(_record_number(records, b"size", entry.size)),
        mtime=_record_time(records, b"mtime", entry.mtime),
    )


def _sparse_size(records: Mapping[bytes, bytes], default: int) -> int:
    size = _record_number(records, b"GNU.sparse.size", default)
    return _size(_record_number(records, b"GNU.sparse.realsize", size))


def _record_text(records: Mapping[bytes, bytes], key: bytes, default: str) -> str:
    if not (value := records.get(key)):
        return default
    if b"\0" in value:
        raise TarInvalid("a name has a NUL")
    return value.decode("utf-8", "surrogateescape")


def _record_number(records: Mapping[bytes, bytes], key: bytes, default: int) -> int:
    if not (value := records.get(key)):
        return default
    if _DECIMAL.fullmatch(value) is None:
        raise TarInvalid("a record's number is none")
    return _bounded(int(value))


def _record_time(records: Mapping[bytes, bytes], key: bytes, default: int) -> int:
    if not (value := records.get(key)):
        return default
    try:
        return _bounded(read_time(value))
    except RecordsInvalid as error:
        raise TarInvalid(str(error)) from None
