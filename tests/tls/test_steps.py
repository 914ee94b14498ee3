"""Tests of ``txregistry/tls/steps.py``: what OpenSSL's own calls do here."""

from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.tls.pair import ALL, CLIENT, make_pair, shake
from txregistry.tls.steps import shake_hands, shown_digest, take_in


class StepsTests(SynchronousTestCase):
    def test_handshake_takes_two_steps(self) -> None:
        client, server = shake()
        client.send(b"hello")
        take_in(server, client.bio_read(ALL))
        self.assertEqual(server.recv(5), b"hello")

    def test_part_of_a_step_is_none(self) -> None:
        client, server = make_pair(CLIENT)
        with self.assertRaises(SSL.WantReadError):
            client.do_handshake()
        take_in(server, client.bio_read(ALL)[:-1])
        self.assertFalse(shake_hands(server))
        with self.assertRaises(SSL.WantReadError):
            server.bio_read(ALL)

    def test_what_is_no_handshake_fails_with_the_reason(self) -> None:
        _, server = make_pair(CLIENT)
        take_in(server, b"GET / HTTP/1.1\r\n\r\n")
        with self.assertRaises(SSL.Error) as raised:
            shake_hands(server)
        self.assertIn("http request", str(raised.exception))

    def test_certificate_is_known_by_its_digest(self) -> None:
        _, server = shake()
        wanted = CLIENT.certificate.fingerprint(SHA256())
        self.assertEqual(shown_digest(server), wanted)

    def test_who_shows_none_has_none(self) -> None:
        _, server = shake(None)
        self.assertIsNone(shown_digest(server))
