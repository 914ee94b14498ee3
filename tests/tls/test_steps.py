"""Tests of ``txregistry/tls/steps.py``: what OpenSSL's own calls do here."""

import contextlib
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import issue
from txregistry.tls.steps import PIECE, give_out, shake_hands, shown_digest, take_in

SERVER, CLIENT = issue("server"), issue("client")


def make_pair(*, known: bool) -> tuple[SSL.Connection, SSL.Connection]:
    """Make a client, which has a certificate maybe, and a server that asks for it."""
    ends = []
    for method, own in (
        (SSL.TLS_CLIENT_METHOD, CLIENT if known else None),
        (SSL.TLS_SERVER_METHOD, SERVER),
    ):
        context = SSL.Context(method)
        if own is not None:
            key: Any = own.key
            context.use_certificate(own.certificate)
            context.use_privatekey(key)
        ends.append(context)
    ends[1].set_verify(SSL.VERIFY_PEER, lambda *_: True)
    client, server = (SSL.Connection(context, None) for context in ends)
    client.set_connect_state()
    server.set_accept_state()
    return client, server


class StepsTests(SynchronousTestCase):
    def shake(self, *, known: bool = True) -> tuple[SSL.Connection, SSL.Connection]:
        """Let both ends get to know each other."""
        client, server = make_pair(known=known)
        told = []
        for _ in range(2):
            with contextlib.suppress(SSL.WantReadError):
                client.do_handshake()
            take_in(server, client.bio_read(1 << 16))
            told.append(shake_hands(server))
            client.bio_write(give_out(server))
        self.assertEqual(told, [False, True])
        return client, server

    def test_handshake_takes_two_steps(self) -> None:
        client, server = self.shake()
        client.send(b"hello")
        take_in(server, client.bio_read(1 << 16))
        self.assertEqual(server.recv(5), b"hello")

    def test_part_of_a_step_is_none(self) -> None:
        client, server = make_pair(known=True)
        with self.assertRaises(SSL.WantReadError):
            client.do_handshake()
        take_in(server, client.bio_read(1 << 16)[:-1])
        self.assertFalse(shake_hands(server))
        self.assertEqual(give_out(server), b"")

    def test_what_is_no_handshake_fails_with_the_reason(self) -> None:
        _, server = make_pair(known=True)
        take_in(server, b"GET / HTTP/1.1\r\n\r\n")
        with self.assertRaises(SSL.Error) as raised:
            shake_hands(server)
        self.assertIn("http request", str(raised.exception))

    def test_much_is_given_out_in_pieces(self) -> None:
        client, server = self.shake()
        server.send(b"x" * 16000)
        server.send(b"y" * 16000)
        server.send(b"z" * 16000)
        pieces = [give_out(server), give_out(server), give_out(server)]
        self.assertEqual(list(map(len, pieces))[::2], [PIECE, 0])
        client.bio_write(b"".join(pieces))
        heard = b"".join(client.recv(16000) for _ in range(3))
        self.assertEqual(heard, b"x" * 16000 + b"y" * 16000 + b"z" * 16000)

    def test_certificate_is_known_by_its_digest(self) -> None:
        _, server = self.shake()
        wanted = CLIENT.certificate.fingerprint(SHA256())
        self.assertEqual(shown_digest(server), wanted)

    def test_who_shows_none_has_none(self) -> None:
        _, server = self.shake(known=False)
        self.assertIsNone(shown_digest(server))
