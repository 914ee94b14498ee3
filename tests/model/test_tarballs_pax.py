"""Tests of archives with PAX headers."""

from twisted.trial.unittest import SynchronousTestCase

from tests.model.test_tarballs import (
    extended,
    header,
    parse,
    pax,
    record,
    single,
    stored,
)
from txregistry.model.tarballs import (
    TarInvalid,
)


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
