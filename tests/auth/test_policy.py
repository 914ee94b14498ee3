"""Tests of ``txregistry/auth/policy.py``."""

from dataclasses import replace
from functools import cache
from ipaddress import ip_network
from itertools import product
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txregistry.auth.interfaces import IPolicy
from txregistry.auth.policy import Decision, Rule, RulePolicy
from txregistry.model.access import ANONYMOUS, Action, Identity
from txregistry.model.names import RepositoryName

BOB: Final = Identity("bob", frozenset({"ops"}))
ALL: Final = frozenset(Action)
PULL: Final = frozenset({Action.PULL})
NOTHING: Final[frozenset[Action]] = frozenset()


def rule(
    who: str, repositories: str, may: frozenset[Action], networks: str = ""
) -> Rule:
    """Make a rule from words that are parted by blanks."""
    return Rule(
        frozenset(who.split()),
        tuple(repositories.split()),
        may,
        tuple(map(ip_network, networks.split())),
    )


FIRST: Final = rule("carol", "first", PULL)
"""A rule that has nothing to do with the others."""

RULES = st.builds(
    rule,
    st.sampled_from(
        ("everyone", "authenticated", "anonymous", "bob", "@ops", "anonymous bob")
    ),
    st.sampled_from(
        ("**", "*", "a", "a/*", "a/**", "**/b", "**/*", "a b", "library/a")
    ),
    st.sampled_from((NOTHING, PULL, ALL)),
    st.sampled_from(("", "", "", "10.0.0.0/8", "10.1.0.0/16 ::/0", "::1/128")),
)
CALLERS: Final = [
    Identity(name, groups, address)
    for name, groups in (
        ("", frozenset[str]()),
        ("bob", frozenset[str]()),
        ("bob", frozenset({"ops"})),
        ("carol", frozenset({"ops", "dev"})),
        ("everyone", frozenset[str]()),
        ("@ops", frozenset[str]()),
    )
    for address in ("", "10.1.0.1", "10.2.0.1", "::1", "192.0.2.1")
]
NAMES: Final = [
    None,
    *map(RepositoryName, ("a", "b", "a/b", "b/a", "a/b/c", "c/a/b", "library/a")),
]


def first(rules: list[Rule], who: Identity, name: RepositoryName | None) -> int | None:
    """Say which rule is the first about something, by asking each one alone."""
    for place, each in enumerate(rules, 1):
        if alone(each).allows(who, name, Action.PULL):
            return place
    return None


@cache
def alone(about: Rule) -> RulePolicy:
    """Make rules of one that allows everything to those whom another is about."""
    return RulePolicy([replace(about, may=ALL)])


class RulePolicyTestCase(SynchronousTestCase):
    def allows(
        self,
        *rules: Rule,
        who: Identity = BOB,
        to: str = "acme/web",
        action: Action = Action.PULL,
    ) -> bool:
        """Say what some rules come to."""
        return RulePolicy(rules).allows(who, RepositoryName.parse(to), action)


