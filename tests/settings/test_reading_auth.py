"""Tests of ``txregistry/settings/reading.py``: ``auth``, and its variables."""

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Htpasswd, ImmutableTags, Rule, Settings

PATH = {"REGISTRY_AUTH_HTPASSWD_PATH": "/auth/htpasswd"}
TOKEN = {
    "REGISTRY_AUTH_TOKEN_REALM": "https://auth.example/token",
    "REGISTRY_AUTH_TOKEN_SERVICE": "registry.example",
    "REGISTRY_AUTH_TOKEN_ISSUER": "auth.example",
    "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE": "/root.pem",
}


class AuthCase(SynchronousTestCase):
    def load(self, text: str, **environment: str) -> Settings:
        """Read settings."""
        path = make_file(self, "config.yml", text.encode()) if text else None
        return load_settings(path, environment)[0]

    def refuse(self, text: str, told: str, **environment: str) -> None:
        """Expect a refusal that tells something."""
        with self.assertRaises(SettingsError) as raised:
            self.load(text, **environment)
        self.assertIn(told, str(raised.exception))


class VariablesTests(AuthCase):
    def test_way_may_be_named_beside_what_it_is_like(self) -> None:
        for text in ("", "auth:", "auth: {}", "auth: {htpasswd: }"):
            found = self.load(text, REGISTRY_AUTH="htpasswd", **PATH).auth
            self.assertEqual(found.htpasswd, Htpasswd("/auth/htpasswd"), text)

    def test_way_alone_lets_nobody_in_by_mistake(self) -> None:
        for text in ("", "auth:", "auth: {}", "auth: {htpasswd: }"):
            self.refuse(text, "auth.htpasswd", REGISTRY_AUTH="htpasswd")

    def test_none_is_as_nothing(self) -> None:
        for text, variables in (
            ("auth: none", {}),
            ("", {"REGISTRY_AUTH": "none"}),
            ("auth:", {"REGISTRY_AUTH": ""}),
        ):
            self.assertFalse(self.load(text, **variables).auth.knows_accounts)

    def test_none_does_not_open_what_the_file_closes(self) -> None:
        found = self.load("auth: {htpasswd: {path: f}}", REGISTRY_AUTH="none")
        self.assertEqual(found.auth.htpasswd, Htpasswd("f"))

    def test_tokens(self) -> None:
        found = self.load("", REGISTRY_AUTH="token", **TOKEN).auth.token
        assert found is not None
        self.assertEqual(
            (found.realm, found.service, found.issuer, found.rootcertbundle),
            tuple(TOKEN.values()),
        )

    def test_rules_and_groups_are_yaml(self) -> None:
        found = self.load(
            "",
            REGISTRY_AUTH_RULES="[{who: ['@ops'], repositories: [a], may: [pull]}]",
            REGISTRY_AUTH_GROUPS="{ops: [bob]}",
            **PATH,
        ).auth
        self.assertEqual(found.rules, (Rule(("@ops",), ("a",), ("pull",)),))
        self.assertEqual(found.groups, {"ops": ("bob",)})

    def test_other_lists_of_mappings_are_yaml_too(self) -> None:
        found = self.load("", REGISTRY_AUTH_IMMUTABLE="[{repositories: [a]}]").auth
        self.assertEqual(found.immutable, (ImmutableTags(("a",)),))

    def test_role(self) -> None:
        self.assertEqual(self.load("", REGISTRY_ROLE="mirror").role, "mirror")
        path = make_file(self, "c.yml", b"role: vendor")
        found = load_settings(path, {"REGISTRY_ROLE": "vendor"}, "mirror")[0]
        self.assertEqual(found.role, "mirror")

    def test_rules_of_the_role_are_filled_in(self) -> None:
        (rule,) = self.load("", **PATH).auth.rules or ()
        self.assertEqual(rule, Rule(("authenticated",), ("**",), ("admin",)))
        (rule,) = self.load("").auth.rules or ()
        self.assertEqual(rule, Rule(("everyone",), ("**",), ("admin",)))
        self.assertEqual(self.load("auth: {rules: []}").auth.rules, ())


