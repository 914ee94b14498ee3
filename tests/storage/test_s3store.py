"""Tests of ``txregistry/storage/s3.py`` where the service falters or refuses."""

import hashlib
import re
from typing import Any

from twisted.internet.task import Clock

from tests.storage.playing import LOST, SILENT, PlayedCase, Reply
from txregistry.storage.credentials import S3Credentials
from txregistry.storage.interfaces import (
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.s3 import S3ObjectStore
from txregistry.storage.s3client import Keeping
from txregistry.storage.s3copying import Copying
from txregistry.streams import BytesReader
from txregistry.tasks import at_once

AREA, FINAL = Key("area"), Key("final")
ABSENT = Reply(404)
DONE = Reply(headers={"ETag": '"e"'})
BEGUN = Reply(
    body=b"<InitiateMultipartUploadResult><UploadId>u&#38;1</UploadId>"
    b"</InitiateMultipartUploadResult>"
)
COMPLETED = Reply(body=b"<CompleteMultipartUploadResult/>")
COPIED = Reply(body=b"<CopyObjectResult/>")
PART_COPIED = Reply(body=b"<CopyPartResult><ETag>&#34;c&#34;</ETag></CopyPartResult>")
GONE = Reply(404, b"<Error><Code>NoSuchUpload</Code></Error>")
NO_ROOM = Reply(507)


def error(code: str, status: int = 200) -> Reply:
    """Refuse something, maybe after headers that promised success."""
    return Reply(status, f"<Error><Code>{code}</Code></Error>".encode())


class StoreCase(PlayedCase):
    def open_store(self, *replies: Reply, **settings: Any) -> S3ObjectStore:
        """Keep objects with a server that answers so."""
        self.memory = PartMemory(64)
        rules: dict[str, Any] = {
            "memory": self.memory,
            "part_size": 4,
            "copying": Copying(threshold=4, chunk=4, at_once=1, least=4),
        }
        server = self.play(*replies)
        return S3ObjectStore(
            server,
            "http://host:9000",
            "moon-1",
            "bucket",
            S3Credentials("access", "secret", "token"),
            clock=Clock(),
            blocking=at_once,
            **(rules | settings),
        )

    def asked(self) -> list[tuple[str, str]]:
        """Give what was asked, without what differs each time."""
        return [
            (asked.method, re.sub(r"[0-9a-f]{32}", "*", asked.target))
            for asked in self.agent.asked
        ]

    def nothing_waits(self) -> None:
        """Expect that all was asked, and no memory is in use."""
        self.assertEqual((self.agent.left, self.memory.held), (0, 0))


class PuttingTests(StoreCase):
    def test_what_is_sent(self) -> None:
        keeping = Keeping(
            encrypt=True, kms_key="key", storage_class="COLD", acl="private"
        )
        store = self.open_store(DONE, keeping=keeping)
        self.assertTrue(self.result(store.put(Key("a b"), b"data")))
        asked = self.agent.asked[0]
        found = (asked.method, asked.target, asked.body)
        self.assertEqual(found, ("PUT", "/bucket/a%20b", b"data"))
        for name, text in (
            ("Content-Length", "4"),
            ("Content-Type", "application/octet-stream"),
            ("x-amz-acl", "private"),
            ("x-amz-content-sha256", hashlib.sha256(b"data").hexdigest()),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "key"),
            ("x-amz-storage-class", "COLD"),
            ("If-None-Match", ""),
        ):
            self.assertEqual(asked.header(name), text)
        self.assertIn("x-amz-server-side-encryption;", asked.header("Authorization"))

    def test_the_services_own_encryption(self) -> None:
        self.result(self.open_store(DONE, keeping=Keeping(encrypt=True)).put(AREA, b""))
        found = self.agent.asked[0].header("x-amz-server-side-encryption")
        self.assertEqual(found, "AES256")

    def test_a_fault_is_tried_again_with_the_same_bytes(self) -> None:
        store = self.open_store(Reply(503), LOST, SILENT, DONE)
        self.assertTrue(self.result(store.put(AREA, b"data")))
        self.assertEqual({asked.body for asked in self.agent.asked}, {b"data"})

    def test_faults_without_an_end(self) -> None:
        store = self.open_store(*[Reply(500)] * 4)
        said = self.fault(StorageUnavailable, store.put(AREA, b"data"))
        self.assertTrue(said.endswith("answered 500"))

    def test_a_request_that_waits_for_too_long_is_made_again(self) -> None:
        store = self.open_store(error("RequestTimeout", 400), DONE)
        self.assertTrue(self.result(store.put(AREA, b"data")))

    def test_no_room(self) -> None:
        for reply in (NO_ROOM, error("QuotaExceeded", 403)):
            self.fault(StorageFull, self.open_store(reply).put(AREA, b"data"))

    def test_if_absent_is_asked_of_the_service(self) -> None:
        store = self.open_store(DONE, Reply(412))
        self.assertTrue(self.result(store.put(AREA, b"x", if_absent=True)))
        self.assertFalse(self.result(store.put(AREA, b"x", if_absent=True)))
        for asked in self.agent.asked:
            self.assertEqual(asked.header("If-None-Match"), "*")

    def test_if_absent_where_two_write_at_the_same_time(self) -> None:
        conflict = error("ConditionalRequestConflict", 409)
        store = self.open_store(conflict, DONE)
        self.assertTrue(self.result(store.put(AREA, b"x", if_absent=True)))

    def test_if_absent_where_the_answer_was_lost(self) -> None:
        for there, won in (
            (Reply(echo="X-Amz-Meta-Written"), True),
            (Reply(headers={"X-Amz-Meta-Written": "theirs"}), False),
            (ABSENT, False),
        ):
            store = self.open_store(LOST, Reply(412), there)
            found = self.result(store.put(AREA, b"ours", if_absent=True))
            self.assertEqual(found, won)

    def test_if_absent_where_nobody_may_look_what_is_there(self) -> None:
        store = self.open_store(LOST, Reply(412), Reply(403))
        self.fault(StorageUnavailable, store.put(AREA, b"ours", if_absent=True))

    def test_if_absent_where_the_service_cannot_decide(self) -> None:
        store = self.open_store(Reply(501), ABSENT, DONE, Reply(length=1))
        self.assertTrue(self.result(store.put(AREA, b"x", if_absent=True)))
        self.assertFalse(self.result(store.put(AREA, b"y", if_absent=True)))
        found = [method for method, _ in self.asked()]
        self.assertEqual(found, ["PUT", "HEAD", "PUT", "HEAD"])

    def test_if_absent_where_nothing_is_known_is_a_fault(self) -> None:
        store = self.open_store(Reply(501), Reply(403))
        self.fault(StorageUnavailable, store.put(AREA, b"x", if_absent=True))


