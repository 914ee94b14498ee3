"""Tests of ``txregistry/client/index.py``."""

import gzip
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from hypothesis import given
from hypothesis import strategies as st
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import Request
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource

from txregistry.client import index
from txregistry.client.index import ForeignIndex
from txregistry.model.errors import Unauthorized, Unavailable
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName

T = TypeVar("T")

WEB: Final = RepositoryName("acme/web")
BASE, TOP = ImageId("b" * 64), ImageId("7" * 64)
HEADER: Final = 'Token signature=k7Q,repository="acme/web",access=read'
LIST: Final = b'[{"id": "%s"}, {"id": "%s", "checksum": "x"}]' % (
    BASE.text.encode(),
    TOP.text.encode(),
)
IDS: Final = frozenset({BASE.text, TOP.text})


class Answering(Resource):
    """Answer all requests alike, and remember them."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.body = LIST
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[bytes, Headers]] = []

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """See ``Resource``."""
        self.requests.append((request.uri, request.requestHeaders.copy()))
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        return self.body


class IndexTestCase(SynchronousTestCase):
    """Ask an Index that answers at once."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.answering = Answering()
        self.index = self.make_index("https://index.example")

    def make_index(self, url: str) -> ForeignIndex:
        """Make what asks an Index at a URL."""
        agent = RequestTraversalAgent(self.answering)
        return ForeignIndex(url, agent, self.clock, timeout=10, keep=5)

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def fails(self, kind: type[Exception], work: Coroutine[Any, Any, object]) -> None:
        """Expect some work to fail."""
        self.failureResultOf(Deferred.fromCoroutine(work), kind)

    def images(self, header: str | None = HEADER) -> frozenset[str]:
        """Ask for images."""
        return self.result(self.index.images(WEB, header))

    def may_use(self, image: ImageId = BASE) -> bool:
        """Ask for an image."""
        return self.result(self.index.may_use(WEB, image, HEADER))

    def answers(self, status: int, body: bytes = b"{}") -> None:
        """Let the Index answer this from now on, and forget what it answered before."""
        self.answering.status, self.answering.body = status, body
        self.clock.advance(5)


class ImagesTests(IndexTestCase):
    def test_list_is_the_answer(self) -> None:
        self.assertEqual(self.images(), IDS)

    def test_empty_list_is_one(self) -> None:
        self.answers(200, b"[]")
        self.assertEqual(self.images(), frozenset())

    def test_ids_of_sixteen_digits_are_in_it(self) -> None:
        self.answers(200, b'[{"id": "0123456789abcdef"}]')
        self.assertEqual(self.images(), {"0123456789abcdef"})

    def test_ids_outside_the_grammar_are_left_out(self) -> None:
        self.answers(200, b'[{"id": "../../x"}, {"id": "%s"}]' % (b"a" * 64))
        self.assertEqual(self.images(), {"a" * 64})

    def test_refusals_are_told(self) -> None:
        for status in (400, 401, 403, 404, 410, 429, 499):
            self.answers(status)
            self.fails(Unauthorized, self.index.images(WEB, HEADER))

    def test_what_is_neither_is_no_answer(self) -> None:
        for status in (201, 202, 204, 206, 301, 302, 304, 307, 500, 502, 503, 599):
            self.answers(status, LIST)
            self.fails(Unavailable, self.index.images(WEB, HEADER))

    def test_redirects_are_not_followed(self) -> None:
        self.answering.headers["location"] = "https://elsewhere.example/"
        self.answers(302)
        self.fails(Unavailable, self.index.images(WEB, HEADER))
        self.assertEqual(len(self.answering.requests), 1)

    def test_rubbish_is_no_answer(self) -> None:
        for body in (
            b"",
            b"true",
            b"{}",
            b"<html>",
            LIST[:-1],
            LIST + b"]",
            b'{"id": "x"}',
            b'["x"]',
            b"[null]",
            b'[{"id": 7}]',
            b'[{"name": "x"}]',
            b'[{"id": "\xff"}]',
            b"[" * 100_000,
            b'[{"id": "x", "y": ' + b"[" * 100_000,
            gzip.compress(LIST),
        ):
            self.answers(200, body)
            self.fails(Unavailable, self.index.images(WEB, HEADER))

    def test_packed_body_is_not_unpacked(self) -> None:
        self.answering.headers["content-encoding"] = "gzip"
        self.answers(200, gzip.compress(LIST))
        self.fails(Unavailable, self.index.images(WEB, HEADER))

    @given(st.binary(max_size=50))
    def test_any_body_is_an_answer_or_none(self, body: bytes) -> None:
        self.answers(200, body)
        done = Deferred.fromCoroutine(self.index.images(WEB, HEADER))
        found: list[object] = []
        _ = done.addErrback(lambda failure: failure.trap(Unavailable))
        _ = done.addCallback(found.append)
        self.assertEqual(len(found), 1)


class MayUseTests(IndexTestCase):
    def test_true_allows(self) -> None:
        self.answers(200, b'{"access": true}')
        self.assertTrue(self.may_use())

    def test_false_denies(self) -> None:
        self.answers(200, b'{"access": false}')
        self.assertFalse(self.may_use())

    def test_refusals_deny(self) -> None:
        for status in (400, 401, 403, 404):
            self.answers(status)
            self.assertFalse(self.may_use())

    def test_what_is_neither_is_no_answer(self) -> None:
        for status in (201, 204, 302, 500, 503):
            self.answers(status, b'{"access": true}')
            self.fails(Unavailable, self.index.may_use(WEB, BASE, HEADER))

    def test_rubbish_is_no_answer(self) -> None:
        for body in (
            b"true",
            b"[true]",
            b'{"access": "true"}',
            b'{"access": 1}',
            b'{"access": null}',
            b'{"access": true, "also": 1}',
            b"{}",
            b'{"Access": true}',
            b'{"access": true',
        ):
            self.answers(200, body)
            self.fails(Unavailable, self.index.may_use(WEB, BASE, HEADER))