class RulesTests(RulePolicyTestCase):
    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IPolicy, RulePolicy([])))

    def test_without_a_rule_nobody_may_anything(self) -> None:
        for action in Action:
            self.assertFalse(self.allows(action=action))

    def test_rule_allows_what_it_says(self) -> None:
        self.assertTrue(self.allows(rule("bob", "acme/web", PULL)))

    def test_rule_allows_nothing_else(self) -> None:
        for action in (Action.PUSH, Action.DELETE, Action.ADMIN):
            self.assertFalse(self.allows(rule("bob", "acme/web", PULL), action=action))

    def test_rule_allows_what_is_included(self) -> None:
        for given_, action, wanted in (
            (Action.PULL, Action.LIST, True),
            (Action.PUSH, Action.PULL, True),
            (Action.PUSH, Action.LIST, True),
            (Action.PUSH, Action.DELETE, False),
            (Action.DELETE, Action.LIST, False),
            (Action.LIST, Action.PULL, False),
            (Action.ADMIN, Action.DELETE, True),
            (Action.ADMIN, Action.PUSH, True),
        ):
            about = rule("bob", "acme/web", frozenset({given_}))
            self.assertEqual(self.allows(about, action=action), wanted)

    def test_rule_that_allows_nothing_refuses(self) -> None:
        rules = (rule("@ops", "acme/*", NOTHING), rule("bob", "**", ALL))
        for action in Action:
            self.assertFalse(self.allows(*rules, action=action))
            self.assertTrue(self.allows(*rules, to="other/web", action=action))

    def test_registry_as_a_whole_is_of_rules_about_all_there_is(self) -> None:
        policy = RulePolicy(
            [rule("bob", "**/*", NOTHING), rule("bob", "a **", PULL)],
        )
        self.assertTrue(policy.allows(BOB, None, Action.LIST))
        self.assertFalse(policy.allows(BOB, None, Action.ADMIN))
        self.assertFalse(policy.allows(ANONYMOUS, None, Action.LIST))

    def test_first_that_is_about_it_decides(self) -> None:
        rules = (rule("bob", "*/web", NOTHING), rule("bob", "acme/*", ALL))
        self.assertFalse(self.allows(*rules))
        self.assertTrue(self.allows(*reversed(rules)))

    def test_first_decides_about_all_actions(self) -> None:
        rules = (rule("bob", "acme/web", PULL), rule("bob", "acme/*", ALL))
        self.assertFalse(self.allows(*rules, action=Action.PUSH))

    def test_rule_about_others_decides_nothing(self) -> None:
        rules = (rule("carol", "**", NOTHING), rule("bob", "**", ALL))
        self.assertTrue(self.allows(*rules))

    def test_rule_about_other_repositories_decides_nothing(self) -> None:
        rules = (rule("bob", "other/*", NOTHING), rule("bob", "**", ALL))
        self.assertTrue(self.allows(*rules))

    def test_one_of_several_patterns_is_enough(self) -> None:
        self.assertTrue(self.allows(rule("bob", "other acme/web more", ALL)))


class WhoTests(RulePolicyTestCase):
    def about(self, who: str, identity: Identity) -> bool:
        """Say whether a rule is about somebody."""
        return self.allows(rule(who, "**", ALL), who=identity)

    def test_name(self) -> None:
        self.assertTrue(self.about("bob", BOB))
        self.assertFalse(self.about("bob", Identity("carol")))

    def test_one_of_several_names(self) -> None:
        self.assertTrue(self.about("carol bob", BOB))

    def test_group(self) -> None:
        self.assertTrue(self.about("@ops", BOB))
        self.assertFalse(self.about("@dev", BOB))

    def test_group_is_no_name(self) -> None:
        self.assertFalse(self.about("ops", BOB))
        self.assertFalse(self.about("@bob", BOB))

    def test_name_like_a_group_is_none(self) -> None:
        self.assertFalse(self.about("@ops", Identity("@ops")))

    def test_everyone(self) -> None:
        self.assertTrue(self.about("everyone", BOB))
        self.assertTrue(self.about("everyone", ANONYMOUS))

    def test_authenticated(self) -> None:
        self.assertTrue(self.about("authenticated", BOB))
        self.assertFalse(self.about("authenticated", ANONYMOUS))

    def test_anonymous(self) -> None:
        self.assertFalse(self.about("anonymous", BOB))
        self.assertTrue(self.about("anonymous", ANONYMOUS))

    def test_name_like_a_word_is_not_that_word(self) -> None:
        self.assertFalse(self.about("anonymous", Identity("anonymous")))

    def test_nobody_is_refused(self) -> None:
        for who in ("", "@", " "):
            with self.assertRaisesRegex(ValueError, "Rule 2: .* neither a name nor"):
                RulePolicy([FIRST, Rule(frozenset({who}), ("**",), ALL)])
        with self.assertRaisesRegex(ValueError, "Rule 2: it must say who"):
            RulePolicy([FIRST, rule("", "**", ALL)])

    def test_nothing_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "Rule 2: .* which repositories"):
            RulePolicy([FIRST, rule("bob", "", ALL)])

    def test_pattern_that_is_none_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, r"Rule 2: The pattern 'a/\[' "):
            RulePolicy([FIRST, rule("bob", "a/[", ALL)])


