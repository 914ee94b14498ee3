"""One request to a server, and its answer."""

from collections.abc import Mapping
from typing import Any, Final

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.interfaces import IReactorTime
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
from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.bodies import UpstreamBody
from txregistry.client.upstreams.faults import Distrusted, Faltered
from txregistry.client.upstreams.interfaces import UpstreamFault, UpstreamWrong
from txregistry.client.upstreams.limits import Patience
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.tunnels import TunnelRefused
from txregistry.client.upstreams.whereabouts import Strayed
from txregistry.storage.requestbody import BytesBody, Deadline, WrittenBody

Body = BytesBody | WrittenBody
"""What goes with a request."""

_WRAPPERS: Final = (RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed)
_CANCELLED: Final = (CancelledError, ConnectingCancelledError)
_BROKEN: Final = (ConnectError, ConnectionClosed, RequestNotSent, OSError)
_DISTRUST: Final = (SSL.Error, VerificationError)


class Wire:
    """Ask servers, one request at a time; nothing is repeated or followed.

    Args:
        name: What the upstream is called.
        agent: What makes a request.
        clock: What measures the time.
        patience: How long.
    """

    _log = Logger()

    def __init__(
        self, name: str, agent: IAgent, clock: IReactorTime, patience: Patience
    ) -> None:
        self._name = name
        self._agent = VerbatimAgent(agent)
        self._clock = clock
        self._patience = patience

    async def send(
        self,
        method: str,
        place: Place,
        headers: Mapping[str, str],
        form: bytes | None = None,
        *,
        body: Body | None = None,
        works: bool = False,
    ) -> Answer:
        """Make a request.

        Args:
            method: The method.
            place: What is asked.
            headers: Header fields; they may hold secrets.
            form: The body, where there is one and it is short.
            body: The body, where it is any other.
            works: Whether the server moves many bytes before it answers.

        Returns:
            The answer, whose body somebody has to close.

        Raises:
            Faltered: there is none.
            Distrusted: the server does not prove who it is.
            UpstreamWrong: it is no answer of HTTP, or we do not go there.
            CancelledError: nobody wants it any more.
        """
        if form is not None:
            body = BytesBody(form)
        patience = self._patience.work if works else self._patience.answer
        try:
            response = await self._request(method, place, headers, body, patience)
        except (CancelledError, UpstreamFault):
            raise
        except Exception as fault:  # noqa: BLE001 - an agent fails with anything
            raise self._judge(place, _cause(fault)) from None
        length = None if response.length == UNKNOWN_LENGTH else response.length
        found = UpstreamBody(self._name, length, self._clock, self._patience.stall)
        response.deliverBody(found)
        return Answer(method, place, response.code, response.headers, found)

    async def _request(
        self,
        method: str,
        place: Place,
        headers: Mapping[str, str],
        body: Body | None,
        patience: float,
    ) -> IResponse:
        fields = {name: [text] for name, text in headers.items()}
        sent: Deferred[IResponse] = self._agent.request(
            method.encode("ascii"),
            str(place).encode("ascii"),
            Headers(fields),
            body,
        )
        deadline = Deadline(self._clock, patience, sent.cancel, body)
        try:
            return await sent
        except Exception as fault:
            if deadline.passed:
                raise Faltered(
                    self._name, f"did not answer in {patience:g} s"
                ) from None
            if isinstance(_cause(fault), _CANCELLED):
                raise CancelledError from None
            raise
        finally:
            deadline.lift()

    def _judge(self, place: Place, cause: BaseException) -> UpstreamFault:
        """Say what it is that went wrong, in words that hold nobody else's."""
        kind = type(cause).__name__
        self._log.info(
            "No answer for {upstream} from {server}: {kind}",
            upstream=self._name,
            server=place.shown,
            kind=kind,
        )
        if isinstance(cause, DNSLookupError):
            return Faltered(self._name, "cannot be found by its name")
        if isinstance(cause, _BROKEN):
            return Faltered(self._name, f"cannot be asked ({kind})")
        if isinstance(cause, TunnelRefused):
            status = f" ({cause.status})" if cause.status else ""
            return Faltered(self._name, f"is not let through by our proxy{status}")
        if isinstance(cause, _DISTRUST):
            what = "does not prove who it is"
            if _is_alert(cause):
                what = "wants another certificate of us than it is shown, if any"
            return Distrusted(self._name, what)
        if isinstance(cause, Strayed):
            return UpstreamWrong(
                self._name, "sends us to an address where we do not go"
            )
        return UpstreamWrong(self._name, f"does not answer as HTTP does ({kind})")


def _is_alert(cause: BaseException) -> bool:
    """Whether it is the other end that minds what TLS says, and tells us."""
    if not isinstance(cause, SSL.Error) or not cause.args:
        return False
    return any("alert" in str(each) for each in cause.args[0])


def _cause(fault: Any) -> BaseException:
    """Give what is inside of an agent's failures."""
    while isinstance(fault, _WRAPPERS) and fault.reasons:
        fault = fault.reasons[0].value
    found: BaseException = fault
    return found
