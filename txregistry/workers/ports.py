"""Sockets that listen: made by one process, served by others.

Each worker has a socket of its own at a port; the kernel shares connections out among
them (``SO_REUSEPORT``). Who made them holds them too: so those who connect to a worker
that has died wait for the next one, and are not refused.
"""

import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred, execute
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IReactorSocket,
    IStreamServerEndpoint,
)
from zope.interface import implementer

_KINDS: Final = ("tcp", "tcp6", "systemd")
"""Endpoints whose sockets can be shared."""


@implementer(IListeningPort)
class HeldPort:
    """Sockets at one port, which somebody else serves.

    Args:
        sockets: They listen already: one for each worker, or one for all.
    """

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = sockets

    def descriptor(self, number: int) -> int:
        """Say what a worker is to be given: its socket's descriptor.

        Args:
            number: Which worker, from 0.
        """
        return self._sockets[number % len(self._sockets)].fileno()

    def startListening(self) -> None:  # noqa: N802 - Twisted's
        """See ``IListeningPort``: it does already."""

    def stopListening(self) -> None:  # noqa: N802 - Twisted's
        """See ``IListeningPort``: let those who serve decide when nobody may come."""
        for each in self._sockets:
            each.close()

    def getHost(self) -> IAddress:
        """See ``IListeningPort``.

        Raises:
            ValueError: always; who serves it knows.
        """
        raise ValueError("This is for those to say who serve here.")


class HeldPorts:
    """What endpoints take for a reactor when others are to serve them.

    Args:
        count: How many workers there are.

    Attributes:
        count: How many workers there are.
        ports: Those that listen, in the order of their endpoints.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.ports: list[HeldPort] = []

    def descriptors(self, number: int) -> list[int]:
        """List what a worker is to be given, port by port.

        Args:
            number: Which worker, from 0.
        """
        return [each.descriptor(number) for each in self.ports]

    def listenTCP(  # noqa: N802 - Twisted's
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """See ``IReactorTCP``.

        Raises:
            CannotListenError: somebody else listens there, say.
        """
        del factory
        sockets: list[socket.socket] = []
        try:
            for _ in range(self.count):
                sockets.append(_bind(interface, port, sockets))
            for each in sockets:
                each.listen(backlog)
        except OSError as error:
            for each in sockets:
                each.close()
            raise CannotListenError(interface, port, error) from error
        return self._hold(sockets)

    def adoptStreamPort(  # noqa: N802 - Twisted's
        self,
        fileDescriptor: int,  # noqa: N803 - Twisted's
        addressFamily: int,  # noqa: N803 - Twisted's
        factory: IProtocolFactory,
    ) -> IListeningPort:
        """See ``IReactorSocket``: all workers share one that somebody else made."""
        del factory
        shared = socket.fromfd(fileDescriptor, addressFamily, socket.SOCK_STREAM)
        return self._hold([shared])

    def _hold(self, sockets: list[socket.socket]) -> HeldPort:
        port = HeldPort(sockets)
        self.ports.append(port)
        return port


@implementer(IStreamServerEndpoint)
class InheritedEndpoint:
    """A socket that listens already, which another process made for this one.

    Args:
        reactor: What serves it.
        descriptor: The socket's; it is taken over.
    """

    def __init__(self, reactor: IReactorSocket, descriptor: int) -> None:
        self._reactor: Any = reactor  # its annotations want a factory of one kind
        self._descriptor = descriptor

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See ``IStreamServerEndpoint``."""
        return execute(self._adopt, factory)

    def _adopt(self, factory: IProtocolFactory) -> Any:
        with socket.socket(fileno=self._descriptor) as inherited:
            inherited.setblocking(False)
            return self._reactor.adoptStreamPort(  # which takes a copy
                inherited.fileno(), inherited.family, factory
            )


def inherit(
    reactor: IReactorSocket, descriptors: Iterable[int]
) -> list[IStreamServerEndpoint]:
    """Make endpoints of what listens already; see `InheritedEndpoint`."""
    return [InheritedEndpoint(reactor, each) for each in descriptors]


def can_share(description: str) -> bool:
    """Say whether several processes can serve at what an endpoint describes."""
    words = description.split(":")
    return words[0] in _KINDS and "domain=UNIX" not in words and "UNIX" not in words[1:]


def shareable() -> str:
    """List the endpoints that several processes can serve, in words."""
    return ", ".join(_KINDS)


def _bind(interface: str, port: int, others: Sequence[socket.socket]) -> socket.socket:
    """Make a socket at a port.

    The first shares it with nobody as long as it is bound: else a second registry
    could join in by mistake, and get a part of the first one's clients.

    Args:
        interface: Where.
        port: Which; 0 for any.
        others: Those that are there already, at the same port.
    """
    family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if others:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind(others[0].getsockname())
        else:
            ((*_, address), *_) = socket.getaddrinfo(
                interface or None,
                port,
                family,
                socket.SOCK_STREAM,
                flags=socket.AI_PASSIVE,
            )
            made.bind(address)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except BaseException:
        made.close()
        raise
    return made
