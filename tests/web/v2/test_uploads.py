"""Tests of upload sessions."""

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import ABSENT, digest_of
from tests.web.exchange import CHUNKED, Headers, chunked
from tests.web.v2.test_blobs import MALFORMED

_DATA = b"0123456789" * 300
_DIGEST = digest_of(_DATA)
_SESSION = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NOBODY = "0" * 8 + "-0000-4000-8000-" + "0" * 12


class UploadCase(exchange.WebCase):
    """A repository, and an upload to it."""

    def setUp(self) -> None:
        super().setUp()
        self.location = self.begin_upload("library/app")

    def patch(
        self, data: bytes, span: str | None = None, headers: Headers = ()
    ) -> Answer:
        """Append a chunk."""
        fields = dict(headers)
        if span is not None:
            fields["Content-Range"] = span
        return self.ask("PATCH", self.location, fields, data)

    def put(
        self, data: bytes = b"", digest: str = _DIGEST, headers: Headers = ()
    ) -> Answer:
        """Finish the upload."""
        return self.ask("PUT", f"{self.location}?digest={digest}", headers, data)

    def assertHolds(self, size: int) -> None:
        """The session holds so many bytes."""
        answer = self.get(self.location)
        self.assertEqual(answer.status, 204, answer)
        self.assertEqual(answer.header("range"), f"0-{max(0, size - 1)}")

    def assertCreated(self, answer: Answer) -> None:
        """The upload is the blob now."""
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(answer.header("location"), f"/v2/library/app/blobs/{_DIGEST}")
        self.assertEqual(answer.header("docker-content-digest"), _DIGEST)
        self.assertEqual(answer.header("content-length"), "0")
        self.assertEqual(self.get(answer.header("location") or "").body, _DATA)
        self.assertRefused(self.get(self.location), 404, "BLOB_UPLOAD_UNKNOWN")


class SessionTests(UploadCase):
    def test_begins(self) -> None:
        for target in ("/v2/a/blobs/uploads/", "/v2/a/blobs/uploads"):
            answer = self.ask("POST", target)
            self.assertEqual((answer.status, answer.body), (202, b""), target)
            self.assertEqual(answer.header("range"), "0-0")
            self.assertEqual(answer.header("content-length"), "0")
            session = answer.header("docker-upload-uuid") or ""
            self.assertRegex(session, f"^{_SESSION}$")
            self.assertEqual(
                answer.header("location"), f"/v2/a/blobs/uploads/{session}"
            )

    def test_each_is_another(self) -> None:
        self.assertEqual(len({self.begin_upload() for _ in range(20)}), 20)

    def test_body_and_type_are_ignored_at_the_beginning(self) -> None:
        headers = {"Content-Type": "application/json"}
        answer = self.ask("POST", "/v2/a/blobs/uploads/", headers, b"{}")
        self.assertEqual(answer.status, 202)
        state = self.get(answer.header("location") or "")
        self.assertEqual(state.header("range"), "0-0")

    def test_state(self) -> None:
        self.patch(_DATA)
        answer = self.get(self.location)
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.header("range"), f"0-{len(_DATA) - 1}")
        self.assertEqual(answer.header("location"), self.location)
        self.assertEqual(
            answer.header("docker-upload-uuid"), self.location.rpartition("/")[2]
        )

    def test_state_after_one_byte_is_as_after_none(self) -> None:
        """The custom since Docker reads ``%d-%d`` and wants no ``0--1``."""
        self.assertHolds(0)
        self.patch(b"x")
        self.assertHolds(1)

    def test_a_query_is_harmless(self) -> None:
        answer = self.get(f"{self.location}?digest={_DIGEST}&_state=x")
        self.assertEqual(answer.status, 204)

    def test_cancel(self) -> None:
        self.patch(_DATA)
        answer = self.ask("DELETE", self.location)
        self.assertEqual((answer.status, answer.body), (204, b""))
        for method in ("GET", "PATCH", "DELETE"):
            answer = self.ask(method, self.location)
            self.assertRefused(answer, 404, "BLOB_UPLOAD_UNKNOWN", method)
        self.assertRefused(self.put(), 404, "BLOB_UPLOAD_UNKNOWN")

    def test_unknown_sessions(self) -> None:
        for session in (
            _NOBODY,
            "x",
            "..",
            "%2e%2e",
            _NOBODY.upper() + "A",
            "0" * 300,
            "_",
            "%20",
            _NOBODY + "%0a",
        ):
            target = f"/v2/library/app/blobs/uploads/{session}"
            for method in ("GET", "PATCH", "DELETE", "PUT"):
                query = f"?digest={_DIGEST}" if method == "PUT" else ""
                answer = self.ask(method, target + query)
                what = f"{method} {session}"
                self.assertRefused(answer, 404, "BLOB_UPLOAD_UNKNOWN", what)

    def test_sessions_of_another_repository(self) -> None:
        session = self.location.rpartition("/")[2]
        for name in ("other", "library", "library/app/more"):
            target = f"/v2/{name}/blobs/uploads/{session}"
            for method in ("GET", "PATCH", "DELETE", "PUT"):
                query = f"?digest={_DIGEST}" if method == "PUT" else ""
                answer = self.ask(method, target + query, body=b"x")
                what = f"{method} {name}"
                self.assertRefused(answer, 404, "BLOB_UPLOAD_UNKNOWN", what)
        self.assertHolds(0)

    def test_goes_on_after_a_restart(self) -> None:
        self.patch(_DATA[:1000])
        self.exchange = exchange.Exchange(store=self.exchange.store)
        self.assertHolds(1000)
        self.patch(_DATA[1000:2000], "1000-1999")
        self.exchange = exchange.Exchange(store=self.exchange.store)
        self.assertCreated(self.put(_DATA[2000:]))

    def test_bad_names(self) -> None:
        for name in ("A", "a..b", "-a", "a/", "a//b", "x" * 241):
            answer = self.ask("POST", f"/v2/{name}/blobs/uploads/")
            self.assertRefused(answer, 400, "NAME_INVALID", name)