class NetworkTests(RulePolicyTestCase):
    def about(self, networks: str, address: str) -> bool:
        """Say whether a rule is about who asks from somewhere."""
        about = rule("bob", "**", ALL, networks)
        return self.allows(about, who=Identity("bob", address=address))

    def test_within(self) -> None:
        for address in ("10.1.0.0", "10.1.255.255", "2001:db8::1"):
            self.assertTrue(self.about("10.1.0.0/16 2001:db8::/32", address))

    def test_outside(self) -> None:
        for address in ("10.2.0.0", "2001:db9::1", "::1", "::10.1.0.1"):
            self.assertFalse(self.about("10.1.0.0/16 2001:db8::/32", address))

    def test_unknown_is_in_none(self) -> None:
        for address in ("", "bob", "10.1", "10.1.0.1:80", "/run/socket", "1" * 10_000):
            self.assertFalse(self.about("0.0.0.0/0 ::/0", address))

    def test_unknown_is_anywhere(self) -> None:
        self.assertTrue(self.about("", ""))

    def test_address_that_is_written_as_ipv6_is_one_of_ipv4(self) -> None:
        self.assertTrue(self.about("10.1.0.0/16", "::ffff:10.1.2.3"))
        self.assertFalse(self.about("::/0", "::ffff:10.1.2.3"))

    def test_network_that_is_written_as_ipv6_is_one_of_ipv4(self) -> None:
        for address in ("10.1.2.3", "::ffff:10.1.2.3"):
            self.assertTrue(self.about("::ffff:10.1.0.0/112", address))
            self.assertFalse(self.about("::ffff:10.2.0.0/112", address))

    def test_interface_in_an_address_does_not_matter(self) -> None:
        self.assertTrue(self.about("fe80::/10", "fe80::1%eth0"))

    def test_one_caller_from_two_places_is_two(self) -> None:
        policy = RulePolicy([rule("bob", "**", ALL, "10.1.0.0/16")])
        for address, wanted in (("10.1.0.1", True), ("10.2.0.1", False)) * 2:
            who = Identity("bob", address=address)
            self.assertEqual(policy.allows(who, None, Action.PULL), wanted)

    def test_one_name_with_other_groups_is_another(self) -> None:
        policy = RulePolicy([rule("@ops", "**", ALL)])
        for group, wanted in (("ops", True), ("dev", False)) * 2:
            who = Identity("bob", frozenset({group}))
            self.assertEqual(policy.allows(who, None, Action.PULL), wanted)


class DecideTests(SynchronousTestCase):
    def test_rule_that_decides_is_told(self) -> None:
        rules = [rule("carol", "**", ALL), rule("bob", "acme/*", PULL)]
        policy, name = RulePolicy(rules), RepositoryName("acme/web")
        for action, allowed in ((Action.PULL, True), (Action.PUSH, False)):
            found = policy.decide(BOB, name, action)
            self.assertEqual(found, Decision(allowed, 2, rules[1]))

    def test_no_rule_is_told(self) -> None:
        found = RulePolicy([FIRST]).decide(BOB, None, Action.PULL)
        self.assertEqual(found, Decision(allowed=False, place=None, rule=None))


