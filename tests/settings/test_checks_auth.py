"""Tests of ``txregistry/settings/checks.py``: who gets in, and from where."""

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.model.durations import Duration
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Cors, Settings, TokenEndpoint

CERTIFIED = "http: {tls: {certificate: c, key: k, clientcas: [a]}}\n"
ACCOUNTS = "htpasswd: {path: f}"
SERVICE = "realm: 'https://a/token', service: s, issuer: i, jwks: f"
QUOTES = ('a\\"b', "a\\\\b", "a\\nb", "a\\tb", "é", "")
"""As YAML between quotes."""


class ChecksCase(SynchronousTestCase):
    def load(self, text: str) -> Settings:
        """Read settings."""
        path = make_file(self, "config.yml", text.encode())
        return load_settings(path, {})[0]

    def refuse(self, text: str, *told: str) -> None:
        """Expect a refusal that tells some things."""
        with self.assertRaises(SettingsError) as raised:
            self.load(text)
        for each in told:
            self.assertIn(each, str(raised.exception))

    def refuse_auth(self, text: str, *told: str) -> None:
        """Expect that of settings of ``auth``."""
        self.refuse(f"auth: {{{text}}}", *told)


class RulesTests(ChecksCase):
    def refuse_auth(self, text: str, *told: str) -> None:
        """Expect a refusal where somebody can be known."""
        super().refuse_auth(f"{ACCOUNTS}, {text}", *told)

    def rule(self, who: str = "bob", repositories: str = "a", **more: str) -> str:
        """Write settings with one rule."""
        fields = {"who": f"[{who}]", "repositories": f"[{repositories}]", **more}
        text = ", ".join(f"{name}: {value}" for name, value in fields.items())
        return f"rules: [{{{text}}}]"

    def test_unknown_action(self) -> None:
        told = "auth.rules[0].may: 'fly' cannot be used; allowed are: list, pull"
        self.refuse_auth(self.rule(may="[pull, fly]"), told)

    def test_place_that_is_none(self) -> None:
        for text in ("here", "10.0.0.1/8", "10.0.0.0/33", "'10.0.0.0, 10.1.0.0'"):
            rule = self.rule(**{"from": f"[{text}]"})
            self.refuse_auth(rule, "auth.rules[0].from: ", "10.1.0.0/16")

    def test_pattern_that_is_none(self) -> None:
        for text in ("UPPER", "'a['", "''", "a//b", "'a***'", "/a"):
            self.refuse_auth(self.rule(repositories=text), "auth.rules: Rule 1: ")

    def test_nobody_and_nothing(self) -> None:
        for rule in (
            self.rule(who=""),
            self.rule(repositories=""),
            self.rule(who="''"),
            self.rule(who="'@'"),
        ):
            self.refuse_auth(rule, "auth.rules")

    def test_rule_that_can_never_decide(self) -> None:
        rules = "{who: [everyone], repositories: ['**']}, {who: [x], repositories: [a]}"
        self.refuse_auth(f"rules: [{rules}]", "auth.rules: Rule 2 can never decide")

    def test_unknown_setting(self) -> None:
        self.refuse_auth(
            self.rule(action="[pull]"), "auth.rules[0].action: there is no such setting"
        )

    def test_somebody_can_be_who_they_are_about(self) -> None:
        group = self.rule(who="'@ops'", may="[pull]") + ", groups: {ops: [bob]}"
        both = "{who: [anonymous], repositories: [a]}, {who: [bob], repositories: [b]}"
        for text, place in (
            (self.rule(may="[pull]"), 1),
            (self.rule(), 1),
            (self.rule(who="authenticated", may="[pull]"), 1),
            (self.rule(who="everyone, bob"), 1),
            (group, 1),
            (f"rules: [{both}]", 2),
        ):
            told = f"auth.rules: nobody can be known, as rule {place} wants it"
            self.refuse(f"auth: {{{text}}}", told, "auth.htpasswd")

    def test_they_may_be_about_nobody_where_something_is_for_everybody(self) -> None:
        for who in ("everyone", "anonymous"):
            text = (
                f"{{who: [bob], repositories: [a], may: [push]}}, "
                f"{{who: [{who}], repositories: [b], may: [pull]}}"
            )
            found = self.load(f"auth: {{rules: [{text}]}}").auth.rules
            self.assertEqual(len(found or ()), 2)

    def test_anybody_can_be_known_in_many_ways(self) -> None:
        rule = self.rule(may="[pull]")
        for text in (
            f"auth: {{{ACCOUNTS}, {rule}}}",
            f"auth: {{token: {{{SERVICE}}}, {rule}}}",
            f"{CERTIFIED}auth: {{certificates: {{}}, {rule}}}",
            f"index: {{url: 'https://i'}}\nauth: {{{rule}}}",
            f"index: {{trust: [k]}}\nauth: {{{rule}}}",
            "auth: {rules: []}",
        ):
            self.load(text)

    def test_what_has_to_be_there(self) -> None:
        for text in ("{who: [x]}", "{repositories: [x]}", "{}"):
            self.refuse_auth(f"rules: [{text}]", "auth.rules[0]: ", "required field")

    def test_one_that_is_no_list(self) -> None:
        self.refuse_auth(
            "rules: [{who: bob, repositories: [a]}]", "rules[0].who: 'bob'"
        )


