"""Tests of where archives end, and of what a parser says besides its entries."""

from twisted.trial.unittest import SynchronousTestCase

from tests.model.test_tarballs import (
    END,
    GNU,
    MANY,
    Heard,
    extended,
    header,
    parse,
    record,
    stored,
)
from txregistry.model.paxrecords import RecordsInvalid, read_records, read_time
from txregistry.model.tarballs import TarInvalid, TarParser


class EndTests(SynchronousTestCase):
    def test_says_how_much_belongs_to_the_archive(self) -> None:
        archive = header(size=b"3") + stored(b"abc") + END
        for more in (b"", b"more", bytes(1000)):
            parser = TarParser(Heard(), MANY)
            self.assertEqual(parser.feed(archive + more), len(archive))
            self.assertTrue(parser.is_ended)
            self.assertEqual(parser.feed(b"more"), 0)

    def test_takes_views(self) -> None:
        parser = TarParser(Heard(), MANY)
        archive = memoryview(header() + END)
        for start in range(0, len(archive), 100):
            self.assertFalse(parser.is_ended)
            bite = archive[start : start + 100]
            self.assertEqual(parser.feed(bite), len(bite))
        self.assertTrue(parser.is_ended)

    def test_entries_without_zeros_are_no_end(self) -> None:
        for end in (b"", bytes(512), bytes(1023)):
            parser = TarParser(Heard(), MANY)
            parser.feed(header() + end)
            self.assertFalse(parser.is_ended)


class MoreTests(SynchronousTestCase):
    def test_sparse_files_are_called_so(self) -> None:
        old = header(kind=b"S", size=b"0", magic=GNU)
        for sparse in (
            old,
            *(
                extended(b"x", record(key, b"9")) + header(size=b"0")
                for key in (
                    b"GNU.sparse.name",
                    b"GNU.sparse.size",
                    b"GNU.sparse.realsize",
                )
            ),
        ):
            heard = parse(sparse + header(b"two") + END)
            self.assertEqual([each.is_sparse for each in heard.entries], [True, False])

    def test_extended_headers_may_be_short_only(self) -> None:
        body = record(b"path", b"n" * 100)
        archive = extended(b"x", body) + header() + END
        for limit, fits in ((len(body), True), (len(body) - 1, False)):
            parser = TarParser(Heard(), MANY, limit)
            if fits:
                parser.feed(archive)
            else:
                self.assertRaises(TarInvalid, parser.feed, archive)


class RecordsTests(SynchronousTestCase):
    def test_gives_what_is_of_use(self) -> None:
        body = record(b"path", b"a") + record(b"comment", b"b") + record(b"size", b"1")
        self.assertEqual(list(read_records(body)), [(b"path", b"a"), (b"size", b"1")])

    def test_refuses_what_are_none(self) -> None:
        for body in (b"x", b"8 path=a\n", b"9 path=ab", b"6 path\n", b"5 =a\n"):
            with self.assertRaises(RecordsInvalid):
                list(read_records(body))

    def test_times_are_rounded_down(self) -> None:
        for text, seconds in ((b"1.9", 1), (b"-1.5", -2), (b"-1.0", -1), (b"-1", -1)):
            self.assertEqual(read_time(text), seconds)
        self.assertRaises(RecordsInvalid, read_time, b"now")
