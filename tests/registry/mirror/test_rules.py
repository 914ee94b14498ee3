"""Tests of ``txregistry/registry/mirror/rules.py``."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.registry.mirror.played import PlayedUpstream
from txregistry.model.errors import NameInvalid, NameUnknown
from txregistry.model.names import MAX_NAME, RepositoryName
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules

HUB = MirrorRule(
    PlayedUpstream("docker.io"),
    "docker.io/",
    spaces=frozenset({"docker.io"}),
    hosts=frozenset({"hub.example"}),
    library=True,
)
QUAY = MirrorRule(PlayedUpstream("quay.io"), "quay.io/", frozenset({"quay.io"}))
NESTED = MirrorRule(PlayedUpstream("nested"), "quay.io/special/")
ALL = MirrorRule(PlayedUpstream("all"))


def local(rules: MirrorRules, name: str, space: str = "", host: str = "") -> str:
    """Say what a repository is called here."""
    return str(rules.localize(RepositoryName(name), space, host))


class FindTests(SynchronousTestCase):
    def found(self, rules: MirrorRules, name: str) -> str:
        """Say whose a repository is."""
        rule = rules.find(RepositoryName(name))
        return "" if rule is None else rule.upstream.name

    def test_the_longest_prefix_counts(self) -> None:
        rules = MirrorRules([ALL, QUAY, NESTED, HUB])
        self.assertEqual(self.found(rules, "quay.io/special/a"), "nested")
        self.assertEqual(self.found(rules, "quay.io/specials/a"), "quay.io")
        self.assertEqual(self.found(rules, "docker.io/library/a"), "docker.io")
        self.assertEqual(self.found(rules, "a"), "all")

    def test_without_a_rule_it_is_ours(self) -> None:
        rules = MirrorRules([QUAY])
        for name in ("a", "quay.io", "quay.iox/a"):
            self.assertEqual(self.found(rules, name), "")

    def test_what_is_ours_alone_is_nobodys(self) -> None:
        rules = MirrorRules([ALL], own=["team"])
        self.assertEqual(self.found(rules, "team/a"), "")
        self.assertEqual(self.found(rules, "teams/a"), "all")

    def test_what_it_is_called_there(self) -> None:
        for rule, name, remote in (
            (QUAY, "quay.io/a/b", "a/b"),
            (HUB, "docker.io/library/a", "library/a"),
            (ALL, "a/b", "a/b"),
        ):
            self.assertEqual(rule.remote_name(RepositoryName(name)), remote)


class LocalizeTests(SynchronousTestCase):
    def test_by_what_the_client_says_it_means(self) -> None:
        rules = MirrorRules([HUB, QUAY])
        self.assertEqual(local(rules, "a/b", "quay.io"), "quay.io/a/b")
        self.assertEqual(local(rules, "library/a", "docker.io"), "docker.io/library/a")
        self.assertEqual(local(rules, "a", "docker.io"), "docker.io/library/a")

    def test_by_what_the_client_calls_us(self) -> None:
        rules = MirrorRules([HUB, QUAY])
        self.assertEqual(local(rules, "a", host="hub.example"), "docker.io/library/a")
        self.assertEqual(local(rules, "a", host="hub.example:1"), "docker.io/library/a")
        self.assertEqual(local(rules, "a", host="other.example"), "a")

    def test_by_the_port_at_which_it_calls_us(self) -> None:
        rules = MirrorRules([replace(QUAY, hosts=frozenset({"m.example:2", "[::1]"}))])
        for host, found in (
            ("m.example:2", "quay.io/a"),
            ("m.example:1", "a"),
            ("m.example", "a"),
            ("[::1]:3", "quay.io/a"),
            ("[::1]", "quay.io/a"),
            ("[::2]", "a"),
            ("", "a"),
        ):
            self.assertEqual(local(rules, "a", host=host), found, host)

    def test_what_the_client_says_counts_before_what_it_calls_us(self) -> None:
        rules = MirrorRules([HUB, QUAY])
        self.assertEqual(local(rules, "a", "quay.io", "hub.example"), "quay.io/a")

    def test_by_the_prefix(self) -> None:
        rules = MirrorRules([HUB, QUAY])
        self.assertEqual(local(rules, "quay.io/a"), "quay.io/a")
        self.assertEqual(local(rules, "docker.io/a"), "docker.io/library/a")
        self.assertEqual(local(rules, "docker.io/library/a"), "docker.io/library/a")
        self.assertEqual(local(rules, "mine/a"), "mine/a")

    def test_another_registry_than_those_is_told_so(self) -> None:
        with self.assertRaises(NameUnknown):
            local(MirrorRules([HUB]), "a", "ghcr.io")

    def test_one_may_stand_for_all_others(self) -> None:
        rules = MirrorRules([replace(ALL, spaces=frozenset({"*"})), QUAY])
        self.assertEqual(local(rules, "a", "ghcr.io"), "a")
        self.assertEqual(local(rules, "a", "quay.io"), "quay.io/a")

    def test_who_is_no_mirror_does_not_mind(self) -> None:
        self.assertEqual(local(MirrorRules(), "a", "ghcr.io", "hub.example"), "a")

    def test_a_name_that_becomes_too_long_is_none(self) -> None:
        with self.assertRaises(NameInvalid):
            local(MirrorRules([QUAY]), "a" * MAX_NAME, "quay.io")
