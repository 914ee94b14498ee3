"""Tests of pulling and deleting blobs."""

from typing import Any

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import ABSENT, ABSENT_512, digest_of

_DATA = bytes(range(256)) * 40
_SIZE = len(_DATA)
_DIGEST = digest_of(_DATA)
_OFF: tuple[dict[str, Any], ...] = ({"deletes": False}, {"writes": False})

MALFORMED = (
    "sha256:" + "0" * 63,
    "sha256:" + "0" * 65,
    "sha256:" + "A" * 64,
    "sha256:" + "g" * 64,
    "sha256:",
    "sha256",
    "sha512:" + "0" * 64,
    "md5:" + "0" * 32,
    "SHA256:" + "0" * 64,
    "sha256-" + "0" * 64,
    ":" + "0" * 64,
    "latest",
    "sha256%3A",
    "sha256:%20" + "0" * 63,
    "sha256:" + "0" * 64 + "%0A",
    "sha256:" + "0" * 64 + ":",
)
"""Texts in the place of a digest that are none."""


class PullCase(exchange.WebCase):
    """A repository that holds one blob."""

    def setUp(self) -> None:
        super().setUp()
        self.push_blob("library/app", _DATA)

    def pull(self, **headers: str) -> Answer:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.get(f"/v2/library/app/blobs/{_DIGEST}", fields)


class PullTests(PullCase):
    def test_gives_the_bytes(self) -> None:
        answer = self.pull()
        self.assertEqual((answer.status, answer.body), (200, _DATA))

    def test_describes_them(self) -> None:
        for method in ("GET", "HEAD"):
            answer = self.ask(method, f"/v2/library/app/blobs/{_DIGEST}")
            expected = {
                "content-type": "application/octet-stream",
                "content-length": str(_SIZE),
                "docker-content-digest": _DIGEST,
                "etag": f'"{_DIGEST}"',
                "cache-control": "max-age=31536000, immutable",
                "accept-ranges": "bytes",
            }
            for name, value in expected.items():
                self.assertEqual(answer.header(name), value, f"{method} {name}")

    def test_an_empty_blob(self) -> None:
        digest = self.push_blob("a", b"")
        for method in ("GET", "HEAD"):
            answer = self.ask(method, f"/v2/a/blobs/{digest}")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.header("content-length"), "0")

    def test_sha512_is_answered_with_sha512(self) -> None:
        digest = self.push_blob("a", _DATA, "sha512")
        answer = self.get(f"/v2/a/blobs/{digest}")
        self.assertEqual(answer.body, _DATA)
        self.assertEqual(answer.header("docker-content-digest"), digest)
        self.assertEqual(answer.header("etag"), f'"{digest}"')

    def test_the_digest_may_be_encoded(self) -> None:
        for digest in (_DIGEST.replace(":", "%3A"), _DIGEST.replace(":", "%3a")):
            self.assertEqual(self.get(f"/v2/library/app/blobs/{digest}").body, _DATA)

    def test_the_name_may_be_encoded(self) -> None:
        answer = self.get(f"/v2/library%2Fapp/blobs/{_DIGEST}")
        self.assertEqual(answer.body, _DATA)

    def test_nothing_is_decoded_twice(self) -> None:
        for target in (
            f"/v2/library%252Fapp/blobs/{_DIGEST}",
            f"/v2/library/app/blobs/{_DIGEST.replace(':', '%253A')}",
        ):
            self.assertEqual(self.get(target).status, 400, target)

    def test_unknown_blobs(self) -> None:
        for name in ("library/app", "nobody"):
            for digest in (ABSENT, ABSENT_512):
                answer = self.get(f"/v2/{name}/blobs/{digest}")
                self.assertRefused(answer, 404, "BLOB_UNKNOWN", f"{name} {digest}")

    def test_head_of_an_unknown_blob_has_no_body(self) -> None:
        answer = self.ask("HEAD", f"/v2/library/app/blobs/{ABSENT}")
        self.assertEqual((answer.status, answer.body), (404, b""))

    def test_other_repositories_have_no_right_to_it(self) -> None:
        for name in ("library", "library/app/more", "other"):
            for method in ("GET", "HEAD", "DELETE"):
                answer = self.ask(method, f"/v2/{name}/blobs/{_DIGEST}")
                self.assertEqual(answer.status, 404, f"{method} {name}")

    def test_malformed_digests(self) -> None:
        for digest in MALFORMED:
            for method in ("GET", "DELETE"):
                answer = self.ask(method, f"/v2/library/app/blobs/{digest}")
                self.assertRefused(answer, 400, "DIGEST_INVALID", f"{method} {digest}")

    def test_an_error_has_nothing_of_the_blob(self) -> None:
        for answer in (
            self.pull(Range="bytes=99999-"),
            self.get(f"/v2/other/blobs/{_DIGEST}"),
        ):
            for name in ("etag", "cache-control", "docker-content-digest"):
                self.assertIsNone(answer.header(name), name)