class AbsenceTests(StoreCase):
    """An object that is not there, in a bucket that was, and is no more."""

    def test_a_bucket_that_went_away_is_a_fault(self) -> None:
        for method in ("get", "open"):
            gone = error("NoSuchBucket", 404)
            store = self.open_store(Reply(body=b"x"), gone)
            self.result(store.get(AREA, 9))
            ask: Any = getattr(store, method)
            more = (9,) if method == "get" else (0, 9)
            said = self.fault(StorageUnavailable, ask(AREA, *more))
            self.assertTrue(said.endswith("is not there; look at bucket"))

    def test_an_object_that_is_absent_is_none(self) -> None:
        store = self.open_store(Reply(body=b"x"), error("NoSuchKey", 404))
        self.result(store.get(AREA, 9))
        self.fault(NotFound, store.get(AREA, 9))


class DeletingTests(StoreCase):
    def test_one(self) -> None:
        self.result(self.open_store(Reply(204)).delete([AREA]))
        self.assertEqual(self.asked(), [("DELETE", "/bucket/area")])

    def test_one_that_is_absent(self) -> None:
        self.result(self.open_store(error("NoSuchKey", 404)).delete([AREA]))

    def test_one_in_a_bucket_that_is_absent(self) -> None:
        store = self.open_store(error("NoSuchBucket", 404))
        said = self.fault(StorageUnavailable, store.delete([AREA]))
        self.assertTrue(said.endswith("look at bucket"))

    def test_many(self) -> None:
        result = Reply(body=b"<DeleteResult></DeleteResult>")
        store = self.open_store(result, root="r")
        self.result(store.delete([Key("a&b"), Key("c")]))
        asked = self.agent.asked[0]
        self.assertEqual(asked.target, "/bucket/?delete")
        self.assertIn(b"<Key>r/a&amp;b</Key></Object><Object><Key>r/c</", asked.body)
        self.assertEqual(len(asked.header("Content-MD5")), 24)

    def test_more_than_one_request_takes(self) -> None:
        result = Reply(body=b"<DeleteResult/>")
        store = self.open_store(result, result, Reply(204))
        self.result(store.delete(Key(f"k{number}") for number in range(2001)))
        self.assertEqual(self.agent.asked[2].target, "/bucket/k2000")

    def test_many_that_are_not_all_deleted(self) -> None:
        body = b"<DeleteResult><Error><Code>AccessDenied</Code></Error></DeleteResult>"
        store = self.open_store(Reply(body=body))
        said = self.fault(StorageUnavailable, store.delete([AREA, FINAL]))
        self.assertIn("did not delete 1 of 2 objects (AccessDenied)", said)

    def test_many_of_which_nothing_is_said(self) -> None:
        for body in (b"", b"<html/>", b"<Error/>"):
            store = self.open_store(Reply(body=body))
            self.fault(StorageUnavailable, store.delete([AREA, FINAL]))

    def test_many_where_the_service_takes_one(self) -> None:
        store = self.open_store(Reply(501), *[Reply(204)] * 4)
        self.result(store.delete([AREA, FINAL]))
        self.result(store.delete([FINAL, AREA]))
        found = [target for method, target in self.asked() if method == "DELETE"]
        area, final = f"/bucket/{AREA}", f"/bucket/{FINAL}"
        self.assertEqual(found, [area, final, final, area])

    def test_a_refusal_is_not_taken_for_that(self) -> None:
        store = self.open_store(error("AccessDenied", 403))
        self.fault(StorageUnavailable, store.delete([AREA, FINAL]))


