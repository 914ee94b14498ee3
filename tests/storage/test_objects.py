"""Tests of ``txregistry/storage/objects.py``, by way of S3."""

from collections.abc import Mapping

from tests.storage.playing import REFUSED, SILENT, PlayedCase, Reply
from txregistry.storage.credentials import S3Credentials
from txregistry.storage.interfaces import (
    Key,
    NotFound,
    StorageUnavailable,
    TooLarge,
)
from txregistry.storage.s3source import S3ObjectSource
from txregistry.streams import IReader, read_all

KEY = Key("images/one/layer")
DATA = b"0123456789"
ABSENT = Reply(404)


def partial(span: str, body: bytes = DATA[2:6], length: int | None = -1) -> Reply:
    """Answer with part of an object."""
    return Reply(206, body, {"Content-Range": f"bytes {span}"}, length=length)


class ObjectsCase(PlayedCase):
    def open_source(self, *replies: Reply, root: str = "") -> S3ObjectSource:
        """Read from a server that answers so."""
        credentials = S3Credentials("access", "secret", "token")
        server = self.play(*replies)
        return S3ObjectSource(
            server, "http://host:9000", "moon-1", "bucket", credentials, root
        )

    def read(self, *replies: Reply) -> bytes:
        """Read bytes 2 to 5."""
        reader: IReader = self.result(self.open_source(*replies).open(KEY, 2, 6))
        data = self.result(read_all(reader, 99))
        assert data is not None
        return data

    def breaks(self, *replies: Reply) -> str:
        """Expect that bytes 2 to 5 cannot be read to their end."""
        source = self.open_source(*replies)

        async def read() -> None:
            await read_all(await source.open(KEY, 2, 6), 99)

        return self.fault(StorageUnavailable, read())


class ReadingTests(ObjectsCase):
    def test_a_range(self) -> None:
        self.assertEqual(self.read(partial("2-5/10")), DATA[2:6])
        self.assertEqual(self.agent.asked[0].header("Range"), "bytes=2-5")

    def test_a_range_of_an_object_whose_size_is_not_told(self) -> None:
        self.assertEqual(self.read(partial("2-5/*")), DATA[2:6])

    def test_a_range_that_comes_in_chunks(self) -> None:
        self.assertEqual(self.read(partial("2-5/10", length=None)), DATA[2:6])

    def test_a_range_that_ends_with_the_object(self) -> None:
        self.assertEqual(self.read(partial("2-3/4", DATA[2:4])), DATA[2:4])

    def test_a_range_beyond_the_object(self) -> None:
        self.assertEqual(self.read(Reply(416, b"no such range")), b"")

    def test_other_ranges_are_faults(self) -> None:
        for reply in (
            partial("1-4/10"),
            partial("3-6/10"),
            partial("2-4/10", DATA[2:5]),
            partial("2-6/10", DATA[2:7]),
            partial("2-4/*", DATA[2:5]),
            partial("2-5/10", DATA[2:5]),
            partial("5-2/10"),
            partial("2-5"),
            partial("\u0662-5/10"),
            Reply(206, DATA[2:6]),
            Reply(200, DATA),
            Reply(200, DATA, length=None),
            Reply(204),
        ):
            self.assertIn("bucket", self.breaks(reply), reply)
            self.assertEqual(self.agent.left, 0)

    def test_the_whole_is_as_good_as_a_range_that_has_it(self) -> None:
        source = self.open_source(Reply(200, DATA))
        reader: IReader = self.result(source.open(KEY, 0, 99))
        self.assertEqual(self.result(read_all(reader, 99)), DATA)

    def test_more_than_was_asked_for_is_a_fault(self) -> None:
        source = self.open_source(Reply(200, DATA))
        self.fault(StorageUnavailable, source.open(KEY, 0, 9))

    def test_chunks_that_end_too_early_are_a_fault(self) -> None:
        self.breaks(partial("2-5/10", DATA[2:5], length=None))

    def test_a_range_that_breaks_off_before_it_begins_is_asked_for_again(self) -> None:
        cut = Reply(206, b"", {"Content-Range": "bytes 2-5/10"}, "cut", 4)
        silent = Reply(206, b"", {"Content-Range": "bytes 2-5/10"}, "silence", 4)
        self.assertEqual(self.read(cut, silent, partial("2-5/10")), DATA[2:6])

    def test_a_range_that_breaks_off_later_is_a_fault(self) -> None:
        for after in ("cut", "silence"):
            short = Reply(206, b"23", {"Content-Range": "bytes 2-5/10"}, after, 4)
            self.breaks(short, partial("2-5/10"))
            self.assertEqual(self.agent.left, 1)

    def test_what_breaks_off_is_got_again(self) -> None:
        cut = Reply(body=b"012", after="cut", length=10)
        source = self.open_source(cut, Reply(500), REFUSED, Reply(body=DATA))
        self.assertEqual(self.result(source.get(KEY, 99)), DATA)

    def test_what_is_too_large_is_not_read(self) -> None:
        large = Reply(body=b"x", after="silence", length=1 << 40)
        self.fault(TooLarge, self.open_source(large).get(KEY, 9))

    def test_what_proves_too_large_is_not_read_on(self) -> None:
        large = Reply(body=DATA, after="silence", length=None)
        self.fault(TooLarge, self.open_source(large).get(KEY, 9))

    def test_part_of_an_object_is_not_taken_for_the_whole(self) -> None:
        source = self.open_source(partial("0-9/99", DATA))
        self.fault(StorageUnavailable, source.get(KEY, 99))

    def test_faults_are_never_absence(self) -> None:
        for reply in (Reply(403), Reply(401), Reply(400), Reply(301), Reply(410)):
            self.fault(StorageUnavailable, self.open_source(reply).stat(KEY))
            self.fault(StorageUnavailable, self.open_source(reply).get(KEY, 9))
            self.assertIn(str(reply.status), self.breaks(reply))
        for reply in (Reply(500), Reply(503), REFUSED, SILENT):
            self.breaks(*[reply] * 4)


