"""Tests of ``txregistry/settings/policies.py``."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.access import Action, Identity
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied
from txregistry.model.names import RepositoryName, Tag
from txregistry.settings.policies import groups_of, make_immutability, make_policy
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Auth, ImmutableTags, Rule, Settings

NAME = RepositoryName("acme/web")
EVERYTHING = ("**",)


def with_rules(*rules: Rule, **groups: tuple[str, ...]) -> Settings:
    """Give settings with some rules and groups."""
    return Settings(auth=Auth(rules=rules, groups=groups))


class PolicyTests(SynchronousTestCase):
    def allows(
        self, settings: Settings, who: Identity, action: Action = Action.PULL
    ) -> bool:
        """Ask the rules."""
        return make_policy(settings).allows(who, NAME, action)

    def refuse(self, settings: Settings, why: str) -> None:
        """Expect settings to be refused."""
        with self.assertRaisesRegex(SettingsError, why):
            make_policy(settings)

    def test_rules_are_those_of_the_settings(self) -> None:
        settings = with_rules(
            Rule(("bob",), ("acme/web",)), Rule(("bob",), ("acme/*",), ("push",))
        )
        self.assertFalse(self.allows(settings, Identity("bob")))
        found = make_policy(settings).decide(
            Identity("bob"), RepositoryName("acme/x"), Action.PULL
        )
        self.assertEqual((found.allowed, found.place), (True, 2))

    def test_without_rules_nobody_may_anything(self) -> None:
        for auth in (Auth(), Auth(rules=())):
            self.assertFalse(self.allows(Settings(auth=auth), Identity("bob")))

    def test_networks_count(self) -> None:
        networks = ("10.0.0.0/8", "2001:db8::1")
        settings = with_rules(Rule(("everyone",), EVERYTHING, ("pull",), networks))
        for address, wanted in (
            ("10.1.2.3", True),
            ("2001:db8::1", True),
            ("2001:db8::2", False),
            ("", False),
        ):
            who = Identity("bob", address=address)
            self.assertEqual(self.allows(settings, who), wanted)

    def test_members_of_a_group_are_in_it(self) -> None:
        settings = with_rules(
            Rule(("@ops",), EVERYTHING, ("pull",)), ops=("bob",), dev=("dave",)
        )
        self.assertTrue(self.allows(settings, Identity("bob")))
        self.assertTrue(self.allows(settings, Identity("eve", frozenset({"ops"}))))
        self.assertFalse(self.allows(settings, Identity("dave")))
        self.assertFalse(self.allows(settings, Identity("ops")))

    def test_member_cannot_be_a_word_or_a_group(self) -> None:
        rule = Rule(("@ops",), EVERYTHING, ("admin",))
        for name in ("everyone", "anonymous", "authenticated", "@dev"):
            self.refuse(
                with_rules(rule, ops=("bob", name)),
                f"auth.groups.ops: '{name}' cannot be used",
            )

    def test_rule_that_cannot_be_used_is_told(self) -> None:
        bad = Rule(("bob",), ("acme/[",), ("pull",))
        good = Rule(("carol",), ("x",))
        self.refuse(with_rules(good, bad), "auth.rules: Rule 2: The pattern")

    def test_rule_that_can_never_decide_is_told(self) -> None:
        rules = Rule(("@ops",), EVERYTHING), Rule(("bob",), ("acme/*",), ("pull",))
        self.refuse(
            with_rules(*rules, ops=("bob",)),
            "auth.rules: Rule 2 can never decide: rule 1, before it,",
        )


class GroupsTests(SynchronousTestCase):
    def found(self, **groups: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
        """Give the groups of all who are in one."""
        return groups_of(with_rules(**groups))

    def test_nobody_is_in_none(self) -> None:
        self.assertEqual(self.found(), {})
        self.assertEqual(self.found(ops=()), {})

    def test_groups_are_by_name(self) -> None:
        self.assertEqual(
            self.found(ops=("bob", "carol"), dev=("bob",)),
            {"bob": {"ops", "dev"}, "carol": {"ops"}},
        )


class ImmutabilityTests(SynchronousTestCase):
    def test_tags_stay_as_the_settings_say(self) -> None:
        rules = (ImmutableTags(("acme/**",), ("v*",)), ImmutableTags(("other",)))
        found = make_immutability(Settings(auth=Auth(immutable=rules)))
        one, two = Digest.of(b"1"), Digest.of(b"2")
        found.check_move(NAME, Tag("latest"), one, two)
        for name, tag in ((NAME, "v1"), (RepositoryName("other"), "latest")):
            with self.assertRaises(Denied):
                found.check_move(name, Tag(tag), one, two)

    def test_by_default_none_does(self) -> None:
        self.assertFalse(make_immutability(Settings()).concerns(NAME))

    def test_rule_that_cannot_be_used_is_told(self) -> None:
        settings = Settings(auth=Auth(immutable=(ImmutableTags(("a",), ("v 1",)),)))
        with self.assertRaisesRegex(SettingsError, "auth.immutable: Rule 1: 'v 1' is"):
            make_immutability(settings)
