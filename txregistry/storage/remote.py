"""Servers that keep objects, over HTTP: how long they are waited for, how often asked.

What a request and its answer mean is the backend's affair.
"""

import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from OpenSSL import SSL
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    ConnectionDone,
    DNSLookupError,
)
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.client import (  # type: ignore[attr-defined]  # one is raised
    RequestGenerationFailed,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse

from txregistry.agents import VerbatimAgent
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.remotebody import Faltered, RemoteBody
from txregistry.storage.requestbody import (
    BytesBody,
    Deadline,
    PiecesBody,
    WrittenBody,
)
from txregistry.streams import read_all

T = TypeVar("T")

_WRAPPERS: Final = (RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed)
_CANCELLED: Final = (CancelledError, ConnectingCancelledError)
_FAULTS: Final = (
    *_WRAPPERS,
    *_CANCELLED,
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    RequestNotSent,
)
"""What an agent's request fails with where no answer could be had."""
_DISTRUST: Final = (SSL.Error, VerificationError)
"""What ends connections to servers that do not prove who they are."""
_CERTIFICATE: Final = re.compile("certificate|VerificationError", re.IGNORECASE)
_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of servers that may answer better a moment later."""

_REMARK: Final = 64 * 1024
"""Bytes that are read of what says why not."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for, and how often it is asked.

    Attributes:
        answer: Seconds until the headers of an answer are there.
        stall: Seconds for which a body that is waited for may stand still.
        attempts: How often a request is made at most.
        pause: Seconds before the second attempt, doubled before each further one; a
            part of them, up to half, is left to chance.
        longest: Seconds that a server may ask for beside that, at most.
        work: Seconds until the headers of an answer are there that the server has to
            work for: many answer only then, and asked again they would begin anew.
    """

    answer: float = 30.0
    stall: float = 30.0
    attempts: int = 4
    pause: float = 0.5
    longest: float = 10.0
    work: float = 300.0


@dataclass(frozen=True, slots=True)
class Advice:
    """What to look at where servers cannot be used; for whoever reads the log.

    Attributes:
        place: What says where they are.
        trust: What says which authorities are trusted.
    """

    place: str = "its address"
    trust: str = "the authorities that are trusted"


@dataclass(frozen=True, slots=True)
class Request:
    """What a server is asked.

    Attributes:
        place: What is asked, in words, for whoever has to look into a failure.
        method: The method.
        url: The whole URL, quoted.
        headers: Header fields; they may hold secrets.
        body: Its body. With a `WrittenBody` it is made once, whatever comes of it; any
            other request is one that may be repeated.
        works: Whether the server moves many bytes before it answers.
    """

    place: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: BytesBody | PiecesBody | WrittenBody | None = None
    works: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        place: Who it was, in words.
        status: The status code.
        headers: The header fields.
        body: The body, as it is stored: nothing is unpacked.
    """

    place: str
    status: int
    headers: Headers
    body: RemoteBody

    def header(self, name: str) -> str:
        """Give a field's first value; empty where there is none."""
        return _first(self.headers, name)

    async def remark(self) -> bytes:
        """Read a body that says why not; the connection can be used again then.

        Returns:
            The body; nothing where it is long.
        """
        return await read_all(self.body, _REMARK) or b""


class RemoteServer:
    """Ask servers over HTTP, again where that may help.

    Args:
        agent: What makes one request.
        clock: What measures the time.
        patience: How long, and how often.
        chance: A number from 0 to 1, another each time.
        advice: What to look at where they cannot be used.
    """

    _log = Logger()

    def __init__(
        self,
        agent: IAgent,
        clock: IReactorTime,
        patience: Patience = Patience(),
        chance: Callable[[], float] = random.random,
        advice: Advice = Advice(),
    ) -> None:
        self._agent = VerbatimAgent(agent)
        self._clock = clock
        self._patience = patience
        self._chance = chance
        self._advice = advice

    async def ask(
        self, make: Callable[[], Request], take: Callable[[Answer], Awaitable[T]]
    ) -> T:
        """Make a request until something comes of it.

        Args:
            make: Gives the request, anew for each attempt: signatures grow old.
            take: Makes what is wanted of the answer. Where it raises `Faltered`, the
                request is made again; where it raises, the body is closed.

        Returns:
            What ``take`` made.

        Raises:
            Faltered: the server never answered, or not to the end.
            StorageUnavailable: it did not prove who it is.
        """
        attempt = 1
        while True:
            request = make()
            try:
                return await self._attempt(request, take)
            except Faltered as fault:
                once = isinstance(request.body, WrittenBody)
                if once or attempt >= self._patience.attempts:
                    raise
                self._log.info("Asking again: {fault}", fault=str(fault))
                after = min(fault.after, self._patience.longest)
            pause = self._patience.pause * 2.0 ** (attempt - 1)
            await deferLater(self._clock, after + pause * (0.5 + self._chance() / 2))
            attempt += 1

    async def _attempt(
        self, request: Request, take: Callable[[Answer], Awaitable[T]]
    ) -> T:
        answer = await self._send(request)
        try:
            return await take(answer)
        except BaseException:
            await answer.body.close()
            raise

    async def _send(self, request: Request) -> Answer:
        # No client is kept: nobody wants the cookies of the last answer.
        sent = HTTPClient(self._agent).request(
            request.method,
            request.url,
            headers=Headers({name: [text] for name, text in request.headers.items()}),
            data=request.body,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._clock,  # type: ignore[arg-type]  # or it takes the global one
        )
        patience = self._patience.work if request.works else self._patience.answer
        late = Deadline(self._clock, patience, sent.cancel, request.body)
        try:
            response: IResponse = await sent
        except _FAULTS as fault:
            if late.passed:
                raise Faltered(
                    f"{request.place} did not answer in {patience:g} s"
                ) from fault
            cause = _cause(fault)
            if isinstance(cause, _CANCELLED):
                raise CancelledError from fault
            raise self._explain(request.place, cause) from fault
        finally:
            late.lift()
        length = None if response.length == UNKNOWN_LENGTH else response.length
        body = RemoteBody(request.place, length, self._clock, self._patience.stall)
        response.deliverBody(body)
        if response.code in _AGAIN:
            await body.close()
            refused = Faltered(f"{request.place} answered {response.code}")
            refused.after = self._read_pause(response.headers)
            raise refused
        return Answer(request.place, response.code, response.headers, body)

    def _explain(self, place: str, cause: BaseException) -> StorageUnavailable:
        """Make an exception of what ended a request without an answer."""
        said = _say(cause)
        if isinstance(cause, _DISTRUST) and _CERTIFICATE.search(said):
            return StorageUnavailable(
                f"{place} does not prove who it is: {said}; look at its certificate, "
                f"and at {self._advice.trust}"
            )
        if isinstance(cause, (ConnectError, DNSLookupError, *_DISTRUST)):
            said = f"{said}; look at {self._advice.place}"
        return Faltered(f"{place} gave no answer: {said}")

    def _read_pause(self, headers: Headers) -> float:
        """Read for how many seconds a server wants to be left alone.

        What cannot be read is no wish. Source: RFC 9110, section 10.2.3.
        """
        told, now = (_first(headers, name) for name in ("Retry-After", "Date"))
        if re.fullmatch(r"[0-9]{1,9}", told):
            return float(told)
        until = _read_date(told)
        if until is None:
            return 0.0
        since = _read_date(now)  # its clock may be another one than ours
        return max(until - (self._clock.seconds() if since is None else since), 0.0)


def _cause(fault: Any) -> BaseException:
    """Give what is inside of an agent's failures."""
    while isinstance(fault, _WRAPPERS) and fault.reasons:
        fault = fault.reasons[0].value
    found: BaseException = fault
    return found


def _first(headers: Headers, name: str) -> str:
    """Give a field's first value, of whatever bytes; empty where there is none."""
    return (headers.getRawHeaders(name.encode()) or [b""])[0].decode("latin-1")


def _read_date(text: str) -> float | None:
    """Read a date of HTTP, as seconds since 1970; None where it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _say(cause: BaseException) -> str:
    """Name a cause, in one line; a server may have had a say in it."""
    if isinstance(cause, ConnectionDone):
        return "it closed the connection"
    text = re.sub(r"[^ -~]+", " ", f"{type(cause).__name__}: {cause}")
    return text[:200].rstrip(" .:")
