"""Tests of ``txregistry/registry/mirror/passed.py``."""

from tests.registry.case import RegistryTestCase
from txregistry.registry.mirror.passed import remember_passed


class PassedTests(RegistryTestCase):
    def closed(self, *prefixes: str) -> list[str]:
        """Start with some rules, and say what is closed."""
        found: list[str] = self.result(remember_passed(self.store, prefixes))
        return found

    def test_nothing_is_closed_at_first(self) -> None:
        self.assertEqual(self.closed(), [])
        self.assertEqual(self.closed("a/", ""), [])
        self.assertEqual(self.closed("", "a/"), [])

    def test_what_was_passed_through_is_closed_when_the_rule_has_gone(self) -> None:
        self.closed("a/", "")
        self.assertEqual(self.closed("a/"), [""])
        self.assertEqual(self.closed("b/"), ["", "a/"])
        self.assertEqual(self.closed(), ["", "a/", "b/"])