class RangeTests(PullCase):
    def test_ranges(self) -> None:
        for wanted, start, stop in (
            ("0-0", 0, 1),
            ("0-99", 0, 100),
            ("100-", 100, _SIZE),
            ("-1", _SIZE - 1, _SIZE),
            ("-100", _SIZE - 100, _SIZE),
            (f"-{_SIZE + 1}", 0, _SIZE),
            ("0-", 0, _SIZE),
            (f"{_SIZE - 1}-", _SIZE - 1, _SIZE),
            (f"5-{_SIZE + 500}", 5, _SIZE),
            (f"0-{'9' * 19}", 0, _SIZE),
        ):
            answer = self.pull(Range=f"bytes={wanted}")
            self.assertEqual(answer.status, 206, wanted)
            self.assertEqual(answer.body, _DATA[start:stop], wanted)
            self.assertEqual(
                answer.header("content-range"), f"bytes {start}-{stop - 1}/{_SIZE}"
            )
            self.assertEqual(answer.header("docker-content-digest"), _DIGEST)

    def test_ranges_that_cannot_be_had(self) -> None:
        for wanted in (
            f"{_SIZE}-",
            f"{_SIZE}-{_SIZE + 5}",
            "5-4",
            "-0",
            "-",
            "x",
            "a-b",
        ):
            answer = self.pull(Range=f"bytes={wanted}")
            self.assertRefused(answer, 416, "RANGE_INVALID", wanted)
            self.assertEqual(answer.header("content-range"), f"bytes */{_SIZE}", wanted)

    def test_what_is_ignored(self) -> None:
        for value in (
            "bytes=0-1,5-6",
            "bytes=0-1, -5",
            "lines=0-1",
            "0-1",
            "",
            "bytes",
        ):
            answer = self.pull(Range=value)
            self.assertEqual((answer.status, answer.body), (200, _DATA), value)
            self.assertIsNone(answer.header("content-range"), value)

    def test_head_minds_no_range(self) -> None:
        for value in ("bytes=0-1", f"bytes={_SIZE}-"):
            answer = self.ask(
                "HEAD", f"/v2/library/app/blobs/{_DIGEST}", {"Range": value}
            )
            self.assertEqual(answer.status, 200, value)
            self.assertEqual(answer.header("content-length"), str(_SIZE), value)

    def test_a_range_of_an_empty_blob(self) -> None:
        digest = self.push_blob("a", b"")
        for value in ("bytes=0-", "bytes=0-0", "bytes=-1"):
            answer = self.get(f"/v2/a/blobs/{digest}", {"Range": value})
            self.assertRefused(answer, 416, "RANGE_INVALID", value)
            self.assertEqual(answer.header("content-range"), "bytes */0")

    def test_a_connection_goes_on_after_416(self) -> None:
        connection = self.exchange.connect()
        target = f"/v2/library/app/blobs/{_DIGEST}"
        wrong = exchange.request_bytes("GET", target, {"Range": "bytes=99999-"})
        connection.send(wrong + exchange.request_bytes("GET", target))
        first, second = connection.answers("GET", "GET")
        self.assertEqual((first.status, second.body), (416, _DATA))

    def test_if_range_of_this_blob(self) -> None:
        answer = self.pull(Range="bytes=0-1", If_Range=f'"{_DIGEST}"')
        self.assertEqual(answer.status, 206)

    def test_if_range_of_something_else(self) -> None:
        for value in (f'"{ABSENT}"', '""', "Wed, 21 Oct 2015 07:28:00 GMT"):
            answer = self.pull(Range="bytes=0-1", If_Range=value)
            self.assertEqual((answer.status, answer.body), (200, _DATA), value)

    def test_if_range_of_something_else_spares_416(self) -> None:
        answer = self.pull(Range="bytes=99999-", If_Range=f'"{ABSENT}"')
        self.assertEqual(answer.status, 200)


