"""What stands between our own requests and Twisted's way to make them."""

from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer


@implementer(IAgent)
class VerbatimAgent:
    """Take bodies as they are sent: nobody knows what a packed one unpacks to.

    treq asks for gzip, and unpacks whatever says that it has it.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See ``IAgent``."""
        plain = Headers() if headers is None else headers.copy()
        plain.setRawHeaders(b"accept-encoding", [b"identity"])
        plain.setRawHeaders(b"user-agent", [b"txregistry"])
        asked: Deferred[IResponse] = self._agent.request(
            method, uri, plain, bodyProducer
        )
        return asked.addCallback(_leave_packed)


def _leave_packed(response: IResponse) -> IResponse:
    response.headers.removeHeader(b"content-encoding")
    return response