class UploadingTests(StoreCase):
    """What goes straight to its key, six bytes in two parts."""

    def upload(self, *replies: Reply, data: bytes = b"012345") -> Any:
        """Append, commit and discard."""
        store = self.open_store(*replies)
        area = store.stage(AREA, FINAL)

        async def work() -> None:
            try:
                await area.append(BytesReader(data), lambda _: None, len(data))
                await area.commit(FINAL)
            finally:
                await area.discard()

        return work()

    def test_what_is_asked(self) -> None:
        self.result(self.upload(BEGUN, DONE, DONE, COMPLETED))
        self.assertEqual(
            self.asked(),
            [
                ("POST", "/bucket/final?uploads"),
                ("PUT", "/bucket/final?partNumber=1&uploadId=u%261"),
                ("PUT", "/bucket/final?partNumber=2&uploadId=u%261"),
                ("POST", "/bucket/final?uploadId=u%261"),
            ],
        )
        found = [asked.body for asked in self.agent.asked]
        self.assertEqual(found[:3], [b"", b"0123", b"45"])
        self.assertIn(
            b'<Part><PartNumber>1</PartNumber><ETag>"e"</ETag></Part>'
            b'<Part><PartNumber>2</PartNumber><ETag>"e"</ETag></Part>',
            found[3],
        )
        self.nothing_waits()

    def test_what_is_short_is_one_request(self) -> None:
        self.result(self.upload(DONE, data=b"012"))
        self.assertEqual(self.asked(), [("PUT", "/bucket/final")])
        self.nothing_waits()

    def test_parts_are_sent_again(self) -> None:
        self.result(self.upload(BEGUN, LOST, DONE, Reply(503), DONE, COMPLETED))
        found = [asked.body for asked in self.agent.asked]
        self.assertEqual(found[1:5], [b"0123", b"0123", b"45", b"45"])
        self.nothing_waits()

    def test_a_part_that_does_not_arrive_is_the_end(self) -> None:
        work = self.upload(BEGUN, *[Reply(500)] * 4, Reply(204))
        self.fault(StorageUnavailable, work)
        self.assertEqual(self.asked()[-1], ("DELETE", "/bucket/final?uploadId=u%261"))
        self.nothing_waits()

    def test_an_upload_that_does_not_begin(self) -> None:
        for reply in (Reply(), Reply(body=b"<html/>"), Reply(403)):
            self.fault(StorageUnavailable, self.upload(reply))
            self.nothing_waits()

    def test_an_upload_that_cannot_be_aborted_is_left_to_sweeping(self) -> None:
        self.fault(
            StorageUnavailable,
            self.upload(BEGUN, Reply(403), DONE, *[Reply(500)] * 4),
        )
        self.assertEqual(self.memory.held, 0)

    def test_a_completion_that_is_lost_and_was_none(self) -> None:
        self.result(self.upload(BEGUN, DONE, DONE, LOST, COMPLETED))
        self.nothing_waits()

    def test_a_completion_that_is_lost(self) -> None:
        there = Reply(length=6)
        self.result(self.upload(BEGUN, DONE, DONE, LOST, GONE, there))
        self.assertEqual(self.asked()[-1], ("HEAD", "/bucket/final"))
        self.nothing_waits()

    def test_an_upload_that_was_swept_is_not_taken_for_complete(self) -> None:
        for there in (ABSENT, Reply(length=5)):
            work = self.upload(BEGUN, DONE, DONE, GONE, there, GONE)
            self.fault(StorageUnavailable, work)
            self.nothing_waits()

    def test_success_that_turns_out_a_fault_is_tried_again(self) -> None:
        for turned in (error("InternalError"), error("SlowDown"), Reply(body=b" ")):
            self.result(self.upload(BEGUN, DONE, DONE, turned, COMPLETED))
            self.nothing_waits()

    def test_success_that_turns_out_a_refusal(self) -> None:
        work = self.upload(BEGUN, DONE, DONE, error("EntityTooSmall"), Reply(204))
        self.assertIn("EntityTooSmall", self.fault(StorageUnavailable, work))
        self.nothing_waits()


