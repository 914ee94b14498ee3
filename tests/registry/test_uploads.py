"""Tests of ``txregistry/registry/uploads.py``."""

from twisted.internet.defer import Deferred

from tests.registry.case import NAME, OTHER, chunk
from tests.registry.sessions import DATA, DIGEST, NOTHING, SlowReader, UploadsTestCase
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    DigestInvalid,
    SizeInvalid,
    UploadInvalid,
    UploadOutOfOrder,
    UploadUnknown,
)
from txregistry.registry.uploads import Chunk
from txregistry.storage import keys
from txregistry.streams import BytesReader


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
