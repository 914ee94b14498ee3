"""A server that gives the answers it was told to, over Twisted's own HTTP in memory."""

from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from txregistry.storage.remote import Patience, RemoteServer

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Reply:
    """An answer.

    Attributes:
        status: Its status.
        body: Its body, or what there is of it.
        headers: Its header fields, in UTF-8, or in any bytes by ``surrogateescape``.
        after: What follows the body: ``end``, ``cut`` or ``silence``.
        length: What it claims the length of its body to be; None: chunks.
        refused: It is none: no connection is made.
        echo: A header field that it has as the request had it that was put last.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: str = "end"
    length: int | None = -1
    refused: bool = False
    echo: str = ""


SILENT = Reply(after="silence", length=None)
"""Nothing comes, not even headers."""
LOST = Reply(after="cut", length=None)
"""The connection ends before any headers."""
REFUSED = Reply(refused=True)


@dataclass(frozen=True)
class Asked:
    """What the server was asked."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str:
        """Give a field's first value; empty where there is none."""
        return (self.headers.getRawHeaders(name) or [""])[0]


class _Player(Resource):
    isLeaf = True

    def __init__(self, replies: deque[Reply], asked: list[Asked]) -> None:
        super().__init__()
        self._replies = replies
        self._asked = asked

    def render(self, request: Request) -> int | bytes:
        """See ``IResource``."""
        assert request.content is not None
        self._asked.append(
            Asked(
                request.method.decode(),
                request.uri.decode(),
                request.requestHeaders,
                request.content.read(),
            )
        )
        reply = self._replies.popleft()
        if reply is LOST:
            request.loseConnection()
        if reply in {SILENT, LOST}:
            return NOT_DONE_YET
        request.setResponseCode(reply.status)
        for name, text in reply.headers.items():
            request.setHeader(name.encode(), text.encode(errors="surrogateescape"))
        if reply.echo:
            put = [each for each in self._asked if each.method == "PUT"]
            request.setHeader(reply.echo, put[-1].header(reply.echo))
        if reply.length is not None:
            size = len(reply.body) if reply.length < 0 else reply.length
            request.setHeader("Content-Length", str(size))
        if request.method == b"HEAD":
            request.setHeader("Content-Length", str(max(reply.length or 0, 0)))
            return b""
        request.write(reply.body)
        if reply.after == "end":
            request.finish()
        elif reply.after == "cut":
            request.loseConnection()
        return NOT_DONE_YET


@implementer(IAgent)
class PlayedAgent:
    """Make requests to a server that plays what it was told.

    Attributes:
        asked: What it was asked.
    """

    def __init__(self, replies: tuple[Reply, ...]) -> None:
        self.asked: list[Asked] = []
        self._replies = deque(replies)
        self._agent = RequestTraversalAgent(_Player(self._replies, self.asked))

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See ``IAgent``."""
        if self._replies[0].refused:
            self._replies.popleft()
            failed: Deferred[IResponse] = Deferred()
            failed.errback(Failure(Refused()))
            return failed
        sent: Deferred[IResponse] = self._agent.request(
            method, uri, headers, bodyProducer
        )
        return sent

    def flush(self) -> None:
        """Let what is on its way arrive."""
        self._agent.flush()

    @property
    def left(self) -> int:
        """Answers that nobody asked for."""
        return len(self._replies)


class PlayedCase(SynchronousTestCase):
    """A test of what is made of some answers."""

    def play(self, *replies: Reply, chance: float = 1.0) -> RemoteServer:
        """Give a server that answers so, in this order."""
        self.clock = Clock()
        self.agent = PlayedAgent(replies)
        return RemoteServer(self.agent, self.clock, Patience(), lambda: chance)

    def settle(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Let some work go on, and time with it, until it ends."""
        done = Deferred.fromCoroutine(work)
        deadline = self.clock.seconds() + 3600
        while not done.called and self.clock.seconds() < deadline:
            self.agent.flush()
            self.clock.advance(0.25)
        return done

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to."""
        return self.successResultOf(self.settle(work))

    def fault(self, kind: type[Exception], work: Coroutine[Any, Any, Any]) -> str:
        """Expect some work to fail, and give what is said of it."""
        return str(self.failureResultOf(self.settle(work), kind).value)
