"""Tests of ``txregistry/checks.py``: sections of version 1, of the Index, of APIs."""

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.config import load_settings
from txregistry.settings import Listener, Rule, Settings, SettingsError

TLS = "tls: {certificate: c, key: k, clientcas: [a]}"


class ChecksCase(SynchronousTestCase):
    def load(self, text: str, **environment: str) -> Settings:
        """Read settings."""
        path = make_file(self, "config.yml", text.encode())
        return load_settings(path, environment)[0]

    def refuse(self, text: str, *told: str) -> None:
        """Expect a refusal that tells some things."""
        with self.assertRaises(SettingsError) as raised:
            self.load(text)
        for each in told:
            self.assertIn(each, str(raised.exception))


class Version1Tests(ChecksCase):
    def test_it_is_spoken_unless_told_otherwise(self) -> None:
        self.assertTrue(self.load("").v1.enabled)
        self.assertFalse(self.load("v1: {enabled: false}").v1.enabled)

    def test_all_of_it_can_be_set(self) -> None:
        text = "v1: {fallback: false, standalone: true, maxlayer: 1000}"
        found = self.load(text).v1
        self.assertEqual(
            (found.fallback, found.standalone, found.maxlayer), (False, True, 1000)
        )

    def test_variables_go_over_it(self) -> None:
        self.assertFalse(self.load("", REGISTRY_V1_ENABLED="false").v1.enabled)

    def test_layer_of_less_than_nothing_is_refused(self) -> None:
        self.refuse("v1: {maxlayer: -1}", "v1.maxlayer: -1", ">= 0")

    def test_unknown_setting_is_refused(self) -> None:
        self.refuse("v1: {mirror: true}", "v1.mirror: there is no such", "standalone")


class ApisTests(ChecksCase):
    def test_both_are_spoken_unless_told_otherwise(self) -> None:
        self.assertEqual(self.load("").http.apis, ("v1", "v2"))

    def test_listener_may_speak_one(self) -> None:
        text = "http: {listen: [tcp:1, {endpoint: 'tcp:2', apis: [v1]}]}"
        self.assertEqual(
            self.load(text).http.listen, ("tcp:1", Listener("tcp:2", ("v1",)))
        )

    def test_unknown_one_is_refused(self) -> None:
        self.refuse("http: {apis: [v3]}", "http.apis: 'v3'", "v1, v2")
        self.refuse(
            "http: {listen: [{endpoint: 'tcp:2', apis: [v3]}]}", "'v3'", "v1, v2"
        )

    def test_none_is_refused(self) -> None:
        self.refuse("http: {apis: []}", "http.apis")
        self.refuse("http: {listen: [{endpoint: 'tcp:2', apis: []}]}", "http.apis")

    def test_those_of_a_listener_have_to_be_said(self) -> None:
        self.refuse("http: {listen: [{endpoint: 'tcp:2'}]}", "http.listen[0]", "apis")

    def test_unknown_setting_of_a_listener_is_refused(self) -> None:
        text = "http: {listen: [{endpoint: 'tcp:2', apis: [v1], tls: x}]}"
        self.refuse(text, "http.listen[0].tls")


class IndexTests(ChecksCase):
    def test_endpoints_are_hosts(self) -> None:
        for each in ("reg.example", "reg.example:5000", "[::1]:5000", "10.0.0.1"):
            settings = self.load(f"index: {{endpoints: ['{each}']}}")
            self.assertEqual(settings.index.endpoints, (each,))

    def test_endpoints_that_are_none_are_refused(self) -> None:
        for each in ("https://reg", "reg/v1", "", "a b", "reg:port", "-a", "a\\n"):
            self.refuse(f'index: {{endpoints: ["{each}"]}}', "index.endpoints", "host")

    def test_rules_are_read(self) -> None:
        text = """
        http: {apis: [v1]}
        index: {access: [{who: [bob], repositories: ['acme/*'], may: [pull]}]}
        """
        self.assertEqual(
            self.load(text).index.access, (Rule(("bob",), ("acme/*",), ("pull",)),)
        )

    def test_unknown_action_is_refused(self) -> None:
        text = "index: {access: [{who: [x], repositories: [y], may: [read]}]}"
        self.refuse(text, "index.access[0].may: 'read'", "pull, push, delete")

    def test_index_is_one(self) -> None:
        text = "index: {url: 'https://i', trust: [k]}"
        self.refuse(text, "index: ", "url and trust")

    def test_index_elsewhere_knows_no_accounts_here(self) -> None:
        for more in (
            "alone: true",
            "htpasswd: f",
            "access: [{who: [], repositories: []}]",
        ):
            for elsewhere in ("url: 'https://i'", "trust: [k]"):
                self.refuse(f"index: {{{elsewhere}, {more}}}", "elsewhere")

    def test_certificate_goes_with_its_key(self) -> None:
        for one in ("certificate", "certificatekey"):
            self.refuse(f"index: {{{one}: f}}", "certificate and certificatekey")

    def test_certificates_of_clients_need_an_authority(self) -> None:
        self.refuse("index: {certificates: true}", "http.tls.clientcas")
        text = f"""
        http: {{addr: ':1', apis: [v1], {TLS}}}
        index: {{certificates: true}}
        """
        self.assertTrue(self.load(text).index.certificates)


class OpenVersion2Tests(ChecksCase):
    """What version 1 forbids, version 2 must not let through by mistake."""

    RESTRICTIONS = (
        "htpasswd: f",
        "trust: [k]",
        "url: 'https://i'",
        "access: [{who: [x], repositories: [y], may: [pull]}]",
    )

    def test_restrictions_do_not_stand_beside_it(self) -> None:
        for each in self.RESTRICTIONS:
            self.refuse(f"index: {{{each}}}", "v2.anonymous", "http.apis")

    def test_restrictions_stand_where_only_version_1_is_spoken(self) -> None:
        for each in self.RESTRICTIONS:
            self.load(f"http: {{apis: [v1]}}\nindex: {{{each}}}")

    def test_restrictions_stand_beside_it_where_that_is_meant(self) -> None:
        for each in self.RESTRICTIONS:
            self.load(f"v2: {{anonymous: true}}\nindex: {{{each}}}")

    def test_restrictions_stand_beside_an_index_alone(self) -> None:
        self.load("index: {htpasswd: f, alone: true}")

    def test_every_listener_counts(self) -> None:
        listen = "[{endpoint: 'tcp:1', apis: [v1]}, {endpoint: 'tcp:2', apis: [v2]}]"
        text = f"http: {{listen: {listen}}}\nindex: {{htpasswd: f}}"
        self.refuse(text, "v2.anonymous")

    def test_listener_that_says_nothing_speaks_what_all_do(self) -> None:
        text = "http: {listen: [tcp:1]}\nindex: {htpasswd: f}"
        self.refuse(text, "v2.anonymous")
        text = "http: {listen: [tcp:1], apis: [v1]}\nindex: {htpasswd: f}"
        self.load(text)

    def test_address_beside_listeners_counts(self) -> None:
        listen = "[{endpoint: 'tcp:1', apis: [v1]}]"
        text = f"http: {{addr: ':2', listen: {listen}}}\nindex: {{htpasswd: f}}"
        self.refuse(text, "v2.anonymous")