class MistakesTests(AuthCase):
    def test_what_is_allowed_within_lists_is_told(self) -> None:
        for text, setting, allowed in (
            (
                "auth: {rules: [{repositorys: [a]}]}",
                "auth.rules[0].repositorys",
                "from, may, repositories, who.",
            ),
            (
                "auth: {immutable: [{repositories: [a]}, {tag: x}]}",
                "auth.immutable[1].tag",
                "repositories, tags.",
            ),
            (
                "auth: {certificates: {names: [{form: cn}]}}",
                "auth.certificates.names[0].form",
                "from, pattern.",
            ),
            (
                "http: {listen: [{endpoint: 'tcp:1', api: v1}]}",
                "http.listen[0].api",
                "apis, endpoint, proxyprotocol, tls;",
            ),
        ):
            told = f"{setting}: there is no such setting; allowed are: {allowed}"
            self.refuse(text, told)

    def test_endpoint_that_yaml_takes_for_a_mapping(self) -> None:
        text = "http:\n  listen:\n    - tcp6:21011:interface=\\:\\:\n"
        self.refuse(text, "quote a string that has ': '")

    def test_one_text_in_place_of_a_list(self) -> None:
        rule = "repositories: [a], may: [pull]"
        for text, told in (
            (f"rules: [{{who: bob, {rule}}}]", "auth.rules[0].who: 'bob' cannot be"),
            (f"rules: [{{who: bob, {rule}}}]", "write [bob]."),
            (f"rules: [{{who: '@ops', {rule}}}]", "write ['@ops']."),
            ("immutable: [{repositories: '**'}]", "write ['**']."),
            ("groups: {ops: [alice], dev: bob}", "auth.groups.dev: 'bob' cannot be"),
            ("groups: {ops: [alice], dev: bob}", "write [bob]."),
        ):
            self.refuse(f"auth: {{{text}}}", told)
        self.refuse("http: {proxies: 10.0.0.1}", "write [10.0.0.1].")
        listener = "{endpoint: 'tcp:1', apis: v1}"
        self.refuse(f"http: {{listen: [{listener}]}}", "write [v1].")

    def test_one_text_in_place_of_a_list_of_mappings(self) -> None:
        for text in ("auth: {rules: x}", "auth: {immutable: x}"):
            with self.assertRaises(SettingsError) as raised:
                self.load(text)
            self.assertNotIn("write", str(raised.exception))

    def test_members_that_are_no_names(self) -> None:
        self.refuse(
            "auth: {groups: {ops: [alice], dev: [bob, 5]}}", "auth.groups.dev[1]: 5"
        )

    def test_names_in_a_mapping_that_look_like_paths(self) -> None:
        for name in ("a[x]", "a[9]", "a.b", "[0]", "...", "[...]", "."):
            text = f"auth: {{groups: {{a: [b], '{name}': 5}}}}"
            self.refuse(text, f"auth.groups.{name}: ")

    def test_rule_that_cannot_be_used_is_told_before_the_start(self) -> None:
        text = "auth: {rules: [{who: [everyone], repositories: ['a['], may: [pull]}]}"
        self.refuse(text, "auth.rules: Rule 1: The pattern 'a['")

    def test_role_that_needs_more_is_told_before_the_start(self) -> None:
        self.refuse("role: sponsor", "role: 'sponsor' needs")
        self.refuse("role: vendor", "role: 'vendor' needs")

    def test_what_yaml_cannot_make_a_value_of(self) -> None:
        for text in (
            "a: 2020-99-99",
            f"a: {'1' * 5000}",
            "[" * 5000,
            "a: !!python/object:os.system {}",
            "a: !!timestamp x",
            "a: &x [*x",
        ):
            self.refuse(text, "this is no YAML")
            self.refuse("", "is no YAML value", REGISTRY_HTTP_ADDR=text[3:])


class EmptyTests(SynchronousTestCase):
    def test_a_file_with_nothing_in_it_is_a_mistake(self) -> None:
        for text in (b"", b"\n", b"# auth:\n", b"---\n"):
            path = make_file(self, "config.yml", text)
            with self.assertRaises(SettingsError) as raised:
                load_settings(path, {})
            self.assertIn("the file is empty", str(raised.exception))

    def test_a_mapping_with_nothing_in_it_is_none(self) -> None:
        path = make_file(self, "config.yml", b"{}")
        self.assertEqual(load_settings(path, {}), load_settings(None, {}))
