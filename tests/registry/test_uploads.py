"""Tests of ``txregistry/registry/uploads.py``."""

from twisted.internet.defer import Deferred

from tests.contracts.storecase import BrokenOff, BrokenReader
from tests.registry.case import NAME, OTHER, RegistryTestCase, chunk
from txregistry.model.digest import Digest, Hashing
from txregistry.model.errors import (
    BlobUnknown,
    DigestInvalid,
    SizeInvalid,
    UploadInvalid,
    UploadOutOfOrder,
    UploadUnknown,
)
from txregistry.registry.integrity import Integrity
from txregistry.registry.uploads import Chunk
from txregistry.storage import keys
from txregistry.streams import BytesReader, IReader

DATA = b"some bytes"
DIGEST = Digest.of(DATA)
NOTHING = chunk(b"")


class SlowReader(BytesReader):
    """Give bytes when one is told to."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ready: Deferred[None] = Deferred()

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        await self.ready
        return await super().read(limit)


class UploadsTestCase(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.uploads = self.registry.uploads
        self.session = self.result(self.uploads.begin(NAME))

    def restart(self) -> None:
        """Let another process go on with the same store."""
        self.registry = self.make_registry()
        self.uploads = self.registry.uploads

    def let_nothing_be_read(self) -> None:
        """Fail as soon as somebody reads bytes of an upload to hash them."""

        async def hash_(*_: object) -> Hashing:
            raise AssertionError("the bytes were read")

        self.patch(Integrity, "hash", hash_)

    def append(self, data: bytes, start: int | None = None) -> int:
        work = self.uploads.append(NAME, self.session, chunk(data, start))
        return self.result(work)

    def close(self, digest: Digest = DIGEST, data: bytes = b"") -> None:
        work = self.uploads.finish(NAME, self.session, digest, chunk(data))
        self.result(work)

    def offset(self) -> int:
        return self.result(self.uploads.offset(NAME, self.session))

    def check_gone(self) -> None:
        self.fails(UploadUnknown, self.uploads.offset(NAME, self.session))
        self.assertEqual(self.keys(keys.uploads(NAME)), ())


class SessionTests(UploadsTestCase):
    def test_begins_empty(self) -> None:
        self.assertEqual(self.offset(), 0)

    def test_time_of_the_start_is_as_distribution_writes_it(self) -> None:
        found = self.get(keys.upload_started(NAME, self.session))
        self.assertEqual(found, b"2023-11-14T22:13:20Z")

    def test_append_tells_the_offset(self) -> None:
        self.assertEqual(self.append(DATA), len(DATA))

    def test_offset_is_told_again(self) -> None:
        self.append(DATA)
        self.assertEqual(self.offset(), len(DATA))

    def test_chunks_become_a_blob(self) -> None:
        self.append(DATA[:3])
        self.append(DATA[3:7])
        self.close(data=DATA[7:])
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_one_chunk_becomes_a_blob(self) -> None:
        self.close(data=DATA)
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_nothing_becomes_a_blob(self) -> None:
        self.close(Digest.of(b""))
        self.assertEqual(self.pull_blob(Digest.of(b"")), b"")

    def test_nothing_stays_of_the_session(self) -> None:
        self.close(data=DATA)
        self.check_gone()

    def test_link_is_the_digest_without_a_newline(self) -> None:
        self.close(data=DATA)
        link = self.get(keys.layer_link(NAME, DIGEST))
        self.assertEqual((link, len(link)), (str(DIGEST).encode(), 71))

    def test_blob_that_is_there_is_taken_again(self) -> None:
        self.push_blob(DATA)
        self.close(data=DATA)
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_other_repositories_do_not_have_the_blob(self) -> None:
        self.close(data=DATA)
        self.fails(BlobUnknown, self.registry.blobs.find(OTHER, DIGEST))

    def test_session_is_of_its_repository_alone(self) -> None:
        self.fails(UploadUnknown, self.uploads.offset(OTHER, self.session))

    def test_id_that_is_none_is_unknown(self) -> None:
        self.fails(UploadUnknown, self.uploads.offset(NAME, "../../x"))

    def test_cancel_forgets_it(self) -> None:
        self.append(DATA)
        self.result(self.uploads.cancel(NAME, self.session))
        self.check_gone()

    def test_cancelled_session_is_unknown(self) -> None:
        self.result(self.uploads.cancel(NAME, self.session))
        self.fails(UploadUnknown, self.uploads.cancel(NAME, self.session))


class OrderTests(UploadsTestCase):
    def test_chunk_in_order_is_taken(self) -> None:
        self.append(DATA[:4], 0)
        self.assertEqual(self.append(DATA[4:], 4), len(DATA))

    def test_chunk_out_of_order_tells_where_to_go_on(self) -> None:
        self.append(DATA[:4], 0)
        work = self.uploads.append(NAME, self.session, chunk(DATA, 7))
        self.assertEqual(self.fails(UploadOutOfOrder, work).offset, 4)

    def test_first_chunk_must_begin_at_nought(self) -> None:
        work = self.uploads.append(NAME, self.session, chunk(DATA, 1))
        self.fails(UploadOutOfOrder, work)

    def test_chunk_out_of_order_leaves_the_session(self) -> None:
        self.append(DATA[:4], 0)
        work = self.uploads.append(NAME, self.session, chunk(b"x", 3))
        self.fails(UploadOutOfOrder, work)
        self.append(DATA[4:], 4)
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_last_chunk_out_of_order_leaves_the_session(self) -> None:
        self.append(DATA[:4], 0)
        work = self.uploads.finish(NAME, self.session, DIGEST, chunk(b"x", 9))
        self.fails(UploadOutOfOrder, work)
        self.close(data=DATA[4:])
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_body_of_another_size_than_its_range_is_refused(self) -> None:
        wrong = Chunk(BytesReader(DATA), len(DATA), (0, 4))
        self.fails(SizeInvalid, self.uploads.append(NAME, self.session, wrong))
        self.assertEqual(self.offset(), 0)

    def test_body_of_unknown_size_is_counted(self) -> None:
        wrong = Chunk(BytesReader(DATA), None, (0, 4))
        self.fails(SizeInvalid, self.uploads.append(NAME, self.session, wrong))


class RestartTests(UploadsTestCase):
    def test_offset_is_known(self) -> None:
        self.append(DATA[:4])
        self.restart()
        self.assertEqual(self.offset(), 4)

    def test_empty_session_is_known(self) -> None:
        self.restart()
        self.assertEqual(self.offset(), 0)

    def test_what_came_elsewhere_is_not_read_to_be_finished(self) -> None:
        self.append(DATA)
        self.restart()
        self.let_nothing_be_read()
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_an_end_of_unknown_length_that_is_empty_reads_nothing(self) -> None:
        self.append(DATA)
        self.restart()
        self.let_nothing_be_read()
        end = Chunk(BytesReader(b""), None)
        self.result(self.uploads.finish(NAME, self.session, DIGEST, end))
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_an_end_of_unknown_length_that_is_not_empty(self) -> None:
        self.append(DATA[:4])
        self.restart()
        end = Chunk(BytesReader(DATA[4:]), None)
        self.result(self.uploads.finish(NAME, self.session, DIGEST, end))
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_bytes_in_place_of_others_are_not_taken_for_them(self) -> None:
        first = self.uploads
        self.append(DATA)
        self.restart()
        area = self.store.stage(keys.upload_data(NAME, self.session))
        self.result(area.discard())
        self.append(DATA[::-1])
        self.uploads = first
        work = self.uploads.finish(NAME, self.session, DIGEST, NOTHING)
        self.fails(DigestInvalid, work)

    def test_a_mark_that_speaks_of_less_is_not_believed(self) -> None:
        self.append(DATA[:4])
        self.restart()
        area = self.store.stage(keys.upload_data(NAME, self.session))
        mark = f"4 {Digest.of(DATA[:4])}"
        more = BytesReader(DATA[4:])
        self.result(area.append(more, lambda _: None, None, lambda: mark))
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_what_broke_off_elsewhere_goes_on(self) -> None:
        source = BrokenReader(DATA[:4], BrokenOff())
        work = self.uploads.append(NAME, self.session, Chunk(source, len(DATA)))
        self.fails(BrokenOff, work)
        self.restart()
        self.append(DATA[4:], 4)
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_what_came_to_many_nodes_is_read_once_at_its_end(self) -> None:
        hashing = self.registry.uploads._integrity.hash
        read: list[IReader] = []

        async def hash_(_: Integrity, reader: IReader, *more: str) -> Hashing:
            read.append(reader)
            return await hashing(reader, *more)

        self.patch(Integrity, "hash", hash_)
        for start in range(len(DATA)):
            self.append(DATA[start : start + 1], start)
            self.restart()
        self.assertEqual(read, [])
        self.close()
        self.assertEqual(len(read), 1)
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_an_end_with_bytes_after_those_of_other_nodes(self) -> None:
        for start, data in enumerate((DATA[:1], DATA[1:2])):
            self.append(data, start)
            self.restart()
        end = chunk(DATA[2:], 2)
        self.result(self.uploads.finish(NAME, self.session, DIGEST, end))
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_goes_on_by_reading_again(self) -> None:
        self.append(DATA[:4])
        self.restart()
        self.append(DATA[4:], 4)
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_wrong_digest_is_found_after_a_restart(self) -> None:
        self.append(b"other bytes")
        self.restart()
        work = self.uploads.finish(NAME, self.session, DIGEST, NOTHING)
        self.fails(DigestInvalid, work)

    def test_bytes_that_another_process_added_are_read(self) -> None:
        first = self.uploads
        self.append(DATA[:4])
        self.restart()
        self.append(DATA[4:])
        self.uploads = first
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_what_was_ended_elsewhere_is_unknown(self) -> None:
        first = self.uploads
        for held in (b"", DATA):
            for ended in (True, False):
                self.uploads = first
                self.session = self.result(first.begin(NAME))
                self.append(held)
                self.restart()
                if ended:
                    self.close(Digest.of(held))
                else:
                    self.result(self.uploads.cancel(NAME, self.session))
                for work in (
                    first.offset(NAME, self.session),
                    first.append(NAME, self.session, chunk(DATA)),
                    first.finish(NAME, self.session, DIGEST, chunk(DATA)),
                    first.cancel(NAME, self.session),
                ):
                    self.fails(UploadUnknown, work)

    def test_session_whose_state_was_crowded_out_goes_on(self) -> None:
        self.append(DATA[:4])
        self.uploads._progress.clear()
        self.append(DATA[4:])
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)


class MismatchTests(UploadsTestCase):
    def test_wrong_digest_is_refused(self) -> None:
        work = self.uploads.finish(NAME, self.session, DIGEST, chunk(b"wrong"))
        self.assertEqual(
            self.fails(DigestInvalid, work).detail["actual"],
            str(Digest.of(b"wrong")),
        )

    def test_wrong_digest_leaves_nothing(self) -> None:
        work = self.uploads.finish(NAME, self.session, DIGEST, chunk(b"wrong"))
        self.fails(DigestInvalid, work)
        self.assertEqual(self.keys(), ())

    def test_wrong_sha512_leaves_nothing(self) -> None:
        digest = Digest.of(DATA, "sha512")
        work = self.uploads.finish(NAME, self.session, digest, chunk(b"wrong"))
        self.fails(DigestInvalid, work)
        self.assertEqual(self.keys(), ())

    def test_wrong_digest_of_one_request_leaves_nothing(self) -> None:
        self.result(self.uploads.cancel(NAME, self.session))
        self.fails(DigestInvalid, self.uploads.push(NAME, DIGEST, chunk(b"wrong")))
        self.assertEqual(self.keys(), ())

    def test_nothing_with_a_digest_of_something_is_refused(self) -> None:
        work = self.uploads.finish(NAME, self.session, DIGEST, NOTHING)
        self.fails(DigestInvalid, work)


class Sha512Tests(UploadsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.digest = Digest.of(DATA, "sha512")

    def test_closes_without_being_announced(self) -> None:
        self.append(DATA)
        self.close(self.digest)
        self.assertEqual(self.pull_blob(self.digest), DATA)

    def test_is_had_by_sha256_as_well(self) -> None:
        self.close(self.digest, DATA)
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_is_stored_once(self) -> None:
        self.close(self.digest, DATA)
        self.assertEqual(self.keys(f"{keys.ROOT}blobs/"), (keys.blob(DIGEST),))

    def test_both_links_name_the_sha256(self) -> None:
        self.close(self.digest, DATA)
        for each in (self.digest, DIGEST):
            link = self.get(keys.layer_link(NAME, each))
            self.assertEqual(link, str(DIGEST).encode())

    def test_nothing_becomes_a_blob(self) -> None:
        self.close(Digest.of(b"", "sha512"))
        self.assertEqual(self.pull_blob(Digest.of(b"", "sha512")), b"")


class ConcurrencyTests(UploadsTestCase):
    """Two requests at once on one session."""

    def setUp(self) -> None:
        super().setUp()
        self.body = SlowReader(DATA)
        self.writing = Deferred.fromCoroutine(
            self.uploads.append(NAME, self.session, Chunk(self.body, len(DATA)))
        )

    def test_append_is_refused(self) -> None:
        work = self.uploads.append(NAME, self.session, chunk(b"x"))
        self.fails(UploadInvalid, work)

    def test_finish_is_refused(self) -> None:
        work = self.uploads.finish(NAME, self.session, DIGEST, NOTHING)
        self.fails(UploadInvalid, work)

    def test_cancel_is_refused(self) -> None:
        self.fails(UploadInvalid, self.uploads.cancel(NAME, self.session))

    def test_refusal_does_not_disturb_the_first(self) -> None:
        work = self.uploads.append(NAME, self.session, chunk(b"x"))
        self.fails(UploadInvalid, work)
        self.body.ready.callback(None)
        self.assertEqual(self.successResultOf(self.writing), len(DATA))

    def test_goes_on_afterwards(self) -> None:
        self.body.ready.callback(None)
        self.successResultOf(self.writing)
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_goes_on_after_the_client_left(self) -> None:
        self.writing.cancel()
        self.failureResultOf(self.writing)
        self.close(data=DATA)
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_does_not_expire(self) -> None:
        self.clock.advance(10**6)
        self.assertEqual(self.result(self.uploads.expire(60)), 0)

    def test_another_session_is_not_held_up(self) -> None:
        session = self.result(self.uploads.begin(NAME))
        work = self.uploads.append(NAME, session, chunk(DATA))
        self.assertEqual(self.result(work), len(DATA))

    def test_two_sessions_with_the_same_bytes_both_end_well(self) -> None:
        session = self.result(self.uploads.begin(NAME))
        self.body.ready.callback(None)
        self.close()
        self.result(self.uploads.finish(NAME, session, DIGEST, chunk(DATA)))
        self.assertEqual(self.pull_blob(DIGEST), DATA)
