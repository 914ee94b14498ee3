"""A meter between a registry and its store: it counts what passes, and changes nothing.

Both directions are forwarded as they come, and read as HTTP/1.1 on the way.
"""

import re
import socket
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from tests.benchmarks.report import MeasureError
from tests.benchmarks.servers import HOST

_PIECE = 1 << 20
#: How far the end of a line is looked for at once: what follows it is long.
_LINE = 1024
_BODILESS = (204, 304)
_INTERIM = range(100, 200)
#: The end of chunks that Debian's Swift sends after the head of what is not there.
_STRAY = "0"
_COPIED = re.compile(r"bytes=(\d+)-(\d+)")
_ACCOUNT = re.compile(r"^/v1/[^/]+")
#: What lies under a key, by the first pattern that is found in it.
_KINDS = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"(^|/)segments/|data-parts/(?!state)", "segment"),
        (r"(^|/)finals/", "note"),
        (r"data-parts/state|/data/[0-9]+$", "state"),
        (r"/blobs/[a-z0-9]+/../[0-9a-f]+/data$", "blob"),
        (r"/startedat$", "session"),
        (r"/link$", "link"),
    )
)
#: What a query makes of a request, by the first name that is in it.
_PURPOSES = (
    ("partNumber", "part"),
    ("uploadId", "upload"),
    ("uploads", "upload"),
    ("multipart-manifest", "manifest"),
    ("list-type", "listing"),
    ("format", "listing"),
    ("delete", "many"),
    ("bulk-delete", "many"),
)


@dataclass(frozen=True)
class Asked:
    """A kind of request: its method, what lies under the key, what the query is for."""

    method: str
    kind: str
    purpose: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.kind, self.purpose)))


@dataclass(frozen=True)
class Count:
    """How often something was asked, and the bytes of bodies.

    Args:
        requests: How often.
        written: Bytes that went to the service.
        read: Bytes that came from it.
        copied: Bytes that it copied itself, as far as requests tell.
    """

    requests: int = 0
    written: int = 0
    read: int = 0
    copied: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.requests + other.requests,
            self.written + other.written,
            self.read + other.read,
            self.copied + other.copied,
        )


Counts = Mapping[Asked, Count]


def total(counts: Counts) -> Count:
    """Add counts up, whatever was asked."""
    return sum(counts.values(), Count())