class SweepingTests(StoreCase):
    def uploads(self, name: str, after: str = "") -> Reply:
        """Answer with a list of one upload."""
        more = (
            f"<IsTruncated>true</IsTruncated><NextKeyMarker>{after}</NextKeyMarker>"
            "<NextUploadIdMarker>u</NextUploadIdMarker>"
        )
        return Reply(
            body=(
                f"<ListMultipartUploadsResult><Upload><Key>{name}</Key>"
                "<UploadId>u</UploadId><Initiated>1969-12-31T23:59:59Z</Initiated>"
                f"</Upload>{more if after else ''}</ListMultipartUploadsResult>"
            ).encode()
        )

    def test_all_pages_are_looked_at(self) -> None:
        none = Reply(body=b"<ListMultipartUploadsResult/>")
        store = self.open_store(
            *(self.uploads("a", "b c"), self.uploads("d e"), none),
            *(Reply(204), GONE),
        )
        self.assertEqual(self.result(store.sweep(1.0)), 2)
        found = [asked.target for asked in self.agent.asked]
        prefix = "prefix=docker%2Fregistry%2Fv2%2F"
        self.assertEqual(found[0], f"/bucket/?uploads=&encoding-type=url&{prefix}")
        self.assertIn(f"{prefix}&key-marker=b%20c&upload-id-marker=u", found[1])
        self.assertIn("txregistry", found[2])
        self.assertEqual(
            found[3:], ["/bucket/a?uploadId=u", "/bucket/d%20e?uploadId=u"]
        )

    def test_a_list_that_does_not_go_on_ends(self) -> None:
        none = Reply(body=b"<ListMultipartUploadsResult/>")
        store = self.open_store(self.uploads("a", "b"), self.uploads("a", "b"), none)
        self.assertEqual(self.result(store.sweep(1.0, dry_run=True)), 2)

    def test_what_is_no_list_is_a_fault(self) -> None:
        for reply in (Reply(403), Reply(body=b"<html/>"), Reply(body=b" " * (9 << 20))):
            self.fault(StorageUnavailable, self.open_store(reply).sweep(1.0))


class CheckingTests(StoreCase):
    LISTED = Reply(
        body=b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    )

    def test_it_can_be_listed_written_read_and_deleted(self) -> None:
        store = self.open_store(self.LISTED, DONE, Reply(body=b"probe"), Reply(204))
        self.result(store.check())
        found = [method for method, _ in self.asked()]
        self.assertEqual(found, ["GET", "PUT", "GET", "DELETE"])

    def test_what_cannot_be_done_is_a_fault(self) -> None:
        refused = error("AccessDenied", 403)
        good = [self.LISTED, DONE, Reply(body=b"probe"), Reply(204)]
        for place in range(4):
            store = self.open_store(*good[:place], refused)
            said = self.fault(StorageUnavailable, store.check())
            self.assertIn("AccessDenied", said)

    def test_other_bytes_are_a_fault(self) -> None:
        store = self.open_store(self.LISTED, DONE, Reply(body=b"other"))
        self.assertIn("other bytes", self.fault(StorageUnavailable, store.check()))
