"""Bodies as they come from the network."""

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from txregistry.storage.remotebody import RemoteBody


class UpstreamBody(RemoteBody):
    """The body of an answer, which may end with its connection.

    Where no length is told, that is how HTTP/1.0 ends it: whether it is whole is for
    its reader to see.

    Attributes:
        received: Bytes that have come.
        ended_by_connection: Whether it ended so.
    """

    received = 0
    ended_by_connection = False

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        self.received += len(data)
        super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See ``IProtocol``."""
        if reason.check(PotentialDataLoss):
            self.ended_by_connection = True
            reason = Failure(ResponseDone())
        super().connectionLost(reason)
