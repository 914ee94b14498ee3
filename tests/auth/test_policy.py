"""Tests of ``txregistry/auth/policy.py``."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txregistry.auth.interfaces import IPolicy
from txregistry.auth.policy import Rule, RulePolicy
from txregistry.model.access import ANONYMOUS, Action, Identity
from txregistry.model.names import RepositoryName

BOB: Final = Identity("bob", frozenset({"ops"}))
ALL: Final = frozenset(Action)
PULL: Final = frozenset({Action.PULL})
NOTHING: Final[frozenset[Action]] = frozenset()

COMPONENTS = st.sampled_from(("a", "b", "ab", "a-b", "library"))
NAMES = st.lists(COMPONENTS, min_size=1, max_size=4).map("/".join)
PATTERNS = st.lists(
    st.one_of(COMPONENTS, st.sampled_from(("*", "**", "a*", "*b", "a*b", "*a*b*"))),
    min_size=1,
    max_size=4,
).filter(lambda parts: parts.count("**") <= 2)  # more are refused


def rule(who: str, repositories: str, may: frozenset[Action]) -> Rule:
    """Make a rule from words that are parted by blanks."""
    return Rule(frozenset(who.split()), tuple(repositories.split()), may)


def matches_within(pattern: str, text: str) -> bool:
    """Match ``*`` by trying all there is."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        rests = range(len(text) + 1)
        return any(matches_within(pattern[1:], text[rest:]) for rest in rests)
    return text[:1] == pattern[0] and matches_within(pattern[1:], text[1:])


def matches(patterns: list[str], names: list[str]) -> bool:
    """Match components by trying all there is."""
    if not patterns:
        return not names
    first, *rest = patterns
    if first == "**":
        # At the end it is one component at least, else it may be none.
        least = 0 if rest else 1
        taken = range(least, len(names) + 1)
        return any(matches(rest, names[count:]) for count in taken)
    return bool(names) and matches_within(first, names[0]) and matches(rest, names[1:])


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
        for action in (Action.PUSH, Action.DELETE):
            self.assertFalse(self.allows(rule("bob", "acme/web", PULL), action=action))

    def test_first_that_is_about_it_decides(self) -> None:
        rules = (rule("bob", "acme/web", NOTHING), rule("bob", "acme/*", ALL))
        self.assertFalse(self.allows(*rules))
        self.assertTrue(self.allows(*reversed(rules)))

    def test_first_decides_about_all_actions(self) -> None:
        rules = (rule("bob", "acme/web", PULL), rule("bob", "acme/web", ALL))
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
            with self.assertRaisesRegex(ValueError, "neither a name nor"):
                RulePolicy([Rule(frozenset({who}), ("**",), ALL)])
        with self.assertRaisesRegex(ValueError, "must say who"):
            RulePolicy([rule("", "**", ALL)])


class PatternTests(RulePolicyTestCase):
    def match(self, pattern: str, name: str) -> bool:
        """Say whether a name is of a pattern."""
        return self.allows(rule("bob", pattern, ALL), to=name)

    def test_literal(self) -> None:
        self.assertTrue(self.match("acme/web", "acme/web"))
        for name in ("acme/webs", "acme", "acme/web/x", "x/acme/web", "web"):
            self.assertFalse(self.match("acme/web", name))

    def test_dot_is_a_dot(self) -> None:
        self.assertFalse(self.match("a.b", "acb"))

    def test_star_is_within_a_component(self) -> None:
        self.assertTrue(self.match("acme/*", "acme/web"))
        self.assertFalse(self.match("acme/*", "acme/web/x"))
        self.assertFalse(self.match("*", "acme/web"))

    def test_star_may_be_part_of_a_component(self) -> None:
        self.assertTrue(self.match("acme/web-*", "acme/web-1"))
        self.assertFalse(self.match("acme/web-*", "acme/web"))

    def test_two_stars_are_any_depth(self) -> None:
        for name in ("acme/web", "acme/web/x"):
            self.assertTrue(self.match("acme/**", name))
        for name in ("acme", "other/web"):
            self.assertFalse(self.match("acme/**", name))

    def test_two_stars_before_may_be_nothing(self) -> None:
        for name in ("web", "acme/web", "acme/x/web"):
            self.assertTrue(self.match("**/web", name))

    def test_two_stars_are_everything(self) -> None:
        for name in ("web", "acme/web", "acme/x/web"):
            self.assertTrue(self.match("**", name))

    def test_library_may_be_left_out_of_the_pattern(self) -> None:
        self.assertTrue(self.match("solo", "library/solo"))

    def test_library_may_be_left_out_of_the_name(self) -> None:
        self.assertTrue(self.match("library/solo", "solo"))
        self.assertTrue(self.match("library/*", "solo"))

    @given(PATTERNS, NAMES)
    def test_is_as_if_all_was_tried(self, parts: list[str], name: str) -> None:
        names = [name.split("/")]
        if len(names[0]) == 1:
            names.append(["library", name])
        elif names[0][0] == "library" and len(names[0]) == 2:
            names.append(names[0][1:])
        wanted = any(matches(parts, each) for each in names)
        self.assertEqual(self.match("/".join(parts), name), wanted)

    def test_pattern_with_many_stars_is_told_at_once(self) -> None:
        pattern = "*a" * 60 + "b"
        self.assertFalse(self.match(pattern, "a" * 239 + "c"))

    def test_deep_pattern_is_told_at_once(self) -> None:
        self.assertFalse(self.match("**/a*a/**/b", "a/" * 119 + "a"))

    def refuse(self, pattern: str, why: str) -> None:
        """Expect a pattern to be refused."""
        with self.assertRaisesRegex(ValueError, why):
            RulePolicy([Rule(frozenset({"bob"}), (pattern,), ALL)])

    def test_slash_at_an_end_is_refused(self) -> None:
        for pattern in ("", "/a", "a/", "a//b", "/"):
            self.refuse(pattern, "at an end")

    def test_what_no_name_has_is_refused(self) -> None:
        for pattern in ("Acme/*", "a b", "a?", "[ab]", "a\n", "é", "(a)", "a\\b"):
            self.refuse(pattern, "lower-case")

    def test_two_stars_within_a_component_are_refused(self) -> None:
        for pattern in ("a**", "***", "**a/b"):
            self.refuse(pattern, "a component of its own")

    def test_many_depths_are_refused(self) -> None:
        self.refuse("**/a/**/b/**", "more than 2 times")

    def test_no_pattern_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "which repositories"):
            RulePolicy([rule("bob", "", ALL)])
