"""TLS on a port without: what engines try first on every insecure registry."""

import socket
import ssl
from contextlib import suppress

from tests.integration.engines.errors import EngineError, Unreachable

DEADLINE = 5.0
"""Seconds within which a port without TLS must have refused TLS."""


def say_hello(address: tuple[str, int]) -> None:
    """Send a ClientHello to a port that is expected not to speak TLS.

    Args:
        address: Host and port.

    Raises:
        Unreachable: nobody listens.
        EngineError: the port hangs, or answers anything but 400 or an end.
    """
    try:
        connection = socket.create_connection(address, DEADLINE)
    except OSError as error:
        raise Unreachable(str(error)) from error
    with connection:
        connection.settimeout(DEADLINE)
        try:
            connection.sendall(_client_hello(address[0]))
            answer = connection.recv(4096)
        except TimeoutError:
            raise EngineError(f"TLS on a port without hung for {DEADLINE} s") from None
        except ConnectionError:
            return
    if answer and not answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 ")):
        raise EngineError(f"TLS on a port without was answered {answer[:80]!r}")


def _client_hello(host: str) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    shaking = context.wrap_bio(incoming, outgoing, server_hostname=host)
    with suppress(ssl.SSLWantReadError):
        shaking.do_handshake()
    return outgoing.read()
