"""Tests of how ``txregistry/registry/uploads.py`` forgets what was abandoned."""

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.registry.case import NAME, OTHER, chunk
from tests.registry.sessions import DATA, DIGEST, SlowReader, UploadsTestCase
from txregistry.model.errors import UploadUnknown
from txregistry.registry.uploads import Chunk
from txregistry.storage import keys

WEEK = 7 * 86400.0
LOST = "5f0c2f7e-8a3e-4a57-9b0a-3c5d8f6b1e22"


class ExpiryTests(UploadsTestCase):
    def expire(self, *, dry_run: bool = False) -> int:
        return self.result(self.uploads.expire(WEEK, dry_run=dry_run))

    def test_young_session_stays(self) -> None:
        self.clock.advance(WEEK - 1)
        self.assertEqual(self.expire(), 0)
        self.assertEqual(self.offset(), 0)

    def test_old_session_goes(self) -> None:
        self.append(DATA)
        self.clock.advance(WEEK)
        self.assertEqual(self.expire(), 1)
        self.check_gone()

    def test_old_session_goes_after_a_restart(self) -> None:
        self.append(DATA)
        self.restart()
        self.clock.advance(WEEK)
        self.expire()
        self.check_gone()

    def test_old_sessions_of_all_repositories_go(self) -> None:
        self.result(self.uploads.begin(OTHER))
        self.push_blobs()
        self.clock.advance(WEEK)
        self.assertEqual(self.expire(), 2)

    def test_dry_run_only_counts(self) -> None:
        self.clock.advance(WEEK)
        self.assertEqual(self.expire(dry_run=True), 1)
        self.assertEqual(self.offset(), 0)

    def test_expired_session_is_unknown(self) -> None:
        self.clock.advance(WEEK)
        self.expire()
        work = self.uploads.append(NAME, self.session, chunk(DATA))
        self.fails(UploadUnknown, work)

    def test_what_distribution_keeps_beside_it_goes_too(self) -> None:
        state = f"{keys.uploads(NAME)}{self.session}/hashstates/sha256/0"
        self.put(state, b"x" * 108)
        self.clock.advance(WEEK)
        self.expire()
        self.check_gone()

    def test_bytes_that_nothing_tells_the_age_of_go_by_their_own(self) -> None:
        self.put(keys.upload_data(NAME, LOST), b"x")
        self.clock.advance(WEEK - 1)
        self.put(keys.upload_started(NAME, self.session), b"2023-11-14T22:13:20Z")
        self.assertEqual(self.expire(), 0)
        self.clock.advance(1)
        self.assertEqual(self.expire(), 2)

    def test_time_that_cannot_be_read_is_logged(self) -> None:
        self.put(keys.upload_started(NAME, self.session), b"yesterday")
        with capturedLogs() as events:
            self.expire()
        self.assertEqual(
            [event["key"] for event in events],
            [keys.upload_started(NAME, self.session)],
        )

    def test_time_that_cannot_be_read_does_not_keep_it_for_ever(self) -> None:
        self.put(keys.upload_started(NAME, self.session), b"x" * 100)
        self.clock.advance(WEEK)
        self.assertEqual(self.expire(), 1)

    def test_time_with_fractions_is_read(self) -> None:
        self.put(
            keys.upload_started(NAME, self.session), b"2023-11-14T22:13:20.123456789Z"
        )
        self.clock.advance(WEEK - 1)
        self.assertEqual(self.expire(), 0)

    def test_folder_of_somebody_else_stays(self) -> None:
        self.put(f"{keys.uploads(NAME)}strange/file", b"x")
        self.clock.advance(2 * WEEK)
        self.assertEqual(self.expire(), 1)
        self.assertEqual(
            self.keys(keys.uploads(NAME)), (f"{keys.uploads(NAME)}strange/file",)
        )

    def test_what_a_crash_left_of_a_single_request_goes(self) -> None:
        self.put(keys.single_upload(LOST), b"x")
        self.clock.advance(WEEK)
        self.assertEqual(self.expire(), 2)
        self.assertEqual(self.keys(), ())

    def test_single_request_that_goes_on_stays(self) -> None:
        body = SlowReader(DATA)
        pushing = Deferred.fromCoroutine(
            self.uploads.push(NAME, DIGEST, Chunk(body, len(DATA)))
        )
        self.clock.advance(WEEK)
        self.assertEqual(self.expire(), 1)
        body.ready.callback(None)
        self.successResultOf(pushing)
        self.assertEqual(self.pull_blob(DIGEST), DATA)
