"""Tests of ``txregistry/model/tarballs.py``."""

import io
import tarfile
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.tarballs import (
    TarEntry,
    TarInvalid,
    TarParser,
)

END = bytes(1024)
MANY = 1000
POSIX = b"ustar\x0000"
GNU = b"ustar  \0"
FORMATS: tuple[Literal[0, 1, 2], ...] = (
    tarfile.USTAR_FORMAT,
    tarfile.GNU_FORMAT,
    tarfile.PAX_FORMAT,
)
TYPES = (
    tarfile.REGTYPE,
    tarfile.AREGTYPE,
    tarfile.LNKTYPE,
    tarfile.SYMTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
    tarfile.CONTTYPE,
)

CUTS = st.lists(st.integers(0, 10_000), max_size=8)
PATHS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=130,
).filter(lambda path: not path.endswith("/"))
MEMBERS = st.builds(
    lambda name, linkname, kind, content, numbers, names: (
        name, linkname, kind, content, numbers, names
    ),
    PATHS,
    PATHS,
    st.sampled_from(TYPES),
    st.binary(max_size=1500),
    st.tuples(
        st.integers(0, 0o177777),
        st.integers(0, 1 << 40),
        st.integers(0, 1 << 40),
        st.integers(-(1 << 40), 1 << 40),
        st.integers(0, 0o7777777),
        st.integers(0, 0o7777777),
    ),
    st.tuples(PATHS, PATHS),
)  # fmt: skip


class Heard:
    """A visitor that remembers."""

    def __init__(self) -> None:
        self.entries: list[TarEntry] = []
        self.contents: list[bytes] = []

    def entry(self, entry: TarEntry) -> None:
        self.entries.append(entry)
        self.contents.append(b"")

    def content(self, data: memoryview) -> None:
        self.contents[-1] += data


