"""A network in memory whose names lead to addresses of a test's choice."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from zope.interface import implementer

from tests.client.network import Connection, Network, Peer


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """See ``IHostResolution``: it is over already."""


@implementer(IHostnameResolver)
class Names:
    """Know where names lead; those that are addresses lead there.

    Args:
        known: Addresses, by names.
    """

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self.known = dict(known)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: Any,  # noqa: N803 - Twisted's name
        hostName: str,  # noqa: N803 - Twisted's name
        portNumber: int = 0,  # noqa: N803 - Twisted's name
        addressTypes: Any = None,  # noqa: N803 - Twisted's name
        transportSemantics: str = "TCP",  # noqa: N803 - Twisted's name
    ) -> IHostResolution:
        """See ``IHostnameResolver``."""
        del addressTypes, transportSemantics
        resolution: IHostResolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for address in self.known.get(hostName, [hostName]):
            resolutionReceiver.addressResolved(_address(address, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution


def _address(text: str, port: int) -> IPv4Address | IPv6Address:
    return (IPv6Address if ":" in text else IPv4Address)("TCP", text, port)


class _At:
    """A client that is told at which address it is connected."""

    def __init__(self, client: Any, host: str, port: int) -> None:
        self._client = client
        self._address = _address(host, port)

    def buildProtocol(self, _: object) -> Any:
        """See ``IProtocolFactory``."""
        return self._client.buildProtocol(self._address)


class NamedNetwork(Network):
    """A network where names lead to addresses.

    Args:
        known: Addresses, by names.
        server: Wraps a peer, as TLS does.
    """

    def __init__(
        self,
        known: Mapping[str, Sequence[str]],
        server: Callable[[Peer], Any] = lambda peer: peer,
    ) -> None:
        super().__init__(server)
        self.names = Names(known)
        self.reactor.installNameResolver(self.names)

    def accept(self) -> Connection:
        """Let the oldest attempt come about, and tell where."""
        host, port, client = self.reactor.tcpClients.pop(0)[:3]
        connection = Connection(self.reactor, _At(client, host, port), self._server)
        connection.flush()
        return connection

    @property
    def tried(self) -> list[tuple[str, int]]:
        """Which addresses somebody tries to connect to."""
        return [attempt[:2] for attempt in self.reactor.tcpClients]
