"""Tests of ``txregistry/tls/tickets.py``, with handshakes in memory."""

import contextlib
from typing import Any

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import issue
from txregistry.tls import tickets
from txregistry.tls.tickets import TicketKeys, TicketsUnknown, share_tickets

ROOT = issue("root", authority=True)
SERVER = ROOT.issue("server")
SECRET = bytes(range(32))
KEYS = TicketKeys.derive(SECRET, b"state")
VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)


def make_context(*, asks: bool = False) -> SSL.Context:
    """Make what serves, as `TlsContext` does."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(b"tests")
    context.use_certificate(SERVER.certificate)
    context.use_privatekey(SERVER.key)
    if asks:
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return context


class Client:
    """Somebody who comes, and comes back."""

    def __init__(self, version: int) -> None:
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_max_proto_version(version)
        self._kept: list[SSL.Connection] = []

    def come(self, server: SSL.Context, session: Any = None) -> Any:
        """Come, and say what is needed to come back."""
        client = SSL.Connection(self._context, None)
        self._kept.append(client)  # what it leaves is of no use once it is gone
        client.set_connect_state()
        if session is not None:
            client.set_session(session)
        served = SSL.Connection(server, None)
        served.set_accept_state()
        self.sent = b""
        for _ in range(4):
            self._go_on(client, served)
            self.sent += self._go_on(served, client)
        with contextlib.suppress(SSL.WantReadError):
            client.recv(1)
        return client.get_session()

    def comes_back(self, server: SSL.Context, session: Any) -> bool:
        """Say whether one comes back without showing the certificate again."""
        self.come(server)
        whole = len(self.sent)
        self.come(server, session)
        return len(self.sent) < whole - 200

    @staticmethod
    def _go_on(one: SSL.Connection, other: SSL.Connection) -> bytes:
        with contextlib.suppress(SSL.WantReadError):
            one.do_handshake()
        data = b""
        with contextlib.suppress(SSL.WantReadError):
            while True:
                data += one.bio_read(65536)
        if data:
            other.bio_write(data)
        return data


class TicketKeysTests(SynchronousTestCase):
    def test_they_are_the_same_for_the_same(self) -> None:
        self.assertEqual(TicketKeys.derive(SECRET, b"state"), KEYS)

    def test_they_are_others_for_another_secret_or_state(self) -> None:
        self.assertNotEqual(TicketKeys.derive(SECRET, b"other").name, KEYS.name)
        self.assertNotEqual(TicketKeys.derive(SECRET[::-1], b"state").name, KEYS.name)

    def test_no_two_parts_are_alike(self) -> None:
        self.assertEqual(
            [len(KEYS.name), len(KEYS.mac), len(KEYS.cipher)], [16, 32, 32]
        )
        self.assertNotEqual(KEYS.mac, KEYS.cipher)


class SharingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.one, self.other = make_context(), make_context()

    def goes_on(self, one: SSL.Context, other: SSL.Context) -> list[bool]:
        """Say whether sessions that begin at one go on at another one."""
        found = []
        for version in VERSIONS:
            client = Client(version)
            found.append(client.comes_back(other, client.come(one)))
        return found

    def test_sessions_go_on_where_they_began(self) -> None:
        self.assertEqual(self.goes_on(self.one, self.one), [True, True])

    def test_sessions_do_not_go_on_elsewhere_by_themselves(self) -> None:
        self.assertEqual(self.goes_on(self.one, self.other), [False, False])

    def test_sessions_go_on_where_the_keys_are_the_same(self) -> None:
        for each in (self.one, self.other):
            share_tickets(each, KEYS)
        self.assertEqual(self.goes_on(self.one, self.other), [True, True])

    def test_sessions_do_not_go_on_where_the_keys_are_others(self) -> None:
        share_tickets(self.one, KEYS)
        share_tickets(self.other, TicketKeys.derive(SECRET, b"other"))
        self.assertEqual(self.goes_on(self.one, self.other), [False, False])

    def test_tickets_are_made_with_them(self) -> None:
        share_tickets(self.one, KEYS)
        ticket = tickets._ticket_of(self.one)
        self.assertTrue(KEYS.made(ticket))
        self.assertFalse(KEYS.made(ticket[:-1] + bytes([ticket[-1] ^ 1])))
        self.assertFalse(TicketKeys.derive(SECRET, b"other").made(ticket))

    def test_it_may_ask_clients_for_certificates(self) -> None:
        asking = make_context(asks=True)
        share_tickets(asking, KEYS)
        self.assertTrue(KEYS.made(tickets._ticket_of(asking)))

    def test_whoever_has_no_certificate_is_still_not_let_in(self) -> None:
        asking = make_context(asks=True)
        share_tickets(asking, KEYS)
        for version in VERSIONS:
            with self.assertRaises(SSL.Error):
                Client(version).come(asking)

    def test_others_that_there_are_keep_their_keys(self) -> None:
        before = Client(SSL.TLS1_3_VERSION)
        session = before.come(self.other)
        for _ in range(20):
            share_tickets(make_context(), KEYS)
        self.assertTrue(before.comes_back(self.other, session))

    def test_what_cannot_be_proved_is_left_alone(self) -> None:
        elsewhere = tickets._address_of(self.other)
        self.patch(tickets, "_address_of", lambda _: elsewhere)
        with self.assertRaises(TicketsUnknown):
            share_tickets(self.one, KEYS)
        self.assertEqual(self.goes_on(self.one, self.one), [True, True])
        self.assertEqual(self.goes_on(self.other, self.other), [True, True])

    def test_what_is_no_address_does_no_harm(self) -> None:
        self.patch(tickets, "_address_of", lambda _: 16)
        with self.assertRaises(TicketsUnknown):
            share_tickets(self.one, KEYS)

    def test_one_that_makes_no_tickets_is_left_alone(self) -> None:
        none = make_context()
        none.set_options(SSL.OP_NO_TICKET)
        with self.assertRaises(TicketsUnknown):
            share_tickets(none, KEYS)