class RequestTests(IndexTestCase):
    def asked(self) -> bytes:
        """Give the path that was asked for."""
        return self.answering.requests[-1][0]

    def header(self, name: str) -> Sequence[str] | None:
        """Give a header of the last request."""
        return self.answering.requests[-1][1].getRawHeaders(name)

    def test_path_of_images(self) -> None:
        self.images()
        self.assertEqual(self.asked(), b"/v1/repositories/acme/web/images")

    def test_path_of_an_image(self) -> None:
        self.answers(200, b'{"access": true}')
        self.may_use()
        self.assertEqual(
            self.asked(),
            b"/v1/repositories/acme/web/layer/%s/access" % BASE.text.encode(),
        )

    def test_repository_without_a_namespace_is_in_the_library(self) -> None:
        self.result(self.index.images(RepositoryName("solo"), HEADER))
        self.assertEqual(self.asked(), b"/v1/repositories/library/solo/images")

    def test_index_may_be_below_a_path(self) -> None:
        self.index = self.make_index("https://index.example/hub/")
        self.images()
        self.assertEqual(self.asked(), b"/hub/v1/repositories/acme/web/images")

    def test_authorization_of_the_client_is_passed_on(self) -> None:
        self.images()
        self.assertEqual(self.header("authorization"), [HEADER])

    def test_who_has_none_is_asked_for_without(self) -> None:
        self.images(None)
        self.assertIsNone(self.header("authorization"))

    def test_nothing_else_is_passed_on(self) -> None:
        self.images()
        sent = self.answering.requests[-1][1].getAllRawHeaders()
        self.assertEqual(
            {name.lower() for name, _ in sent},
            {
                *(b"accept", b"accept-encoding", b"authorization", b"connection"),
                *(b"host", b"user-agent"),
            },
        )
        self.assertEqual(self.header("user-agent"), ["txregistry"])

    def test_bodies_are_wanted_as_they_are(self) -> None:
        self.images()
        self.assertEqual(self.header("accept-encoding"), ["identity"])

    def test_cookies_of_one_client_are_not_those_of_another(self) -> None:
        self.answering.headers["set-cookie"] = "session=1; Path=/"
        self.images()
        self.images("Token other")
        self.assertEqual(len(self.answering.requests), 2)
        self.assertIsNone(self.header("cookie"))

    def test_header_that_cannot_be_one_is_refused_unasked(self) -> None:
        for header in ("Token a\r\nX: y", "Token é", "Token " + "a" * 4096):
            self.fails(Unauthorized, self.index.images(WEB, header))
        self.assertEqual(self.answering.requests, [])

    def test_url_that_is_none_is_refused(self) -> None:
        for url in (
            "",
            "index.example",
            "ftp://index.example",
            "https://",
            "https:///x",
            "https://bob:secret@index.example",
            "https://index.example?x=1",
            "https://index.example/?",
            "https://index.example#x",
            "https://index example",
        ):
            with self.assertRaises(ValueError):
                self.make_index(url)


class KeepTests(IndexTestCase):
    def asked(self) -> int:
        """Say how often the Index was asked."""
        return len(self.answering.requests)

    def test_answer_is_kept_for_some_seconds(self) -> None:
        for _ in range(5):
            self.assertEqual(self.images(), IDS)
            self.clock.advance(0.9)
        self.assertEqual(self.asked(), 1)

    def test_then_it_is_asked_for_again(self) -> None:
        self.images()
        self.clock.advance(5)
        self.images()
        self.assertEqual(self.asked(), 2)

    def test_refusal_is_kept_as_long(self) -> None:
        self.answers(401)
        self.fails(Unauthorized, self.index.images(WEB, HEADER))
        self.clock.advance(4.9)
        self.fails(Unauthorized, self.index.images(WEB, HEADER))
        self.assertEqual(self.asked(), 1)
        self.clock.advance(0.1)
        self.fails(Unauthorized, self.index.images(WEB, HEADER))
        self.assertEqual(self.asked(), 2)

    def test_failure_is_not_kept(self) -> None:
        self.answers(500)
        self.fails(Unavailable, self.index.images(WEB, HEADER))
        self.answering.status, self.answering.body = 200, LIST
        self.assertEqual(self.images(), IDS)

    def test_answer_is_for_its_authorization(self) -> None:
        self.images()
        self.images("Token other")
        self.images(None)
        self.assertEqual(self.asked(), 3)

    def test_answer_is_for_its_repository(self) -> None:
        self.images()
        self.result(self.index.images(RepositoryName("acme/db"), HEADER))
        self.assertEqual(self.asked(), 2)

    def test_answer_is_for_its_image(self) -> None:
        self.answers(200, b'{"access": true}')
        self.assertTrue(self.may_use(BASE))
        self.assertTrue(self.may_use(TOP))
        self.assertTrue(self.may_use(TOP))
        self.assertEqual(self.asked(), 2)

    def test_no_more_is_kept_than_there_is_room_for(self) -> None:
        self.patch(index, "_ROOM", 25)
        for header in ("a", "b", "c", "c", "b", "a"):
            self.images(header)
        self.assertEqual(self.asked(), 4)

    def test_what_was_asked_lately_stays(self) -> None:
        self.patch(index, "_ROOM", 25)
        for header in ("a", "b", "a", "c", "a"):
            self.images(header)
        self.assertEqual(self.asked(), 3)

    def test_authorization_is_not_kept(self) -> None:
        self.images()
        self.assertNotIn("k7Q", repr(vars(self.index._kept)))
