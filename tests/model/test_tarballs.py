"""Tests of ``txregistry/model/tarballs.py``."""

import io
import tarfile
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.tarballs import (
    MAX_EXTENDED,
    TarEntry,
    TarInvalid,
    TarParser,
    TooManyEntries,
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


class PaxTests(SynchronousTestCase):
    def test_takes_the_place_of_the_header(self) -> None:
        records = {
            b"path": b"long/n\xc3\xa4me",
            b"linkpath": b"target",
            b"uname": b"bob",
            b"gname": b"staff",
            b"uid": b"3000000",
            b"gid": b"4000000",
            b"mtime": b"1420070400.75",
            b"SCHILY.xattr.user.x": b"a=b\n\0",
        }
        body = b"".join(record(key, value) for key, value in records.items())
        entry = single(extended(b"x", body) + header(kind=b"2"))
        self.assertEqual(
            (
                entry.name,
                entry.linkname,
                entry.uname,
                entry.gname,
                entry.uid,
                entry.gid,
            ),
            ("long/näme", "target", "bob", "staff", 3000000, 4000000),
        )
        self.assertEqual(entry.mtime, 1420070400)

    def test_its_size_counts(self) -> None:
        archive = pax(b"size", b"3") + header(b"one") + stored(b"abc") + header(b"two")
        heard = parse(archive)
        self.assertEqual(heard.contents, [b"abc", b""])
        self.assertEqual(heard.entries[0].size, 3)

    def test_times_are_rounded_down(self) -> None:
        for text, seconds in (
            (b"0", 0),
            (b"1.", 1),
            (b"1.999999999", 1),
            (b"-1", -1),
            (b"-1.0", -1),
            (b"-1.5", -2),
            (b"-0.000000001", -1),
            (b"-0.0000000001", 0),
        ):
            entry = single(pax(b"mtime", text) + header())
            self.assertEqual(entry.mtime, seconds, text)

    def test_is_for_one_entry(self) -> None:
        archive = pax(b"uname", b"bob") + header(b"one") + header(b"two")
        self.assertEqual([each.uname for each in parse(archive).entries], ["bob", ""])

    def test_a_global_header_is_for_all(self) -> None:
        archive = pax(b"uname", b"bob", b"g") + header(b"one") + header(b"two")
        self.assertEqual(
            [each.uname for each in parse(archive).entries], ["bob", "bob"]
        )

    def test_an_entrys_own_header_goes_before_the_global_one(self) -> None:
        archive = pax(b"uname", b"bob", b"g") + pax(b"uname", b"eve") + header()
        self.assertEqual(single(archive).uname, "eve")

    def test_an_empty_value_leaves_the_headers(self) -> None:
        archive = pax(b"path", b"all", b"g") + pax(b"path", b"") + header(b"own")
        self.assertEqual(single(archive).name, "own")

    def test_an_empty_header_says_nothing(self) -> None:
        self.assertEqual(single(extended(b"x", b"") + header(b"own")).name, "own")

    def test_refuses_what_is_no_record(self) -> None:
        for body in (
            b"path=a\n",
            b"9 path=a",
            b"9 path=a\n\0",
            b"8 path=a\n",
            b"11 path=a\n",
            b"2 \n",
            b"5 =a\n",
            b"7 path\n",
            b"0 path=a\n",
            b"-9 path=a\n",
            b"99999999999999999999 path=a\n",
        ):
            with self.assertRaises(TarInvalid):
                parse(extended(b"x", body) + header())

    def test_refuses_values_of_another_kind(self) -> None:
        for key, value in (
            (b"path", b"a\0b"),
            (b"linkpath", b"\0"),
            (b"uid", b"1.5"),
            (b"uid", b"9223372036854775808"),
            (b"gid", b"bob"),
            (b"size", b"-1"),
            (b"size", b"\xd9\xa3"),
            (b"mtime", b"now"),
            (b"mtime", b"1e9"),
            (b"mtime", b".5"),
            (b"mtime", b"9999999999999999999"),
            (b"GNU.sparse.realsize", b"-1"),
        ):
            with self.assertRaises(TarInvalid):
                parse(pax(key, value) + header())


class SparseTests(SynchronousTestCase):
    def old(self, *extensions: bytes) -> bytes:
        """Write an old sparse file of 3 bytes and 1 MiB."""
        rest = bytearray(512 - 265)
        rest[482 - 265] = bool(extensions)
        rest[483 - 265 : 495 - 265] = b"%011o\0" % (1 << 20)
        first = header(b"one", kind=b"S", size=b"3", magic=GNU, rest=bytes(rest))
        return first + b"".join(extensions) + stored(b"abc") + header(b"two") + END

    def test_old_files_have_their_real_size(self) -> None:
        heard = parse(self.old())
        self.assertEqual([each.size for each in heard.entries], [1 << 20, 0])
        self.assertEqual(heard.contents, [b"abc", b""])

    def test_maps_go_on_in_more_blocks(self) -> None:
        archive = self.old(bytes(504) + b"\x01" + bytes(7), bytes(512))
        for pieces in ((archive,), cut(archive, range(0, 4096, 7))):
            heard = parse(*pieces)
            self.assertEqual([each.size for each in heard.entries], [1 << 20, 0])
            self.assertEqual(heard.contents, [b"abc", b""])

    def test_refuses_a_map_that_is_cut_off(self) -> None:
        archive = self.old(bytes(504) + b"\x01" + bytes(7))
        self.assertRaises(TarInvalid, parse, archive[:1024])

    def test_refuses_old_ones_in_other_formats(self) -> None:
        self.assertRaises(TarInvalid, parse, header(kind=b"S"))

    def test_those_of_pax_have_their_own_name_and_size(self) -> None:
        for key in (b"GNU.sparse.size", b"GNU.sparse.realsize"):
            body = record(b"GNU.sparse.name", b"disk") + record(key, b"1048576")
            first = header(b"GNUSparseFile.0/disk", size=b"3") + stored(b"abc")
            heard = parse(extended(b"x", body) + first + header(b"two"))
            self.assertEqual(
                [(each.name, each.size) for each in heard.entries],
                [("disk", 1 << 20), ("two", 0)],
            )
            self.assertEqual(heard.contents, [b"abc", b""])


class EndTests(SynchronousTestCase):
    def test_nothing_is_an_empty_archive(self) -> None:
        self.assertEqual(parse().entries, [])

    def test_zeros_are_an_empty_archive(self) -> None:
        for size in (512, 1000, 1024, 10240):
            self.assertEqual(parse(bytes(size)).entries, [])

    def test_the_zeros_may_be_missing(self) -> None:
        for end in (b"", bytes(512), bytes(700), END, END + bytes(9000)):
            self.assertEqual(len(parse(header() + end).entries), 1)

    def test_what_follows_the_end_is_ignored(self) -> None:
        self.assertEqual(len(parse(header() + END + b"anything").entries), 1)

    def test_the_last_padding_may_be_missing(self) -> None:
        self.assertEqual(parse(header(size=b"3") + b"abc").contents, [b"abc"])

    def test_refuses_one_block_of_zeros_between(self) -> None:
        self.assertRaises(TarInvalid, parse, header() + bytes(512) + header())

    def test_refuses_a_header_that_is_cut_off(self) -> None:
        for size in (1, 511):
            self.assertRaises(TarInvalid, parse, header()[:size])

    def test_refuses_content_that_is_cut_off(self) -> None:
        for content in (b"", b"ab"):
            self.assertRaises(TarInvalid, parse, header(size=b"3") + content)

    def test_refuses_a_long_name_that_is_cut_off(self) -> None:
        self.assertRaises(TarInvalid, parse, extended(b"L", b"name")[:-1])


class CheckTests(SynchronousTestCase):
    def test_refuses_a_wrong_checksum(self) -> None:
        damaged = bytearray(header())
        damaged[0] ^= 1
        self.assertRaises(TarInvalid, parse, bytes(damaged))

    def test_takes_a_checksum_of_signed_bytes(self) -> None:
        name = b"caf\xe9"
        unsigned = int(header(name)[148:154], 8)
        signed = b"%06o\0 " % (unsigned - 256)
        self.assertEqual(len(parse(header(name, checksum=signed)).entries), 1)

    def test_refuses_what_is_no_archive(self) -> None:
        self.assertRaises(TarInvalid, parse, b"no archive" * 100)

    @given(content=st.binary(max_size=2000), places=CUTS)
    @example(content=b"\0" * 511 + b"\1", places=[])
    def test_anything_is_parsed_or_refused(
        self, content: bytes, places: list[int]
    ) -> None:
        try:
            parse(*cut(content, places))
        except TarInvalid:
            return

    @given(
        fields=st.tuples(
            st.binary(max_size=8), st.binary(max_size=12), st.binary(max_size=235)
        ),
        kind=st.sampled_from(b"\x0001235LKxgSD"),
        magic=st.sampled_from((POSIX, GNU, bytes(8))),
        body=st.binary(max_size=1500),
    )
    def test_any_header_is_parsed_or_refused(
        self, fields: tuple[bytes, bytes, bytes], kind: int, magic: bytes, body: bytes
    ) -> None:
        uid, size, rest = fields
        kinds = bytes((kind,))
        first = header(kind=kinds, uid=uid, size=size, magic=magic, rest=rest)
        try:
            parse(first + body)
        except TarInvalid:
            return


class BoundsTests(SynchronousTestCase):
    def test_takes_as_many_entries_as_it_may(self) -> None:
        self.assertEqual(len(parse(header() * 3, max_entries=3).entries), 3)

    def test_refuses_more(self) -> None:
        with self.assertRaises(TooManyEntries):
            parse(header() * 4, max_entries=3)

    def test_takes_a_name_of_the_largest_size(self) -> None:
        archive = extended(b"L", b"n" * MAX_EXTENDED) + header()
        self.assertEqual(len(single(archive).name), MAX_EXTENDED)

    def test_refuses_larger_ones_at_once(self) -> None:
        for kind in (b"L", b"K", b"x", b"g"):
            parser = TarParser(Heard(), MANY)
            with self.assertRaises(TarInvalid):
                parser.feed(header(kind=kind, size=b"%o" % (MAX_EXTENDED + 1)))

    def test_refuses_extended_headers_without_end(self) -> None:
        parser = TarParser(Heard(), 1)
        archive = extended(b"x", b"") * 100
        with self.assertRaises(TarInvalid):
            for _ in range(30):
                parser.feed(archive)

    def test_hands_content_on_as_it_comes(self) -> None:
        heard = Heard()
        parser = TarParser(heard, MANY)
        parser.feed(header(size=b"77777777777"))
        for _ in range(3):
            parser.feed(bytes(1000))
        self.assertEqual(heard.contents, [bytes(3000)])
        self.assertRaises(TarInvalid, parser.finish)
