"""Tests of ``txregistry/settings/checks.py``: version 1, the Index, APIs."""

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Listener, Rule, Settings

TLS = "tls: {certificate: c, key: k, clientcas: [a]}"


class ChecksCase(SynchronousTestCase):
    def load(self, text: str, **environment: str) -> Settings:
        """Read settings."""
        path = make_file(self, "config.yml", text.encode()) if text else None
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

    def test_a_listener_without_any_speaks_what_is_said_for_all(self) -> None:
        text = "http: {apis: [v1], listen: [{endpoint: 'tcp:2'}]}\nv1: {enabled: false}"
        self.refuse(text, "v1.enabled")

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

    def test_index_is_one(self) -> None:
        text = "index: {url: 'https://i', trust: [k]}"
        self.refuse(text, "index: ", "url and trust")

    def test_index_elsewhere_is_not_here(self) -> None:
        for elsewhere in ("url: 'https://i'", "trust: [k]"):
            text = f"index: {{{elsewhere}, alone: true, endpoints: [r]}}"
            self.refuse(text, "elsewhere")

    def test_index_elsewhere_stands_beside_accounts_for_version_2(self) -> None:
        for elsewhere in ("url: 'https://i'", "trust: [k]"):
            text = f"auth: {{htpasswd: {{path: f}}}}\nindex: {{{elsewhere}}}"
            self.assertTrue(self.load(text).index.is_elsewhere)

    def test_index_alone_says_where_the_registries_are(self) -> None:
        self.refuse("index: {alone: true}", "index.alone", "index.endpoints")
        self.assertTrue(self.load("index: {alone: true, endpoints: [r]}").index.alone)

    def test_certificate_goes_with_its_key(self) -> None:
        for one in ("certificate", "certificatekey"):
            self.refuse(f"index: {{{one}: f}}", "certificate and certificatekey")

    def test_what_says_who_may_do_what_is_no_longer_here(self) -> None:
        for each in ("htpasswd: f", "certificates: true", "access: []"):
            self.refuse(f"index: {{{each}}}", "there is no such setting")
        self.refuse("index: {administrators: [bob]}", "index.administrators")
        self.refuse("v2: {anonymous: true}", "v2: there is no such setting")


class AuthTests(ChecksCase):
    def test_rules_are_read(self) -> None:
        text = """
        auth:
          htpasswd: {path: f}
          rules:
            - {who: [bob], repositories: ['acme/*'], may: [pull], from: [10.1.0.0/16]}
        """
        rule = Rule(("bob",), ("acme/*",), ("pull",), ("10.1.0.0/16",))
        self.assertEqual(self.load(text).auth.rules, (rule,))

    def test_unknown_action_is_refused(self) -> None:
        text = "auth: {rules: [{who: [x], repositories: [y], may: [read]}]}"
        self.refuse(
            text, "auth.rules[0].may: 'read'", "list, pull, push, delete, admin"
        )

    def test_place_that_is_no_network_is_refused(self) -> None:
        for each in ("here", "10.0.0.0/33", "10.0.0.1/8", "", "::/129"):
            text = f"{{who: [x], repositories: [y], from: ['{each}']}}"
            self.refuse(f"auth: {{rules: [{text}]}}", "auth.rules[0].from: ")

    def test_certificates_of_clients_need_an_authority(self) -> None:
        self.refuse("auth: {certificates: {}}", "http.tls.clientcas")
        text = f"""
        http: {{addr: ':1', {TLS}}}
        auth: {{certificates: {{}}}}
        """
        self.assertIsNotNone(self.load(text).auth.certificates)