class GroupsTests(ChecksCase):
    RULE = f"{ACCOUNTS}, rules: [{{who: ['@ops'], repositories: [a], may: [pull]}}]"

    def test_group_that_is_unknown(self) -> None:
        self.refuse_auth(
            self.RULE, "auth.rules[0].who: '@ops' cannot be used", "allowed are: none"
        )
        groups = "groups: {dev: [bob], qa: []}"
        self.refuse_auth(f"{self.RULE}, {groups}", "allowed are: @dev, @qa")

    def test_group_may_be_empty(self) -> None:
        found = self.load(f"auth: {{{self.RULE}, groups: {{ops: []}}}}")
        self.assertEqual(found.auth.groups, {"ops": ()})

    def test_certificates_may_name_any(self) -> None:
        self.load(f"{CERTIFIED}auth: {{{self.RULE}, certificates: {{groups: ou}}}}")
        self.refuse(
            f"{CERTIFIED}auth: {{{self.RULE}, certificates: {{}}}}", "auth.rules[0].who"
        )

    def test_name_that_is_none(self) -> None:
        for text in ("'@ops': [bob]", "'': [bob]", "ops: ['']"):
            self.refuse_auth(f"groups: {{{text}}}", "auth.groups: ")

    def test_name_that_is_a_word_of_rules(self) -> None:
        for word in ("everyone", "anonymous", "authenticated"):
            told = f"auth.groups: {word!r} cannot be used"
            self.refuse_auth(f"groups: {{{word}: [alice]}}", told, "everyone")

    def test_member_that_means_somebody_else(self) -> None:
        for name in ("everyone", "anonymous", "'@dev'"):
            text = f"groups: {{ops: [{name}]}}"
            self.refuse_auth(text, "auth.groups.ops: ", "somebody's name")


class AccountsTests(ChecksCase):
    def test_realm_that_cannot_stand_in_a_header(self) -> None:
        for text in QUOTES:
            setting = f'htpasswd: {{path: f, realm: "{text}"}}'
            self.refuse_auth(setting, "auth.htpasswd.realm: ", "printable ASCII")

    def test_realm(self) -> None:
        found = self.load("auth: {htpasswd: {path: f, realm: Our (own) registry!}}")
        assert found.auth.htpasswd is not None
        self.assertEqual(found.auth.htpasswd.realm, "Our (own) registry!")

    def test_file_has_to_be_named(self) -> None:
        for text in ("htpasswd: ", "htpasswd: {}", "htpasswd: {realm: x}"):
            self.refuse_auth(text, "auth.htpasswd: ", "`path`")