class Meter:
    """Listen, and pass everything on to a port. A context manager that ends it.

    Args:
        port: Where the service listens, on the loopback interface.
    """

    def __init__(self, port: int) -> None:
        self._behind = port
        self._lock = Lock()
        self._counts: dict[Asked, Count] = {}
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((HOST, 0), backlog=512)
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()  # from now on there are no new ones
        with self._lock:
            ending = list(self._open)
        for each in ending:
            _end(each)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    @property
    def url(self) -> str:
        """Where it listens, as a URL without a path."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}"

    def take(self) -> Counts:
        """Return what passed since this was last asked."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts

    def add(self, asked: Asked, count: Count) -> None:
        """Count something."""
        with self._lock:
            self._counts[asked] = self._counts.get(asked, Count()) + count

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                front = self._listener.accept()[0]
                behind = socket.create_connection((HOST, self._behind))
                exchange = _Exchange(self.add)
                self._pass_on(front, behind, exchange.asks)
                self._pass_on(behind, front, exchange.answers)

    def _pass_on(
        self, source: socket.socket, target: socket.socket, reading: "_Messages"
    ) -> None:
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(source)
        thread = Thread(
            target=self._run, args=(source, target, reading.feed), daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _run(
        self,
        source: socket.socket,
        target: socket.socket,
        feed: Callable[[memoryview], None],
    ) -> None:
        """Pass on what comes from one end, until that or the other end is closed."""
        view = memoryview(bytearray(_PIECE))
        try:
            with suppress(OSError):
                while size := source.recv_into(view):
                    feed(view[:size])
                    target.sendall(view[:size])
        finally:
            # The other direction sees that nothing more can come, and ends itself.
            _end(source)
            _end(target)
            with self._lock:
                self._open.discard(source)
            source.close()


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


class _Messages:
    """Read messages of HTTP/1.1, one after the other, without keeping their bodies.

    Args:
        begin: Takes the first line and the fields of a message, and tells whether it
            may have a body.
        body: Takes how many bytes of a body have come.
    """

    def __init__(
        self,
        begin: Callable[[str, Mapping[str, str]], bool],
        body: Callable[[int], None],
    ) -> None:
        self._begin = begin
        self._body = body
        self._step = self._head
        self._text = b""
        self._left = 0

    def feed(self, data: memoryview) -> None:
        """Take what has come."""
        while data:
            data = self._step(data)

    def _line(self, data: memoryview, end: bytes) -> tuple[str | None, memoryview]:
        """Take up to some bytes; nothing where they have not come."""
        before = len(self._text)
        text = self._text + bytes(data[:_LINE])
        found = text.find(end)
        if found < 0:
            self._text = text
            return None, data[_LINE:]
        self._text = b""
        return text[:found].decode("latin-1"), data[found + len(end) - before :]

    def _head(self, data: memoryview) -> memoryview:
        head, data = self._line(data, b"\r\n\r\n")
        if head is None:
            return data
        first, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if self._begin(first, fields):
            if fields.get("transfer-encoding", "").lower() == "chunked":
                self._step = self._chunk
            else:
                self._left = int(fields.get("content-length", "0"))
                self._step = self._rest if self._left else self._head
        return data

    def _rest(self, data: memoryview) -> memoryview:
        size = min(self._left, len(data))
        self._body(size)
        self._left -= size
        if not self._left:
            self._step = self._head
        return data[size:]

    def _chunk(self, data: memoryview) -> memoryview:
        line, data = self._line(data, b"\r\n")
        if line is not None:
            self._left = int(line.partition(";")[0], 16)
            self._step = self._piece if self._left else self._trailer
        return data

    def _piece(self, data: memoryview) -> memoryview:
        size = min(self._left, len(data))
        self._body(size)
        self._left -= size
        if not self._left:
            self._step = self._between
        return data[size:]

    def _between(self, data: memoryview) -> memoryview:
        line, data = self._line(data, b"\r\n")
        if line is not None:
            self._step = self._chunk
        return data

    def _trailer(self, data: memoryview) -> memoryview:
        line, data = self._line(data, b"\r\n")
        if line == "":
            self._step = self._head
        return data


class _Exchange:
    """What one connection is used for.

    Args:
        add: Counts something.
    """

    def __init__(self, add: Callable[[Asked, Count], None]) -> None:
        self.asks = _Messages(self._ask, self._sent)
        self.answers = _Messages(self._answer, self._received)
        self._add = add
        self._waiting: deque[Asked] = deque()
        self._asking = self._answered = Asked("", "")

    def _ask(self, first: str, fields: Mapping[str, str]) -> bool:
        method, _, rest = first.partition(" ")
        asked = _understand(method, rest.rpartition(" ")[0])
        copied = 0
        if "x-amz-copy-source" in fields or "x-copy-from" in fields:
            asked = Asked(method, asked.kind, f"{asked.purpose} copy".strip())
            span = _COPIED.fullmatch(fields.get("x-amz-copy-source-range", ""))
            copied = int(span[2]) + 1 - int(span[1]) if span else 0
        self._asking = asked
        self._waiting.append(asked)
        self._add(asked, Count(requests=1, copied=copied))
        return True

    def _sent(self, size: int) -> None:
        self._add(self._asking, Count(written=size))

    def _answer(self, first: str, _: Mapping[str, str]) -> bool:
        if first == _STRAY:
            return False
        status = int(first.split(" ")[1])
        if status in _INTERIM:
            return False
        if not self._waiting:
            raise MeasureError("the service answers what nobody asked")
        self._answered = self._waiting.popleft()
        return self._answered.method != "HEAD" and status not in _BODILESS

    def _received(self, size: int) -> None:
        self._add(self._answered, Count(read=size))


def _understand(method: str, target: str) -> Asked:
    """Tell what kind of request it is, by S3's paths or Swift's."""
    path, _, query = target.partition("?")
    names = [part.partition("=")[0] for part in query.split("&")]
    purpose = next((what for name, what in _PURPOSES if name in names), "")
    if path.startswith("/auth/"):
        return Asked(method, "login")
    _, _, key = unquote(_ACCOUNT.sub("", path, count=1)).lstrip("/").partition("/")
    if not key:
        return Asked(method, "container", purpose)
    found = (kind for pattern, kind in _KINDS if pattern.search(key))
    return Asked(method, next(found, "other"), purpose)
