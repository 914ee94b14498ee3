"""Tests of uploads that need no session: whole blobs in one request, and mounts."""

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import ABSENT, digest_of
from tests.web.exchange import CHUNKED, Headers, chunked
from tests.web.v2.test_blobs import MALFORMED

_DATA = b"a blob in one piece " * 100
_DIGEST = digest_of(_DATA)


class SingleCase(exchange.WebCase):
    """A blob in one repository, and others without it."""

    def setUp(self) -> None:
        super().setUp()
        self.push_blob("source/app", _DATA)

    def post(
        self, query: str, body: bytes | None = None, headers: Headers = ()
    ) -> Answer:
        """Begin an upload, in some way."""
        return self.ask("POST", f"/v2/target/app/blobs/uploads/?{query}", headers, body)

    def assertCreated(self, answer: Answer, digest: str = _DIGEST) -> None:
        """The repository has the blob."""
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(answer.header("location"), f"/v2/target/app/blobs/{digest}")
        self.assertEqual(answer.header("docker-content-digest"), digest)
        self.assertEqual(answer.header("content-length"), "0")
        self.assertEqual(self.get(answer.header("location") or "").status, 200)

    def assertBegun(self, answer: Answer, what: object = None) -> None:
        """The client is to upload the blob."""
        self.assertEqual(answer.status, 202, what)
        self.assertEqual(answer.header("range"), "0-0", what)
        state = self.get(answer.header("location") or "")
        self.assertEqual(state.status, 204, what)
        answer = self.ask("HEAD", f"/v2/target/app/blobs/{_DIGEST}")
        self.assertEqual(answer.status, 404, what)


class WholeTests(SingleCase):
    def test_with_length(self) -> None:
        self.assertCreated(self.post(f"digest={_DIGEST}", _DATA))

    def test_streamed(self) -> None:
        body = chunked(*[_DATA[place : place + 7] for place in range(0, 2000, 7)])
        self.assertCreated(self.post(f"digest={_DIGEST}", body, CHUNKED))

    def test_sha512(self) -> None:
        digest = digest_of(_DATA, "sha512")
        self.assertCreated(self.post(f"digest={digest}", _DATA), digest)

    def test_empty(self) -> None:
        for algorithm in ("sha256", "sha512"):
            digest = digest_of(b"", algorithm)
            self.assertCreated(self.post(f"digest={digest}", b""), digest)

    def test_the_blob_is_what_was_sent(self) -> None:
        self.post(f"digest={_DIGEST}", _DATA)
        self.assertEqual(self.get(f"/v2/target/app/blobs/{_DIGEST}").body, _DATA)

    def test_another_digest(self) -> None:
        answer = self.post(f"digest={ABSENT}", _DATA)
        self.assertRefused(answer, 400, "DIGEST_INVALID")
        for digest in (_DIGEST, ABSENT):
            answer = self.ask("HEAD", f"/v2/target/app/blobs/{digest}")
            self.assertEqual(answer.status, 404, digest)

    def test_nothing_is_left_of_another_digest(self) -> None:
        before = self.exchange.stored()
        self.post(f"digest={ABSENT}", b"something else")
        self.assertEqual(self.exchange.stored(), before)

    def test_without_a_body_a_session_is_begun(self) -> None:
        for body in (None, b""):
            self.assertBegun(self.post(f"digest={_DIGEST}", body), body)

    def test_malformed_digests(self) -> None:
        for digest in MALFORMED:
            for body in (None, _DATA):
                answer = self.post(f"digest={digest}", body)
                self.assertRefused(answer, 400, "DIGEST_INVALID", digest)


class AlgorithmTests(SingleCase):
    def test_supported(self) -> None:
        for algorithm in ("sha256", "sha512"):
            self.assertBegun(self.post(f"digest-algorithm={algorithm}"), algorithm)

    def test_unsupported(self) -> None:
        for algorithm in ("md5", "sha384", "SHA256", "", "sha256%20", "x" * 500):
            answer = self.post(f"digest-algorithm={algorithm}")
            self.assertRefused(answer, 400, "DIGEST_INVALID", algorithm)

    def test_is_only_a_hint(self) -> None:
        location = self.post("digest-algorithm=sha512").header("location")
        answer = self.ask("PUT", f"{location}?digest={_DIGEST}", body=_DATA)
        self.assertCreated(answer)


class MountTests(SingleCase):
    def test_from_a_repository_that_has_it(self) -> None:
        self.assertCreated(self.post(f"mount={_DIGEST}&from=source/app"))
        self.assertEqual(self.get(f"/v2/target/app/blobs/{_DIGEST}").body, _DATA)

    def test_parameters_may_be_encoded(self) -> None:
        digest = _DIGEST.replace(":", "%3A")
        self.assertCreated(self.post(f"from=source%2Fapp&mount={digest}"))

    def test_from_anywhere(self) -> None:
        for query in (f"mount={_DIGEST}", f"mount={_DIGEST}&from="):
            self.exchange = exchange.Exchange()
            self.push_blob("source/app", _DATA)
            self.assertCreated(self.post(query))

    def test_from_anywhere_after_a_restart(self) -> None:
        self.push_image("source/app", "latest")
        self.exchange = exchange.Exchange(store=self.exchange.store)
        self.assertCreated(self.post(f"mount={_DIGEST}"))

    def test_from_itself(self) -> None:
        self.push_blob("target/app", _DATA)
        self.assertCreated(self.post(f"mount={_DIGEST}&from=target/app"))

    def test_by_sha512(self) -> None:
        digest = self.push_blob("source/app", _DATA, "sha512")
        self.assertCreated(self.post(f"mount={digest}&from=source/app"), digest)

    def test_survives_the_end_of_the_other(self) -> None:
        self.post(f"mount={_DIGEST}&from=source/app")
        self.ask("DELETE", f"/v2/source/app/blobs/{_DIGEST}")
        self.assertEqual(self.get(f"/v2/target/app/blobs/{_DIGEST}").body, _DATA)

    def test_what_is_not_there_is_to_be_uploaded(self) -> None:
        for query in (
            f"mount={ABSENT}&from=source/app",
            f"mount={ABSENT}",
            f"mount={_DIGEST}&from=nobody",
            f"mount={_DIGEST}&from=source",
            f"mount={_DIGEST}&from=BAD..NAME",
            f"mount={_DIGEST}&from=../../etc",
            f"mount={_DIGEST}&from={'x' * 300}",
        ):
            self.assertBegun(self.post(query), query)

    def test_what_was_deleted_is_to_be_uploaded(self) -> None:
        self.ask("DELETE", f"/v2/source/app/blobs/{_DIGEST}")
        for query in (f"mount={_DIGEST}", f"mount={_DIGEST}&from=source/app"):
            self.assertBegun(self.post(query), query)

    def test_malformed_digests(self) -> None:
        for digest in MALFORMED:
            answer = self.post(f"mount={digest}&from=source/app")
            self.assertRefused(answer, 400, "DIGEST_INVALID", digest)

    def test_from_without_mount_is_an_upload(self) -> None:
        self.assertBegun(self.post("from=source/app"))
