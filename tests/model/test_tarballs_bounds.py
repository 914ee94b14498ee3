"""Tests of archives that are sparse, broken, or too much."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.model.test_tarballs import (
    CUTS,
    END,
    GNU,
    MANY,
    POSIX,
    Heard,
    cut,
    extended,
    header,
    parse,
    record,
    single,
    stored,
)
from txregistry.model.tarballs import (
    MAX_EXTENDED,
    TarInvalid,
    TarParser,
    TooManyEntries,
)


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