def parse(*pieces: bytes, max_entries: int = MANY) -> Heard:
    """Parse a whole archive."""
    heard = Heard()
    parser = TarParser(heard, max_entries)
    for piece in pieces:
        parser.feed(piece)
    parser.finish()
    return heard


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut bytes into pieces, some of them empty."""
    edges = [0, *sorted(min(each, len(data)) for each in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def header(
    name: bytes = b"name",
    *,
    kind: bytes = b"0",
    size: bytes = b"0",
    mtime: bytes = b"0",
    mode: bytes = b"644",
    uid: bytes = b"0",
    linkname: bytes = b"",
    magic: bytes = POSIX,
    rest: bytes = b"",
    checksum: bytes | None = None,
) -> bytes:
    """Write a header; ``rest`` is what follows the magic."""
    fields = ((name, 100), (mode, 8), (uid, 8), (b"0", 8), (size, 12), (mtime, 12))
    before = b"".join(value.ljust(width, b"\0") for value, width in fields)
    after = kind + linkname.ljust(100, b"\0") + magic + rest
    after = after.ljust(512 - 156, b"\0")
    if checksum is None:
        checksum = b"%06o\0 " % (sum(before) + sum(after) + 8 * 32)
    return before + checksum.ljust(8, b" ") + after


def stored(content: bytes) -> bytes:
    """Fill content up to whole blocks."""
    return content + bytes(-len(content) % 512)


def extended(kind: bytes, body: bytes) -> bytes:
    """Write a long name or a header of pax."""
    return header(kind=kind, size=b"%o" % len(body)) + stored(body)


def record(key: bytes, value: bytes) -> bytes:
    """Write a record of pax."""
    size = len(key) + len(value) + 3
    while len(text := b"%d %s=%s\n" % (size, key, value)) != size:
        size = len(text)
    return text


def pax(key: bytes, value: bytes, kind: bytes = b"x") -> bytes:
    """Write a header of pax with one record."""
    return extended(kind, record(key, value))


def single(archive: bytes) -> TarEntry:
    """Parse an archive of one entry."""
    (entry,) = parse(archive).entries
    return entry


def values(entry: TarEntry | tarfile.TarInfo) -> tuple[str | float, ...]:
    """Say of an entry what two readers should agree on."""
    return (
        entry.name.rstrip("/"),  # the standard library's reader drops a directory's
        entry.mode,
        entry.uid,
        entry.gid,
        entry.size,
        entry.mtime,
        entry.linkname,
        entry.uname,
        entry.gname,
        entry.devmajor,
        entry.devminor,
    )


class FormatTests(SynchronousTestCase):
    @given(members=st.lists(MEMBERS, max_size=4), places=CUTS)
    def test_reads_what_the_standard_library_writes(
        self,
        members: list[tuple[str, str, bytes, bytes, tuple[int, ...], tuple[str, str]]],
        places: list[int],
    ) -> None:
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            file = io.BytesIO()
            with tarfile.open(fileobj=file, mode="w", format=form) as archive:
                for name, linkname, kind, content, numbers, names in members:
                    info = tarfile.TarInfo(name)
                    info.linkname, info.type = linkname, kind
                    info.mode, info.uid, info.gid, info.mtime = numbers[:4]
                    info.devmajor, info.devminor = numbers[4:]
                    info.uname, info.gname = (each[:8] for each in names)
                    body = io.BytesIO(content) if info.isreg() else None
                    info.size = len(content) if info.isreg() else 0
                    archive.addfile(info, body)
            with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as archive:
                expected = [values(each) for each in archive]
            heard = parse(*cut(file.getvalue(), places))
            self.assertEqual([values(each) for each in heard.entries], expected)
            self.assertEqual(
                heard.contents,
                [
                    content if kind in tarfile.REGULAR_TYPES else b""
                    for _, _, kind, content, _, _ in members
                ],
            )

    def test_an_entry_has_the_values_of_the_header(self) -> None:
        for form in FORMATS:
            info = tarfile.TarInfo("dev/tty")
            info.type, info.mode = tarfile.CHRTYPE, 0o620
            info.uid, info.gid, info.mtime = 1000, 5, 1420070400
            info.uname, info.gname = "bob", "tty"
            info.devmajor, info.devminor = 4, 64
            self.assertEqual(
                single(info.tobuf(form) + END),
                TarEntry(
                    name="dev/tty",
                    mode=0o620,
                    uid=1000,
                    gid=5,
                    size=0,
                    mtime=1420070400,
                    typeflag="3",
                    linkname="",
                    uname="bob",
                    gname="tty",
                    devmajor=4,
                    devminor=64,
                ),
            )

    def test_a_mode_keeps_the_bits_of_the_type(self) -> None:
        self.assertEqual(single(header(mode=b"0100644")).mode, 0o100644)

    def test_a_directory_keeps_its_slash(self) -> None:
        self.assertEqual(single(header(b"etc/", kind=b"5")).name, "etc/")

    def test_a_long_name_is_in_two_parts(self) -> None:
        rest = bytes(80) + b"usr/share"
        self.assertEqual(single(header(b"doc", rest=rest)).name, "usr/share/doc")

    def test_version_7_has_no_more_than_a_name(self) -> None:
        entry = single(header(b"doc", magic=bytes(8), rest=b"x" * 235))
        self.assertEqual((entry.name, entry.uname, entry.devmajor), ("doc", "", 0))

    def test_stars_prefix_is_shorter(self) -> None:
        rest = bytes(80) + b"usr".ljust(131, b"\0") + b"1" * 24 + bytes(8) + b"tar\0"
        self.assertEqual(single(header(b"doc", rest=rest)).name, "usr/doc")

    def test_gnu_has_times_where_others_have_a_prefix(self) -> None:
        rest = bytes(80) + b"12345670123\x0012345670123\0"
        self.assertEqual(single(header(b"doc", magic=GNU, rest=rest)).name, "doc")

    def test_a_prefix_that_go_wrote_by_mistake_counts(self) -> None:
        rest = bytes(80) + b"usr/share"
        entry = single(header(b"doc", magic=GNU, rest=rest))
        self.assertEqual(entry.name, "usr/share/doc")

    def test_long_names_of_gnu(self) -> None:
        name, target = b"n" * 600, b"t" * 700
        archive = extended(b"K", target + b"\0") + extended(b"L", name + b"\0")
        entry = single(archive + header(kind=b"2", magic=GNU))
        self.assertEqual((entry.name, entry.linkname), ("n" * 600, "t" * 700))

    def test_a_long_name_is_for_one_entry(self) -> None:
        archive = extended(b"L", b"long\0") + header(b"one") + header(b"two")
        self.assertEqual(
            [each.name for each in parse(archive).entries], ["long", "two"]
        )

    def test_a_name_that_is_not_utf8_is_kept(self) -> None:
        name = single(header(b"caf\xe9")).name
        self.assertEqual(name.encode("utf-8", "surrogateescape"), b"caf\xe9")

    def test_old_directories_have_but_a_slash(self) -> None:
        heard = parse(header(b"etc/", kind=b"\0", size=b"1000") + header(b"two"))
        self.assertTrue(heard.entries[0].is_directory)
        self.assertEqual(heard.entries[0].typeflag, "\0")
        self.assertFalse(heard.entries[1].is_directory)

    def test_a_link_has_no_content_whatever_its_size(self) -> None:
        for kind in b"123456":
            first = header(b"one", kind=bytes((kind,)), size=b"1000")
            heard = parse(first + header(b"two") + END)
            self.assertEqual([each.size for each in heard.entries], [512, 0])

    def test_other_kinds_have_content(self) -> None:
        for kind in (b"7", b"D", b"Z", b"\0"):
            first = header(b"one", kind=kind, size=b"3") + stored(b"abc")
            self.assertEqual(parse(first + header(b"two")).contents, [b"abc", b""])


class NumberTests(SynchronousTestCase):
    def mtime(self, field: bytes) -> int:
        return single(header(mtime=field)).mtime

    def test_octal_ends_with_what_it_may(self) -> None:
        for field in (b"17", b"17 ", b" 17\0", b"00000000017\0", b"17 \0", b"17\0junk"):
            self.assertEqual(self.mtime(field), 15)

    def test_empty_is_nought(self) -> None:
        for field in (b"", b" ", b"\0 "):
            self.assertEqual(self.mtime(field), 0)

    def test_base_256(self) -> None:
        for value in (0, 1, -1, 1 << 40, -(1 << 40), (1 << 63) - 1, -(1 << 63)):
            bits = value & ((1 << 95) - 1)
            self.assertEqual(self.mtime((bits | 1 << 95).to_bytes(12, "big")), value)

    def test_base_256_in_a_short_field(self) -> None:
        self.assertEqual(
            single(header(uid=b"\x80\0\0\0\xff\xff\xff\xff")).uid, 0xFFFFFFFF
        )

    def test_refuses_what_is_no_number(self) -> None:
        for field in (b"8", b"-1", b"0x1", b"1_0", b"1 1", b"\xc2\xb2"[:1] * 12):
            self.assertRaises(TarInvalid, self.mtime, field)

    def test_refuses_numbers_that_are_too_large(self) -> None:
        for value in (1 << 63, -(1 << 63) - 1):
            bits = value & ((1 << 95) - 1)
            field = (bits | 1 << 95).to_bytes(12, "big")
            self.assertRaises(TarInvalid, self.mtime, field)

    def test_refuses_a_negative_size(self) -> None:
        self.assertRaises(TarInvalid, parse, header(size=b"\xff" * 12))