class CertificatesTests(ChecksCase):
    def test_they_need_an_authority(self) -> None:
        self.refuse_auth("certificates: {}", "auth.certificates: http.tls.clientcas")

    def test_field_that_has_no_name(self) -> None:
        text = f"{CERTIFIED}auth: {{certificates: {{names: [{{from: serial}}]}}}}"
        told = "auth.certificates.names[0].from: 'serial' cannot be used; allowed are:"
        self.refuse(text, told, "cn, dns, email, uri")

    def test_groups_are_of_one_field(self) -> None:
        text = f"{CERTIFIED}auth: {{certificates: {{groups: o}}}}"
        self.refuse(text, "auth.certificates.groups: 'o'", "allowed are: ou")


class ServiceTests(ChecksCase):
    def refuse_service(self, told: str, **settings: str) -> None:
        """Expect a refusal of settings of ``auth.token``."""
        fields = {
            "realm": "https://a/token",
            "service": "s",
            "issuer": "i",
            "jwks": "f",
            **settings,
        }
        text = ", ".join(f'{name}: "{text}"' for name, text in fields.items())
        self.refuse_auth(f"token: {{{text}}}", told)

    def test_realm_is_a_url(self) -> None:
        for text in (
            "auth.example",
            "ftp://a",
            "http://",
            "https:///token",
            "//a",
            "javascript:x",
            "https://a b",
            "https://é",
            'https://a\\"b',
            "",
        ):
            self.refuse_service("auth.token.realm: ", realm=text)

    def test_realm_may_be_anywhere(self) -> None:
        for text in ("https://[::1]:5001/token?x=y", "http://a/b#c", "https://a_b:1/"):
            realm = SERVICE.replace("https://a/token", text)
            found = self.load(f"auth: {{token: {{{realm}}}}}").auth.token
            assert found is not None
            self.assertEqual(found.realm, text)

    def test_names_can_stand_in_a_header(self) -> None:
        for text in QUOTES:
            self.refuse_service("auth.token.service: ", service=text)
            self.refuse_service("auth.token.issuer: ", issuer=text)

    def test_keys_are_needed(self) -> None:
        text = SERVICE.replace(", jwks: f", "")
        self.refuse_auth(
            f"token: {{{text}}}", "auth.token: give rootcertbundle or jwks"
        )

    def test_there_is_one_place_for_tokens(self) -> None:
        for endpoint in ("{}", "{enabled: true}", "{lifetime: 1h}"):
            self.refuse_auth(
                f"token: {{{SERVICE}}}, endpoint: {endpoint}",
                "auth: give one of token and endpoint",
            )
        self.load(f"auth: {{token: {{{SERVICE}}}, endpoint: {{enabled: false}}}}")


class EndpointTests(ChecksCase):
    def test_lifetime_is_from_a_minute_to_a_day(self) -> None:
        for text in ("0s", "59s", "24h1s", "1000d"):
            setting = f"{ACCOUNTS}, endpoint: {{lifetime: {text}}}"
            self.refuse_auth(setting, "auth.endpoint.lifetime: ", "60s to 86400s")
        for text, seconds in (("1m", 60), ("24h", 86400)):
            found = self.load(f"auth: {{{ACCOUNTS}, endpoint: {{lifetime: {text}}}}}")
            wanted = TokenEndpoint(lifetime=Duration(seconds))
            self.assertEqual(found.auth.endpoint, wanted)

    def test_names_can_stand_in_a_header(self) -> None:
        for name in ("service", "issuer"):
            for text in QUOTES:
                setting = f'{ACCOUNTS}, endpoint: {{{name}: "{text}"}}'
                self.refuse_auth(setting, f"auth.endpoint.{name}: ")

    def test_somebody_can_get_a_token(self) -> None:
        told = "auth.endpoint: auth.htpasswd or auth.certificates is needed too"
        self.refuse_auth("endpoint: {}", told)
        self.load("auth: {endpoint: {enabled: false}}")


