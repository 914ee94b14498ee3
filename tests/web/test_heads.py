"""Tests that a head read in one piece is what Twisted's parser reads line by line."""

from inspect import getsource
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.tcp import Server
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel, Request

from txregistry.web.heads import Head, _parse_usual, parse_head

_PLAIN = b"GET /v2/a/manifests/b?c=d HTTP/1.1\r\nHost: x:5000\r\nAccept: a/b\r\n\r\n"
_START = "GET /v2/ HTTP/1.1\r\n"


class _Noting(Request):
    """A request that goes nowhere."""

    def process(self) -> None:
        """See `Request`."""


def by_twisted(data: bytes) -> Any:
    """Let Twisted's own parser read a head; None where it takes it for none."""
    channel: Any = HTTPChannel()
    channel.requestFactory = _Noting
    channel.makeConnection(StringTransport())
    channel.dataReceived(data)
    channel.setTimeout(None)
    found = channel.requests
    if found and found[0].content is not None:
        found[0].taken = found[0].content.read()
        found[0].content.close()
    return found[0] if found and channel._handlingRequest else None


class HeadTests(SynchronousTestCase):
    def assertSameHead(self, head: Head, data: bytes) -> None:
        """Twisted reads the same, and takes as long a body for its end."""
        rest = b"0\r\n\r\n" if head.length is None else b"x" * head.length
        found = by_twisted(data[: head.end] + rest)
        self.assertIsNotNone(found)
        self.assertEqual((head.method, head.target), (found.method, found.uri))
        self.assertEqual(
            list(head.headers.getAllRawHeaders()),
            list(found.requestHeaders.getAllRawHeaders()),
        )
        self.assertEqual(len(found.taken), head.length or 0)
        self.assertEqual(found.channel.persistent, not head.closes)
        if rest:
            self.assertIsNone(by_twisted(data[: head.end] + rest[:-1]))

    def test_is_read(self) -> None:
        head = parse_head(_PLAIN)
        assert head is not None
        self.assertSameHead(head, _PLAIN)
        self.assertEqual(head.headers.getRawHeaders("accept"), ["a/b"])

    def test_is_read_before_a_body(self) -> None:
        for method, framing, length in (
            ("POST", "Content-Length: 0\r\n", 0),
            ("POST", "", 0),
            ("PATCH", "Transfer-Encoding: chunked\r\n", None),
            ("PUT", "content-LENGTH: 7\r\n", 7),
            ("GET", "Content-Length: 12\r\n", 12),
        ):
            data = f"{method} /v2/ HTTP/1.1\r\nHost: x\r\n{framing}\r\n".encode()
            head = parse_head(data if length == 0 else data + b"body")
            assert head is not None
            self.assertEqual((head.length, head.end), (length, len(data)))
            self.assertSameHead(head, data)

    def test_what_is_remembered_is_nobody_elses(self) -> None:
        """Whoever changes headers changes those of one request."""
        first, second = parse_head(_PLAIN), parse_head(_PLAIN)
        assert first is not None
        assert second is not None
        first.headers.addRawHeader("accept", "x/y")
        first.headers.removeHeader("host")
        self.assertSameHead(second, _PLAIN)
        third = parse_head(_PLAIN)
        assert third is not None
        self.assertSameHead(third, _PLAIN)

    def test_secrets_are_not_remembered(self) -> None:
        for line in ("AUTHORIZATION: Basic YTpi", "Cookie: a=b", "X-Docker-Token: t"):
            data = _PLAIN[:-2] + f"{line}\r\n\r\n".encode()
            before = _parse_usual.cache_info()
            parse_head(data)
            self.assertEqual(_parse_usual.cache_info(), before)

    def test_what_is_odd_is_left_to_twisted(self) -> None:
        host = "Host: x\r\n"
        for text in (
            *("", "\r\n", _START, f"{_START}\r\n", f"{_START}{host}"),
            f"DELETE /v2/ HTTP/1.1\r\n{host}\r\n",
            f"get /v2/ HTTP/1.1\r\n{host}\r\n",
            f"GET /v2/ HTTP/1.0\r\n{host}\r\n",
            f"GET  /v2/ HTTP/1.1\r\n{host}\r\n",
            f"GET http://x/v2/ HTTP/1.1\r\n{host}\r\n",
            f"GET /v2/\x80 HTTP/1.1\r\n{host}\r\n",
            f"\r\n{_START}{host}\r\n",
            f"{_START}{host}{host}\r\n",
            f"{_START}Host: a b\r\n\r\n",
            f"{_START}Host : x\r\n\r\n",
            f"{_START}{host} folded\r\n\r\n",
            f"{_START}{host}X\r\n\r\n",
            f"{_START}{host}: y\r\n\r\n",
            f"{_START}{host}X: \0\r\n\r\n",
            f"{_START}{host}X: a\nY: b\r\n\r\n",
            f"{_START}{host}X: a\rY: b\r\n\r\n",
            f"{_START}Host: x\n\r\n",
            f"{_START}{host}Connection: close, upgrade\r\n\r\n",
            f"{_START}{host}Connection: close\r\nConnection: x\r\n\r\n",
            f"{_START}{host}Content-Length: -1\r\n\r\n",
            f"{_START}{host}Content-Length: +1\r\n\r\n",
            f"{_START}{host}Content-Length: 1, 1\r\n\r\n",
            f"{_START}{host}Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
            f"{_START}{host}Content-Length: 1234567890123456789\r\n\r\n",
            f"{_START}{host}Transfer-Encoding: gzip\r\n\r\n",
            f"{_START}{host}Transfer-Encoding: CHUNKED, identity\r\n\r\n",
            f"{_START}{host}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            f"{_START}{host}Content-Length: 0\r\n\r\nbody",
            f"{_START}{host}Expect: 100-continue\r\n\r\n",
            f"{_START}{host}\r\nbody",
            f"{_START}{host}\r\n{_START}{host}\r\n",
            _START + host + "X: y\r\n" * 100 + "\r\n",
            f"{_START}{host}X: {'y' * 8192}\r\n\r\n",
        ):
            self.assertIsNone(parse_head(text.encode("latin-1")), repr(text[:80]))

    @given(
        st.text("/v2abc%?.:~", max_size=12),
        st.lists(
            st.tuples(
                st.text("aB-3_:~ \t\r", min_size=1, max_size=5)
                | st.sampled_from(
                    ["Content-Length", "Transfer-Encoding", "Connection"]
                ),
                st.text("a \t;:\x7f\xe9\r\n\0,", max_size=8)
                | st.sampled_from(["0", "7", " 07 ", "1_0", "chunked", " Chunked"])
                | st.sampled_from(["close", " Close", "keep-alive", "close, x"]),
            ),
            max_size=4,
        ),
    )
    def test_nothing_is_read_otherwise(
        self, target: str, pairs: list[tuple[str, str]]
    ) -> None:
        lines = [f"GET /{target} HTTP/1.1", "Host: x", *map(":".join, pairs), "", ""]
        data = "\r\n".join(lines).encode("latin-1")
        head = parse_head(data)
        if head is not None:
            self.assertSameHead(head, data)

    def test_names_of_a_transport(self) -> None:
        """What is asked of one before an answer is sent past its buffers."""
        source = "".join(map(getsource, Server.__mro__[:-1]))
        for name in ("dataBuffer", "_tempDataBuffer", "disconnecting", "connected"):
            self.assertIn(f"self.{name} = ", source)
        self.assertFalse(Server.TLS)
