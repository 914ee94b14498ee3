"""Connections of TCP that were accepted, at less cost than Twisted's own."""

from typing import Any

from twisted.internet.main import CONNECTION_DONE
from twisted.internet.tcp import Port, Server


class Accepted(Server):
    """A connection that ends with the turn in which it is to end.

    Twisted's would wait for the next turn to find out that there is room for nothing.
    """

    # The kernel does so when a socket is closed that no other process has.
    _shouldShutdown = False  # noqa: N815 - Twisted's

    _is_read = False
    _is_over = False
    _peer: Any = None

    def getPeer(self) -> Any:  # noqa: N802 - Twisted's
        """Give the client's address, which does not change."""
        if self._peer is None:
            self._peer = super().getPeer()
        return self._peer

    def doRead(self) -> Any:  # noqa: N802 - Twisted's
        """Read what has come, and end if that led to it."""
        self._is_read = True
        why = super().doRead()
        self._is_read = False
        if why is None and self._is_over and not self._aborting:
            if self._tempDataBuffer:  # something was said after the end
                self.stopReading()
            else:
                return CONNECTION_DONE
        return why

    def loseConnection(self) -> None:
        """End, once everything is sent."""
        waits = self.dataBuffer or self._tempDataBuffer
        halved = self._writeDisconnecting or self._writeDisconnected
        gone = self.disconnecting or not self.connected
        if waits or halved or gone or not self._is_read:
            super().loseConnection()
        else:
            self.disconnecting, self._is_over = True, True

    def readConnectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's
        """End, as nothing comes any more: no protocol of ours goes on after that."""
        self.connectionLost(reason)


def accept_as_ours(port: Any) -> Any:
    """Have a port make such connections, if it is one of TCP.

    Args:
        port: Where something listens.

    Returns:
        The same.
    """
    if type(port) is Port:
        port.transport = Accepted
    return port


def first_words(transport: Any) -> bytes:
    """Give what a client has said by the time that it is let in.

    Args:
        transport: Its connection; what does not tell here, it does later.
    """
    if type(transport) is not Accepted or not transport.connected:
        return b""
    if transport.disconnecting or transport._aborting:  # noqa: SLF001 - Twisted's
        return b""
    try:
        data: bytes = transport.socket.recv(transport.bufferSize)
    except OSError:  # nothing has come, or the reactor finds out for itself
        return b""
    return data
