"""Tests of ``txregistry/registry/quotas/rules.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.names import RepositoryName
from txregistry.registry.quotas.rules import Quota, QuotaRules


class QuotaRulesTests(SynchronousTestCase):
    def about(self, rules: QuotaRules, name: str) -> tuple[int, ...]:
        found = rules.about(RepositoryName(name))
        self.assertEqual(rules.about(RepositoryName(name)), found)  # once more
        return found

    def test_all_that_are_about_a_repository(self) -> None:
        rules = QuotaRules(
            [Quota(("team/*",), 1), Quota(("other",), 1), Quota(("**",), 1)]
        )
        self.assertEqual(self.about(rules, "team/app"), (0, 2))
        self.assertEqual(self.about(rules, "team/app/deep"), (2,))
        self.assertEqual(self.about(rules, "other"), (1, 2))

    def test_both_names_of_version_1_are_one_repository(self) -> None:
        rules = QuotaRules([Quota(("library/*",), 1)])
        self.assertEqual(self.about(rules, "alpine"), (0,))

    def test_some_are_exempt(self) -> None:
        rules = QuotaRules([Quota(("**",), 1)], lambda name: str(name) == "mirrored")
        self.assertEqual(self.about(rules, "mirrored"), ())
        self.assertEqual(self.about(rules, "ours"), (0,))

    def test_memory_is_bounded(self) -> None:
        rules = QuotaRules([Quota(("a*",), 1)])
        for number in range(20_001):
            rules.about(RepositoryName(f"a{number}"))
        self.assertLessEqual(len(rules._about), 10_000)

    def test_order_of_patterns_does_not_matter(self) -> None:
        self.assertEqual(Quota(("b", "a", "b")).called, Quota(("a", "b")).called)

    def test_what_is_no_pattern_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            QuotaRules([Quota(("a//b",), 1)])