class VendorTests(ChecksCase):
    def test_it_needs_its_group(self) -> None:
        text = f"role: vendor\nauth: {{{ACCOUNTS}}}"
        self.refuse(text, "auth.groups: ", "'vendor'", "nobody could push")

    def test_it_needs_none_where_others_are_let_push(self) -> None:
        rules = "rules: [{who: [bob], repositories: ['**'], may: [push]}]"
        for more in (f"{ACCOUNTS}, {rules}", f"token: {{{SERVICE}}}"):
            self.load(f"role: vendor\nauth: {{{more}}}")
        text = f"{CERTIFIED}role: vendor\nauth: {{certificates: {{groups: ou}}}}"
        self.load(text)


class HttpTests(ChecksCase):
    def test_host(self) -> None:
        for text in (
            "registry.example",
            "https://",
            "https://a/b",
            "ftp://a",
            "https://a?b",
            "https://user@a",
            'https://a"b',
            "https://a:b",
            "https://::1",
            "https://-a",
            "",
        ):
            self.refuse(f"http: {{host: '{text}'}}", "http.host: ", "https://registry")

    def test_host_that_is_one(self) -> None:
        for text in ("https://A.example:5000", "http://10.0.0.1", "https://[::1]:1/"):
            self.assertEqual(self.load(f"http: {{host: '{text}'}}").http.host, text)

    def test_proxies(self) -> None:
        for text in ("proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*", ""):
            self.refuse(f"http: {{proxies: ['{text}']}}", "http.proxies: ", "network")
        found = self.load("http: {proxies: [10.0.0.0/8, '::1', '2001:db8::/32']}")
        self.assertEqual(len(found.http.proxies), 3)

    def test_proxies_that_are_everywhere(self) -> None:
        for text in (
            "0.0.0.0/0",
            "'::/0'",
            "'::ffff:0:0/96'",
            "10.0.0.0/8, 0.0.0.0/0",
            "0.0.0.0/1, 128.0.0.0/1",
        ):
            self.refuse(f"http: {{proxies: [{text}]}}", "http.proxies: ", "anybody")
        self.load("http: {proxies: [0.0.0.0/1, '::/1']}")

    def test_origins(self) -> None:
        for text in ("ui.example", "https://a/b", "https://*.a", "null", "a", ""):
            self.refuse(
                f"http: {{cors: {{origins: ['{text}']}}}}", "http.cors.origins: "
            )

    def test_credentials_need_origins_that_are_named(self) -> None:
        self.refuse(
            "http: {cors: {origins: ['*'], credentials: true}}",
            "http.cors: credentials",
        )
        text = "http: {cors: {origins: ['https://a'], credentials: true, maxage: 1m}}"
        self.refuse(
            "http: {cors: {credentials: true}}", "http.cors.credentials", "origins"
        )
        wanted = Cors(("https://a",), credentials=True, maxage=Duration(60))
        self.assertEqual(self.load(text).http.cors, wanted)


class AuditTests(ChecksCase):
    def test_file_without_audit(self) -> None:
        for more in ("", ", enabled: false"):
            self.refuse(f"audit: {{file: f{more}}}", "audit.file: 'f'", "audit.enabled")

    def test_file(self) -> None:
        found = self.load("audit: {file: f, enabled: true}").audit
        self.assertEqual((found.file, found.enabled), ("f", True))
        self.assertTrue(self.load("audit: {enabled: true}").audit.enabled)


class DurationTests(ChecksCase):
    """A bare number is of nanoseconds, as in Go; nobody means that."""

    def test_number_without_a_unit(self) -> None:
        for setting in (
            f"auth: {{{ACCOUNTS}, endpoint: {{lifetime: 10}}}}",
            "http: {idletimeout: 999999}",
            "http: {draintimeout: 30}",
            "index: {timeout: 5}",
        ):
            self.refuse(setting, "cannot be used: ", "with its unit, such as '10s'")

    def test_number_that_is_long_enough(self) -> None:
        found = self.load("http: {draintimeout: 1000000, idletimeout: 60000000000}")
        self.assertEqual(found.http.draintimeout, 0.001)
        self.assertEqual(found.http.idletimeout, 60)

    def test_nothing_has_no_unit(self) -> None:
        self.assertEqual(self.load("http: {draintimeout: 0}").http.draintimeout, 0)
