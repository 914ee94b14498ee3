"""Tests of ``txregistry/tls/shown.py``."""

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import Issued, issue
from tests.tls.pair import shake
from txregistry.tls.shown import ShownCertificates

BOB, EVE = issue("bob"), issue("bob")


def connection_of(client: Issued | None) -> SSL.Connection:
    """Give the server's end of a handshake with a client."""
    return shake(client)[1]


class ShownCertificatesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shown = ShownCertificates(most=1)

    def test_certificate_is_given_with_its_end(self) -> None:
        found = self.shown.of(connection_of(BOB))
        end = BOB.certificate.not_valid_after_utc
        self.assertEqual(found, (BOB.certificate, end))

    def test_who_comes_again_is_read_once(self) -> None:
        first, second = (self.shown.of(connection_of(BOB)) for _ in range(2))
        self.assertIsNotNone(first)
        self.assertIs(first, second)

    def test_who_has_the_same_name_is_another(self) -> None:
        found = [self.shown.of(connection_of(each)) for each in (BOB, EVE)]
        told = [each and each.certificate for each in found]
        self.assertEqual(told, [BOB.certificate, EVE.certificate])

    def test_nothing_shown_is_none(self) -> None:
        self.assertIsNone(self.shown.of(connection_of(None)))

    def test_the_last_ones_are_kept(self) -> None:
        for client in (BOB, EVE):
            self.shown.of(connection_of(client))
        self.assertEqual(len(self.shown), 1)
        again = self.shown.of(connection_of(EVE))
        self.assertIs(again, self.shown.of(connection_of(EVE)))
