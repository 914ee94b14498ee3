"""Tests of what ``http.tls`` may be."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.settings.checks import check_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Http, Settings, Tls


class TlsSettingsTests(SynchronousTestCase):
    def tls(self, clientauth: str | None = None) -> Tls:
        return Tls("c", "k", clientcas=("a",), clientauth=clientauth)

    def refuse(self, tls: Tls, *told: str) -> None:
        with self.assertRaises(SettingsError) as raised:
            check_settings(Settings(http=Http(tls=tls)))
        for each in told:
            self.assertIn(each, str(raised.exception))

    def test_clients_are_required_or_not(self) -> None:
        for clientauth, required in (
            (None, True),
            ("require", True),
            ("require-and-verify-client-cert", True),
            ("optional", False),
            ("verify-client-cert-if-given", False),
        ):
            tls = self.tls(clientauth)
            check_settings(Settings(http=Http(tls=tls)))
            self.assertEqual(tls.requires_clients, required, clientauth)

    def test_without_authorities_nobody_is_required(self) -> None:
        self.assertFalse(Tls("c", "k").requires_clients)

    def test_what_verifies_nothing_is_refused(self) -> None:
        for clientauth in ("request-client-cert", "require-any-client-cert"):
            told = f"http.tls.clientauth: {clientauth!r}"
            self.refuse(self.tls(clientauth), told, "nobody would verify")

    def test_other_words_are_refused(self) -> None:
        self.refuse(self.tls("maybe"), "http.tls.clientauth: 'maybe'", "optional")

    def test_authorities_are_needed_by_what_is_about_clients(self) -> None:
        for name, tls in (
            ("clientauth", Tls("c", "k", clientauth="require")),
            ("crls", Tls("c", "k", crls=("l",))),
        ):
            self.refuse(tls, f"http.tls.{name}: http.tls.clientcas is needed too")

    def test_certificate_is_needed_by_authorities(self) -> None:
        self.refuse(Tls(clientcas=("a",)), "http.tls.clientcas")

    def test_certificate_and_key_go_together(self) -> None:
        for tls in (Tls(certificate="c"), Tls(key="k")):
            self.refuse(tls, "http.tls: give both certificate and key")