class ReachTests(SynchronousTestCase):
    def covered(self, *rules: Rule) -> None:
        """Expect the last rule to be refused as the one before it covers it."""
        RulePolicy(rules[:-1])
        last, before = len(rules), len(rules) - 1
        told = f"Rule {last} can never decide: rule {before}, before it,"
        with self.assertRaisesRegex(ValueError, told):
            RulePolicy(rules)

    def reached(self, *rules: Rule) -> None:
        """Expect all rules to be taken."""
        RulePolicy(rules)

    def test_rule_is_covered_by_its_like(self) -> None:
        self.covered(FIRST, rule("bob", "a", PULL), rule("bob", "a", ALL))

    def test_places_are_told_wherever_they_are(self) -> None:
        rules = [rule("bob", "**", ALL), FIRST, rule("bob", "a", ALL)]
        with self.assertRaisesRegex(ValueError, "Rule 3 can never .* rule 1, before"):
            RulePolicy(rules)

    def test_callers_that_are_covered(self) -> None:
        for wide, narrow in (
            ("everyone", "everyone"),
            ("everyone", "authenticated anonymous bob @ops"),
            ("authenticated", "bob @ops"),
            ("authenticated anonymous", "everyone"),
            ("bob @ops", "bob"),
        ):
            self.covered(rule(wide, "**", PULL), rule(narrow, "**", PULL))

    def test_callers_that_are_not(self) -> None:
        for wide, narrow in (
            ("authenticated", "everyone"),
            ("authenticated", "anonymous bob"),
            ("anonymous", "everyone"),
            ("anonymous", "bob"),
            ("bob", "@bob"),
            ("@ops", "bob"),
            ("bob", "bob carol"),
        ):
            self.reached(rule(wide, "**", PULL), rule(narrow, "**", PULL))

    def test_all_patterns_must_be_covered(self) -> None:
        wide = rule("bob", "acme/** b", PULL)
        self.covered(wide, rule("bob", "b acme/x", PULL))
        self.reached(wide, rule("bob", "b acme/x c", PULL))

    def test_registry_as_a_whole_must_be_covered(self) -> None:
        self.reached(rule("bob", "**/*", PULL), rule("bob", "**", PULL))

    def test_networks_that_are_covered(self) -> None:
        for wide, narrow in (
            ("", ""),
            ("", "10.0.0.0/8"),
            ("10.0.0.0/8 ::/0", "10.1.0.0/16 ::1/128 10.0.0.0/8"),
            ("10.0.0.0/8", "::ffff:10.1.0.0/112"),
        ):
            self.covered(rule("bob", "**", PULL, wide), rule("bob", "**", PULL, narrow))

    def test_networks_that_are_not(self) -> None:
        for wide, narrow in (
            ("0.0.0.0/0 ::/0", ""),
            ("10.1.0.0/16", "10.0.0.0/8"),
            ("10.0.0.0/8", "10.1.0.0/16 ::1/128"),
            ("::/0", "10.0.0.0/8"),
        ):
            self.reached(rule("bob", "**", PULL, wide), rule("bob", "**", PULL, narrow))

    @settings(max_examples=300)
    @given(st.lists(RULES, min_size=2, max_size=3))
    def test_refused_rule_is_never_the_first_about_anything(
        self, rules: list[Rule]
    ) -> None:
        for count in range(1, len(rules) + 1):
            try:
                RulePolicy(rules[:count])
            except ValueError:
                for who, name in product(CALLERS, NAMES):
                    self.assertNotEqual(first(rules[:count], who, name), count)
                return

    @settings(max_examples=300)
    @given(st.lists(RULES, min_size=1, max_size=3))
    def test_decides_as_if_all_was_tried(self, rules: list[Rule]) -> None:
        try:
            policy = RulePolicy(rules)
        except ValueError:
            return
        for who, name in product(CALLERS, NAMES):
            place = first(rules, who, name)
            for action in Action:
                found = policy.decide(who, name, action)
                self.assertEqual(found.place, place)
                self.assertEqual(found.allowed, policy.allows(who, name, action))