class AppendTests(UploadCase):
    def test_answer(self) -> None:
        answer = self.patch(_DATA)
        self.assertEqual((answer.status, answer.body), (202, b""))
        self.assertEqual(answer.header("location"), self.location)
        self.assertEqual(answer.header("range"), f"0-{len(_DATA) - 1}")
        self.assertEqual(answer.header("content-length"), "0")
        self.assertEqual(
            answer.header("docker-upload-uuid"), self.location.rpartition("/")[2]
        )

    def test_streamed(self) -> None:
        """As Docker does: chunked, with no length and no type."""
        answer = self.patch(chunked(_DATA[:7], _DATA[7:]), headers=CHUNKED)
        self.assertEqual(answer.header("range"), f"0-{len(_DATA) - 1}")
        self.assertCreated(self.put())

    def test_without_range_goes_to_the_end(self) -> None:
        for place in range(0, len(_DATA), 1000):
            self.assertEqual(self.patch(_DATA[place : place + 1000]).status, 202)
            self.assertHolds(place + 1000)
        self.assertCreated(self.put())

    def test_chunks_in_order(self) -> None:
        for place in range(0, len(_DATA), 1000):
            piece = _DATA[place : place + 1000]
            answer = self.patch(piece, f"{place}-{place + 999}")
            self.assertEqual(answer.status, 202, place)
            self.assertEqual(answer.header("range"), f"0-{place + 999}")
        self.assertCreated(self.put())

    def test_ways_to_spell_a_range(self) -> None:
        for place, form in enumerate(
            ("{}-{}", "bytes {}-{}/*", "bytes={}-{}", " {}-{} ", "{}-{}/3000")
        ):
            answer = self.patch(b"x", form.format(place, place))
            self.assertEqual(answer.status, 202, form)

    def test_a_streamed_chunk_with_range(self) -> None:
        answer = self.patch(chunked(_DATA), f"0-{len(_DATA) - 1}", CHUNKED)
        self.assertEqual(answer.status, 202)
        self.assertCreated(self.put())

    def test_the_first_chunk_out_of_order(self) -> None:
        self.assertOutOfOrder(self.patch(b"xyz", "3-5"), 0)

    def test_later_chunks_out_of_order(self) -> None:
        self.patch(_DATA[:1000])
        for span in ("0-999", "999-1998", "1001-2000", "2000-2999"):
            answer = self.patch(_DATA[:1000], span)
            self.assertOutOfOrder(answer, 1000)
        self.patch(_DATA[1000:], "1000-2999")
        self.assertCreated(self.put())

    def test_ranges_that_cannot_be_read(self) -> None:
        for span in ("x", "", "1", "-", "0-", "-5", "5-4", "0-1-2", "0 - 4", "a-b"):
            answer = self.patch(b"12345", span)
            self.assertRefused(answer, 400, "RANGE_INVALID", span)
        self.assertHolds(0)

    def test_range_and_body_differ(self) -> None:
        for span in ("0-3", "0-5", "0-0"):
            answer = self.patch(b"12345", span)
            self.assertRefused(answer, 400, "SIZE_INVALID", span)
            self.assertHolds(0)

    def test_range_and_an_empty_body_differ(self) -> None:
        self.assertRefused(self.patch(b"", "0-0"), 400, "SIZE_INVALID")

    def test_range_and_a_streamed_body_differ(self) -> None:
        answer = self.patch(chunked(b"12345"), "0-3", CHUNKED)
        self.assertRefused(answer, 400, "SIZE_INVALID")

    def test_nothing(self) -> None:
        for headers, body in (((), b""), ((), None), (CHUNKED, chunked())):
            answer = self.ask("PATCH", self.location, headers, body)
            self.assertEqual(answer.status, 202, headers)
            self.assertEqual(answer.header("range"), "0-0", headers)

    def test_type_is_ignored(self) -> None:
        for value in ("application/octet-stream", "text/html", "multipart/form-data"):
            answer = self.patch(b"a=b&c=d", headers={"Content-Type": value})
            self.assertEqual(answer.status, 202, value)
        self.assertHolds(21)

    def test_a_form_is_a_blob_like_any_other(self) -> None:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self.patch(b"digest=x", headers=kind)
        self.assertHolds(8)

    def assertOutOfOrder(self, answer: Answer, size: int) -> None:
        """A chunk was refused, and the client told how it can go on."""
        self.assertRefused(answer, 416, "BLOB_UPLOAD_INVALID")
        self.assertEqual(answer.header("range"), f"0-{max(0, size - 1)}")
        self.assertEqual(answer.header("location"), self.location)
        self.assertHolds(size)