class StatTests(ObjectsCase):
    def stat(self, headers: Mapping[str, str]) -> tuple[float, tuple[int, ...]]:
        """Give what is made of header fields."""
        source = self.open_source(Reply(headers=headers, length=7))
        found = self.result(source.stat(KEY))
        self.assertEqual(found.size, 7)
        return found.modified, found.identity

    def test_time_of_change(self) -> None:
        for headers, modified in (
            ({"Last-Modified": "Thu, 01 Jan 1970 00:00:42 GMT"}, 42.0),
            ({"X-Timestamp": "42.50000"}, 42.5),
            ({"Last-Modified": "yesterday"}, 0.0),
            ({"X-Timestamp": "nan"}, 0.0),
            ({}, 0.0),
        ):
            self.assertEqual(self.stat(headers)[0], modified)

    def test_identity_is_of_all_that_tells_versions_apart(self) -> None:
        fields = {
            "ETag": "a",
            "X-Timestamp": "1.0",
            "Last-Modified": "Thu, 01 Jan 1970 00:00:42 GMT",
            "X-Amz-Version-Id": "b",
        }
        whole = self.stat(fields)[1]
        self.assertEqual(self.stat(fields)[1], whole)
        for name in fields:
            self.assertNotEqual(self.stat({**fields, name: "2"})[1], whole)


class AbsenceTests(ObjectsCase):
    """A container that is not there is a mistake, not an empty store."""

    def test_an_object_in_a_container_that_is_there(self) -> None:
        source = self.open_source(ABSENT, Reply(), ABSENT)
        self.fault(NotFound, source.get(KEY, 9))
        self.fault(NotFound, source.get(KEY, 9))
        found = [(asked.method, asked.target) for asked in self.agent.asked]
        get = "GET", f"/bucket/{KEY}"
        self.assertEqual(found, [get, ("HEAD", "/bucket/"), get])

    def test_an_object_in_a_container_that_is_not_ours_to_look_at(self) -> None:
        self.fault(NotFound, self.open_source(ABSENT, Reply(403)).stat(KEY))

    def test_an_object_in_a_container_that_is_not_there(self) -> None:
        source = self.open_source(ABSENT, ABSENT)
        said = self.fault(StorageUnavailable, source.get(KEY, 9))
        self.assertEqual(
            said,
            "The S3 bucket bucket at http://host:9000 is not there; look at bucket",
        )

    def test_a_container_that_gave_an_object_is_there(self) -> None:
        source = self.open_source(Reply(body=DATA), ABSENT)
        self.result(source.get(KEY, 99))
        self.fault(NotFound, source.get(KEY, 9))

    def test_keys_that_lead_elsewhere_are_not_asked_for(self) -> None:
        source = self.open_source(root="root")
        for key in ("", "/", "a/", "/a", "a//b", "..", "a/../b", "./a", "a/\udc80"):
            self.fault(NotFound, source.stat(Key(key)))

    def test_the_root_is_before_each_key(self) -> None:
        for root, path in (("", ""), ("/", ""), ("a", "a/"), ("/a/b/", "a/b/")):
            source = self.open_source(Reply(body=DATA), root=root)
            self.result(source.get(Key("k"), 99))
            self.assertEqual(self.agent.asked[0].target, f"/bucket/{path}k")
