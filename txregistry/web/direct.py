"""A connection past its transport, where the reactor does nothing else with it."""

from contextlib import suppress
from typing import Any, Final

from twisted.internet.tcp import Server

from txregistry.web.accepted import Accepted

_KINDS: Final = (Server, Accepted)


def is_idle(transport: Any) -> bool:
    """Say whether the reactor does nothing with a connection but read from it.

    Else something waits to be sent before, and the reactor would look at the
    connection, and close it maybe, while a thread reads.
    """
    return type(transport) in _KINDS and not (
        transport.TLS
        or transport.dataBuffer
        or transport._tempDataBuffer  # noqa: SLF001 - held by the tests
        or transport.disconnecting
        or not transport.connected
    )


def send_at_once(transport: Any, data: bytes | memoryview) -> None:
    """Send what a transport would send the next time round.

    That spares two calls of the kernel and a turn of the reactor for each answer. What
    the kernel has no room for, and whatever comes behind something that waits already,
    goes the transport's own way; and so does all that is encrypted first.

    Args:
        transport: The connection.
        data: What to send; a view is copied where it has to wait.
    """
    sent = 0
    if is_idle(transport):
        with suppress(OSError):  # it has no room, or finds out for itself
            sent = transport.socket.send(data)
    if sent < len(data):
        transport.write(bytes(data[sent:]))
