"""Tests of ``txregistry/settings/debug.py``."""

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.settings.debug import HEALTH, Debug, Prometheus
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError


class DebugTests(SynchronousTestCase):
    def read(self, text: str = "{}", **variables: str) -> Debug:
        """Read settings, of which nothing is left out."""
        path = make_file(self, "config.yml", text.encode())
        settings, ignored = load_settings(path, variables)
        self.assertEqual(ignored, [])
        return settings.http.debug

    def refuse(self, text: str, *told: str) -> None:
        with self.assertRaises(SettingsError) as raised:
            self.read(f"http: {{debug: {text}}}")
        for each in told:
            self.assertIn(each, str(raised.exception))

    def test_nothing_listens_unless_told(self) -> None:
        for text in ("{}", "http: {debug: }", "http: {debug: {addr: ''}}"):
            found = self.read(text)
            self.assertFalse(found.addr)
            self.assertFalse(found.counts)

    def test_it_is_said_as_distribution_has_it(self) -> None:
        found = self.read(
            "http: {debug: {addr: ':5001', prometheus: {enabled: true, path: /m}}}"
        )
        self.assertEqual(found, Debug(":5001", Prometheus(enabled=True, path="/m")))
        self.assertTrue(found.counts)

    def test_it_is_said_by_variables(self) -> None:
        found = self.read(
            REGISTRY_HTTP_DEBUG_ADDR="localhost:5001",
            REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED="true",
        )
        self.assertEqual(found, Debug("localhost:5001", Prometheus(enabled=True)))

    def test_figures_need_somebody_who_listens(self) -> None:
        self.assertFalse(
            self.read("http: {debug: {prometheus: {enabled: true}}}").counts
        )

    def test_addresses(self) -> None:
        for address in (":0", "[::1]:65535", "0.0.0.0:80", "registry.example:1"):
            found = self.read(f"http: {{debug: {{addr: '{address}'}}}}")
            self.assertEqual(found.addr, address)

    def test_what_is_no_address_is_refused(self) -> None:
        for address in (
            "5001",
            "host",
            "h:65536",
            "::1:5001",
            "a b:1",
            ":",
        ):
            self.refuse(
                f"{{addr: '{address}'}}",
                f"http.debug.addr: '{address}' cannot be used",
                "'host:port'",
            )

    def test_what_is_no_path_is_refused(self) -> None:
        for path in ("", "metrics", "/a b", "/a?b", "/a#b", "/ä", "/%41", *HEALTH):
            self.refuse(
                f"{{prometheus: {{path: '{path}'}}}}",
                f"http.debug.prometheus.path: {path!r} cannot be used",
                "'/metrics'",
            )

    def test_what_is_misspelt_is_refused(self) -> None:
        self.refuse("{address: ':1'}", "http.debug.address")
        self.refuse("{prometheus: {enable: true}}", "http.debug.prometheus.enable")
        self.refuse("{prometheus: {enabled: often}}", "http.debug.prometheus.enabled")
        self.refuse("{addr: 5001}", "http.debug.addr")