class FinishTests(UploadCase):
    def test_whole_blob_in_the_last_request(self) -> None:
        """As containerd and oras do."""
        self.assertCreated(self.put(_DATA))

    def test_whole_blob_streamed_in_the_last_request(self) -> None:
        self.assertCreated(self.put(chunked(_DATA), headers=CHUNKED))

    def test_nothing_in_the_last_request(self) -> None:
        """As Docker, podman and crane do."""
        self.patch(_DATA)
        self.assertCreated(self.ask("PUT", f"{self.location}?digest={_DIGEST}"))

    def test_last_chunk_in_the_last_request(self) -> None:
        self.patch(_DATA[:2000], "0-1999")
        self.assertCreated(
            self.put(_DATA[2000:], headers={"Content-Range": "2000-2999"})
        )

    def test_last_chunk_without_range(self) -> None:
        self.patch(_DATA[:2000], "0-1999")
        self.assertCreated(self.put(_DATA[2000:]))

    def test_digest_encoded_among_other_parameters(self) -> None:
        digest = _DIGEST.replace(":", "%3A")
        target = f"{self.location}?_state=a&digest={digest}&x="
        self.assertCreated(self.ask("PUT", target, body=_DATA))

    def test_last_chunk_out_of_order_leaves_the_session(self) -> None:
        self.patch(_DATA[:2000])
        for span in ("0-999", "2001-3000", "1999-2998"):
            answer = self.put(_DATA[:1000], headers={"Content-Range": span})
            self.assertRefused(answer, 416, "BLOB_UPLOAD_INVALID", span)
            self.assertEqual(answer.header("range"), "0-1999", span)
            self.assertEqual(answer.header("location"), self.location, span)
            self.assertHolds(2000)
        self.assertCreated(self.put(_DATA[2000:]))

    def test_range_that_cannot_be_read_leaves_the_session(self) -> None:
        answer = self.put(_DATA, headers={"Content-Range": "all"})
        self.assertRefused(answer, 400, "RANGE_INVALID")
        self.assertCreated(self.put(_DATA))

    def test_without_digest(self) -> None:
        answer = self.ask("PUT", self.location, body=_DATA)
        self.assertRefused(answer, 400, "DIGEST_INVALID")
        self.assertHolds(0)

    def test_malformed_digests_leave_the_session(self) -> None:
        for digest in MALFORMED:
            answer = self.put(_DATA, digest)
            self.assertRefused(answer, 400, "DIGEST_INVALID", digest)
        self.assertCreated(self.put(_DATA))

    def test_another_digest(self) -> None:
        wrong = digest_of(b"something else")
        answer = self.put(_DATA, wrong)
        self.assertRefused(answer, 400, "DIGEST_INVALID")
        for digest in (_DIGEST, wrong):
            answer = self.ask("HEAD", f"/v2/library/app/blobs/{digest}")
            self.assertEqual(answer.status, 404, digest)

    def test_an_empty_blob(self) -> None:
        for algorithm in ("sha256", "sha512"):
            self.location = self.begin_upload("library/app")
            digest = digest_of(b"", algorithm)
            self.assertEqual(self.put(b"", digest).status, 201, algorithm)
            answer = self.get(f"/v2/library/app/blobs/{digest}")
            self.assertEqual((answer.status, answer.body), (200, b""), algorithm)

    def test_a_blob_that_is_there(self) -> None:
        self.push_blob("library/app", _DATA)
        self.assertCreated(self.put(_DATA))

    def test_sha512_unannounced(self) -> None:
        digest = digest_of(_DATA, "sha512")
        self.patch(_DATA[:100])
        answer = self.put(_DATA[100:], digest)
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.header("docker-content-digest"), digest)
        self.assertEqual(answer.header("location"), f"/v2/library/app/blobs/{digest}")
        self.assertEqual(self.get(answer.header("location") or "").body, _DATA)

    def test_another_sha512(self) -> None:
        answer = self.put(_DATA, digest_of(b"something else", "sha512"))
        self.assertRefused(answer, 400, "DIGEST_INVALID")

    def test_two_at_once(self) -> None:
        """One session takes bytes from one request at a time."""
        first = self.exchange.connect()
        whole = exchange.request_bytes("PATCH", self.location, body=_DATA)
        first.send(whole[:-500])
        for answer in (self.patch(b"x"), self.put(), self.ask("DELETE", self.location)):
            self.assertRefused(answer, 400, "BLOB_UPLOAD_INVALID")
        first.send(whole[-500:])
        self.assertEqual(first.answer("PATCH").status, 202)
        self.assertCreated(self.put())


class ReadOnlyTests(UploadCase):
    def test_nothing_is_taken_in(self) -> None:
        self.exchange = exchange.Exchange(store=self.exchange.store, writes=False)
        for method, target in (
            ("POST", "/v2/a/blobs/uploads/"),
            ("POST", f"/v2/a/blobs/uploads/?digest={_DIGEST}"),
            ("PATCH", self.location),
            ("PUT", f"{self.location}?digest={ABSENT}"),
        ):
            answer = self.ask(method, target, body=_DATA)
            self.assertRefused(answer, 405, "UNSUPPORTED", f"{method} {target}")
            self.assertEqual(answer.header("allow"), "GET, HEAD")
        self.assertHolds(0)