class ConditionTests(PullCase):
    def test_if_none_match_of_this_blob(self) -> None:
        for value in (
            f'"{_DIGEST}"',
            f'W/"{_DIGEST}"',
            _DIGEST,
            f'"x", "{_DIGEST}"',
            f'"{ABSENT}",W/"{_DIGEST}"',
            "*",
        ):
            answer = self.pull(If_None_Match=value)
            self.assertEqual(answer.status, 304, value)
            self.assertEqual(answer.header("etag"), f'"{_DIGEST}"', value)
            self.assertEqual(
                answer.header("cache-control"), "max-age=31536000, immutable", value
            )

    def test_if_none_match_of_something_else(self) -> None:
        for value in (f'"{ABSENT}"', '""', "", f'"{_DIGEST}x"', _DIGEST[:-1]):
            self.assertEqual(self.pull(If_None_Match=value).status, 200, value)

    def test_if_none_match_goes_before_ranges(self) -> None:
        answer = self.pull(If_None_Match="*", Range="bytes=99999-")
        self.assertEqual(answer.status, 304)

    def test_if_none_match_of_a_blob_that_is_not_there(self) -> None:
        answer = self.get(f"/v2/a/blobs/{ABSENT}", {"If-None-Match": "*"})
        self.assertRefused(answer, 404, "BLOB_UNKNOWN")

    def test_head(self) -> None:
        answer = self.ask(
            "HEAD", f"/v2/library/app/blobs/{_DIGEST}", {"If-None-Match": "*"}
        )
        self.assertEqual(answer.status, 304)


class DeleteTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("a", "b"):
            self.push_blob(name, _DATA)

    def test_is_gone_in_the_next_request(self) -> None:
        answer = self.ask("DELETE", f"/v2/a/blobs/{_DIGEST}")
        self.assertEqual((answer.status, answer.body), (202, b""))
        self.assertEqual(self.ask("HEAD", f"/v2/a/blobs/{_DIGEST}").status, 404)

    def test_other_repositories_keep_it(self) -> None:
        self.ask("DELETE", f"/v2/a/blobs/{_DIGEST}")
        self.assertEqual(self.get(f"/v2/b/blobs/{_DIGEST}").body, _DATA)

    def test_twice(self) -> None:
        self.ask("DELETE", f"/v2/a/blobs/{_DIGEST}")
        answer = self.ask("DELETE", f"/v2/a/blobs/{_DIGEST}")
        self.assertRefused(answer, 404, "BLOB_UNKNOWN")

    def test_by_one_name_is_by_all(self) -> None:
        digest = self.push_blob("a", _DATA, "sha512")
        self.assertEqual(self.ask("DELETE", f"/v2/a/blobs/{_DIGEST}").status, 202)
        self.assertEqual(self.ask("HEAD", f"/v2/a/blobs/{digest}").status, 404)

    def test_unknown(self) -> None:
        for name in ("a", "nobody"):
            answer = self.ask("DELETE", f"/v2/{name}/blobs/{ABSENT}")
            self.assertRefused(answer, 404, "BLOB_UNKNOWN", name)

    def test_can_be_pushed_again(self) -> None:
        self.ask("DELETE", f"/v2/a/blobs/{_DIGEST}")
        self.push_blob("a", _DATA)
        self.assertEqual(self.get(f"/v2/a/blobs/{_DIGEST}").body, _DATA)

    def test_switched_off(self) -> None:
        for settings in _OFF:
            off = exchange.Exchange(store=self.exchange.store, **settings)
            answer = off.ask("DELETE", f"/v2/a/blobs/{_DIGEST}")
            self.assertRefused(answer, 405, "UNSUPPORTED", settings)
            self.assertEqual(answer.header("allow"), "GET, HEAD", settings)
            self.assertEqual(off.ask("GET", f"/v2/a/blobs/{_DIGEST}").body, _DATA)
