"""Clients try TLS first: what a plain port answers decides how long they wait."""

import socket
import ssl

from tests.integration.clients import case
from tests.integration.daemon import LOOPBACK

PATIENCE = 5.0
"""Clients wait twice as long, at each of their requests."""


class PlainPortTests(case.ClientCase):
    def test_refuses_a_handshake_at_once(self) -> None:
        context = ssl.create_default_context()
        place = (LOOPBACK, self.daemon.port)
        with socket.create_connection(place, PATIENCE) as plain:
            # What is wrong is told by the other side; a TimeoutError says nothing.
            error = self.assertRaises(
                OSError, context.wrap_socket, plain, server_hostname="registry.example"
            )
        self.assertNotIsInstance(error, TimeoutError)
