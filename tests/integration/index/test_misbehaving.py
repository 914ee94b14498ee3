"""An Index that misbehaves gives nobody anything, and costs little."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from tests.integration.index import case
from tests.integration.index.case import (
    BOUND,
    TIMEOUT,
    UNAUTHORIZED,
    UNAVAILABLE,
    R,
    V1Daemon,
    stored,
    token,
)
from tests.integration.index.fake import (
    Behaviour,
    FakeIndex,
    Line,
    Question,
    answer,
    good,
    raw,
)
from tests.web.v1.images import BASE, TOP, B, T

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
OPEN_HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIST = json.dumps([{"id": B}, {"id": T}]).encode()
HUGE = b"[" + b'{"id": "%s"},' % B.encode() * 120_000 + b'{"id": "x"}]'
MEMORY = 64 * 1024 * 1024
"""Bytes that the registry may have more of, after answers of 10 MB and more."""


def drip(line: Line, question: Question) -> None:
    """Send a byte now and then, for ever."""
    del question
    line.send(OPEN_HEAD)
    for _ in range(300):
        line.send(b" ")
        if line.wait(0.1):
            return


def drip_headers(line: Line, question: Question) -> None:
    """Send headers without end."""
    del question
    line.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(300):
        line.send(b"X-%d: x\r\n" % number)
        if line.wait(0.1):
            return


def reset(line: Line, question: Question) -> None:
    """Break the connection at once."""
    del question
    line.reset()
    raise OSError


def reset_within(line: Line, question: Question) -> None:
    """Break the connection in the middle of the body."""
    line.send(HEAD + b"[")
    line.wait(0.05)
    reset(line, question)


UNREADABLE: dict[str, Behaviour] = {
    "no JSON": answer(b"yes"),
    "nothing": answer(b""),
    "HTML": answer(b"<html>OK</html>", headers=["Content-Type: text/html"]),
    "an object": answer(b"{}"),
    "an object of an image": answer(b'{"id": "%s"}' % B.encode()),
    "true": answer(b"true"),
    "null": answer(b"null"),
    "text": answer(b'"OK"'),
    "numbers": answer(b"[1, 2]"),
    "images without id": answer(b'[{"Id": "x"}]'),
    "images with a number": answer(b'[{"id": 7}]'),
    "bad UTF-8": answer(b'[{"id": "\xff"}]'),
    "deep": answer(b"[" * 100_000),
    "two documents": answer(LIST + LIST),
    "gzip": answer(gzip.compress(LIST), headers=["Content-Encoding: gzip"]),
    "a bomb": answer(
        gzip.compress(b" " * 50_000_000), headers=["Content-Encoding: gzip"]
    ),
    "201": answer(LIST, "201 Created"),
    "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "206": answer(LIST, "206 Partial Content"),
    "304": raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "500": answer(LIST, "500 Internal Server Error"),
    "502": answer(b"<html>bad gateway</html>", "502 Bad Gateway"),
    "503": answer(b"", "503 Service Unavailable"),
    "999": answer(LIST, "999 What"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "HTTP/0.9": raw(LIST),
    "TLS": raw(b"\x15\x03\x01\x00\x02\x02\x28"),
    "zeros": raw(b"\0" * 100_000),
}
BROKEN: dict[str, Behaviour] = {
    "closed at once": raw(),
    "closed in the headers": raw(b"HTTP/1.1 200 OK\r\nContent-"),
    "closed in the body": answer(LIST, cut=1),
    "closed in chunks": raw(CHUNKED + b"%x\r\n%s\r\n" % (len(LIST), LIST)),
    "body without length, cut": raw(OPEN_HEAD + LIST[:-1]),
    "length too small": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + LIST),
    "two lengths": raw(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]x"
    ),
    "reset": reset,
    "reset in the body": reset_within,
}
STALLED: dict[str, Behaviour] = {
    "before the answer": raw(close=False),
    "in the headers": raw(b"HTTP/1.1 200 OK\r\nX-", close=False),
    "before the body": raw(HEAD, close=False),
    "in the body": raw(HEAD + b"[", close=False),
    "before the end": raw(OPEN_HEAD + LIST, close=False),
    "before the last chunk": raw(
        CHUNKED + b"%x\r\n%s\r\n" % (len(LIST), LIST), close=False
    ),
    "after an interim answer": raw(b"HTTP/1.1 100 Continue\r\n\r\n", close=False),
    "byte by byte": drip,
    "header by header": drip_headers,
}
LARGE: dict[str, Behaviour] = {
    "with its length": answer(HUGE),
    "in chunks": raw(CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(HUGE), HUGE)),
    "until it closes": raw(OPEN_HEAD + HUGE),
    "said to be larger": raw(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + HUGE, close=False
    ),
    "headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: %s\r\n" % (b"x" * 10_000_000)),
    "many headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: x\r\n" * 1_200_000),
    "a refusal": answer(HUGE, "401 Unauthorized"),
}
REFUSALS = ("400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found")


class MisbehavingTests(case.IndexCase):
    """There is an image, which a good Index lets one read."""

    daemon: V1Daemon
    index: FakeIndex
    GET: ClassVar = (
        f"{R}/tags",
        f"{R}/tags/latest",
        f"/v1/images/{T}/json",
        f"/v1/images/{T}/layer",
        f"/v1/images/{T}/ancestry",
    )

    def setUp(self) -> None:
        super().setUp()
        self.index = self.fake()
        self.daemon = self.serve_with_index(self.index.url)
        self.index.behave = good([B, T])
        write = token()
        for image in (BASE, TOP):
            self.push(self.daemon, image, write)
        body = json.dumps(T).encode()
        reply = self.daemon.ask("PUT", f"{R}/tags/latest", write, body)
        self.assertEqual(reply.status, 200)
        self.before = stored(self.daemon)

    def assertNobodyGetsIn(
        self, behaviours: dict[str, Behaviour], seconds: float = BOUND
    ) -> None:
        """However the Index behaves, all that one learns is to come again."""
        for number, (what, behaviour) in enumerate(behaviours.items()):
            self.index.behave = behaviour
            path = self.GET[number % len(self.GET)]
            reply = self.daemon.ask("GET", path, token("read"))
            self.assertEqual(reply.said, UNAVAILABLE, what)
            self.assertRegex(reply.headers.get("retry-after", ""), r"\A[0-9]+\Z", what)
            self.assertLess(reply.seconds, seconds, what)
        self.assertIsUnharmed()

    def assertIsUnharmed(self) -> None:
        """The registry has what it had, and serves it once the Index is good."""
        self.assertEqual(stored(self.daemon), self.before)
        self.index.behave = good([B, T])
        reply = self.daemon.ask("GET", f"{R}/tags", token("read"))
        self.assertEqual(reply.said, (200, {"latest": T}))

    def test_what_nobody_understands(self) -> None:
        self.assertNobodyGetsIn(UNREADABLE)

    def test_what_breaks_off(self) -> None:
        self.assertNobodyGetsIn(BROKEN)

    def test_what_does_not_come(self) -> None:
        self.assertNobodyGetsIn(STALLED, TIMEOUT + BOUND)

    def test_what_is_too_much(self) -> None:
        before = self.daemon.peak_memory()
        self.assertNobodyGetsIn(LARGE)
        self.assertLess(self.daemon.peak_memory() - before, MEMORY)

    def test_refusals(self) -> None:
        for status in REFUSALS:
            for body in (b"", LIST, b"<html>", b'{"error": "no"}'):
                self.index.behave = answer(body, status)
                reply = self.daemon.ask("GET", f"{R}/tags", token("read"))
                self.assertEqual(reply.said, UNAUTHORIZED, status)
                self.assertEqual(reply.headers["www-authenticate"], "Token")
        self.assertIsUnharmed()

    def test_nothing_is_written_meanwhile(self) -> None:
        image = json.dumps(T).encode()
        for behaviour in (answer(LIST, "500 No"), raw(), answer(b"<html>")):
            self.index.behave = behaviour
            for method, path, access, body in (
                ("PUT", f"/v1/images/{'c' * 64}/json", "write", b"{}"),
                ("PUT", f"/v1/images/{'c' * 64}/layer", "write", b"xy"),
                ("PUT", f"{R}/tags/new", "write", image),
                ("PUT", f"{R}/properties", "write", b'{"access": "private"}'),
                ("DELETE", f"{R}/tags/latest", "delete", None),
                ("DELETE", f"{R}/", "delete", None),
            ):
                reply = self.daemon.ask(method, path, token(access), body)
                self.assertEqual(reply.said, UNAVAILABLE, path)
        self.assertIsUnharmed()

    def test_nobody_is_followed(self) -> None:
        elsewhere = self.fake()
        elsewhere.behave = good([B, T])
        for status in ("301 Moved", "302 Found", "303 See", "307 Same", "308 Same"):
            for target in (
                f"{elsewhere.url}{R}/images",
                f"{self.index.url}{R}/images?again",
                f"//{elsewhere.url.partition('//')[2]}{R}/images",
            ):
                self.index.behave = answer(LIST, status, [f"Location: {target}"])
                asked = len(self.index.asked)
                reply = self.daemon.ask("GET", f"{R}/tags", token("read"))
                self.assertEqual(reply.said, UNAVAILABLE, status)
                self.assertEqual(len(self.index.asked), asked + 1)
        self.assertEqual(elsewhere.asked, [])
        self.assertIsUnharmed()

    def test_what_it_says_of_other_repositories_counts_for_nothing(self) -> None:
        lies = [
            'X-Docker-Token: signature=good,repository="acme/other",access=write',
            f"X-Docker-Endpoints: {self.index.url}",
            "Set-Cookie: session=good; Path=/",
            'WWW-Authenticate: Token signature=good,repository="acme/other"',
        ]
        self.index.behave = answer(LIST, headers=lies)
        write = token()
        reply = self.daemon.ask("GET", f"{R}/tags", write)
        self.assertEqual(reply.said, (200, {"latest": T}))
        self.assertNotIn("x-docker-token", reply.headers)
        self.assertNotIn("x-docker-endpoints", reply.headers)
        asked = len(self.index.asked)
        for path in ("/v1/repositories/acme/other/tags", "/v1/repositories/acme/tags"):
            reply = self.daemon.ask("GET", path, write)
            self.assertEqual(reply.said, UNAUTHORIZED)
        other = self.index.asked[asked:]
        self.assertEqual({each.path for each in other} - {f"{R}/images"}, set())

    def test_cookies_of_the_index_are_not_shown_to_it_again(self) -> None:
        self.index.behave = answer(LIST, headers=["Set-Cookie: who=bob; Path=/"])
        for _ in range(2):
            self.daemon.ask("GET", f"{R}/tags", token("read"))
        self.assertNotIn("cookie", self.index.asked[-1].headers)

    def test_image_that_is_not_listed_is_not_taken(self) -> None:
        new = "c" * 64
        for listed in ([], [B, T], ["x", "../c", new.upper(), new + "\n", new[:63]]):
            self.index.behave = good(listed)
            reply = self.daemon.ask(
                "PUT", f"/v1/images/{new}/json", token(), b'{"id": "%s"}' % new.encode()
            )
            self.assertEqual(
                reply.said,
                (400, {"error": "This image does not belong to the repository"}),
            )
        self.assertIsUnharmed()

    def test_parent_that_may_not_be_used(self) -> None:
        new = "c" * 64
        data = json.dumps({"id": new, "parent": B}).encode()
        denied = (400, {"error": "Image depends on an unauthorized parent"})
        listed = answer(json.dumps([{"id": new}]).encode())
        for access, said in (
            (answer(b'{"access": false}'), denied),
            (answer(b"", "403 Forbidden"), denied),
            (answer(b"", "404 Not Found"), denied),
            (answer(b'{"access": "true"}'), UNAVAILABLE),
            (answer(b'{"access": 1}'), UNAVAILABLE),
            (answer(b"true"), UNAVAILABLE),
            (answer(b"[]"), UNAVAILABLE),
            (answer(b"<html>"), UNAVAILABLE),
            (answer(b"", "500 No"), UNAVAILABLE),
            (raw(), UNAVAILABLE),
        ):

            def behave(
                line: Line, question: Question, access: Behaviour = access
            ) -> None:
                asked = question.path.endswith("/access")
                (access if asked else listed)(line, question)

            self.index.behave = behave
            reply = self.daemon.ask("PUT", f"/v1/images/{new}/json", token(), data)
            self.assertEqual(reply.said, said)
        self.assertIsUnharmed()

    def test_private_image_that_may_not_be_seen(self) -> None:
        self.index.behave = good([B, T])
        body = b'{"access": "private"}'
        reply = self.daemon.ask("PUT", f"{R}/properties", token(), body)
        self.assertEqual(reply.status, 200)
        path = f"/v1/images/{T}/json"
        self.assertEqual(self.daemon.ask("GET", path, token("read")).status, 200)
        self.index.behave = good([B, T], may=False)
        reply = self.daemon.ask("GET", path, token("read"))
        self.assertEqual(reply.said, (404, {"error": "Image not found"}))

    def test_many_who_wait_do_not_stop_the_registry(self) -> None:
        """Whoever needs no Index is answered at once."""
        self.index.behave = raw(close=False)
        asked = len(self.index.asked)
        with ThreadPoolExecutor(20) as threads:
            waiting = [
                threads.submit(self.daemon.ask, "GET", f"{R}/tags", token("read"))
                for _ in range(20)
            ]
            self.eventually(lambda: len(self.index.asked) > asked)
            reply = self.daemon.ask("GET", "/v1/_ping")
            self.assertEqual(reply.status, 200)
            self.assertLess(reply.seconds, TIMEOUT)
            for each in waiting:
                self.assertEqual(each.result().said, UNAVAILABLE)
        self.assertIsUnharmed()
