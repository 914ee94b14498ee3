"""Tests of ``txregistry/settings/replication.py`` and ``replicationchecks.py``."""

from tests.settings.test_checks import ChecksCase
from txregistry.settings.replication import PushTo


class ReplicationTests(ChecksCase):
    def only(self, text: str) -> PushTo:
        """Read the only rule."""
        (found,) = self.load(f"replication: [{{{text}}}]").replication
        return found

    def refused(self, text: str, setting: str, *told: str) -> None:
        """Expect that a rule is refused."""
        self.refuse(f"replication: [{{{text}}}]", f"replication[0]{setting}", *told)

    def test_nothing_is_replicated_unless_told_so(self) -> None:
        self.assertEqual(self.load("").replication, ())

    def test_a_place_is_enough(self) -> None:
        found = self.only("to: 'https://a.example'")
        self.assertEqual((found.repositories, found.tags), (("**",), ("*",)))

    def test_a_rule_is_called_the_same_after_a_restart(self) -> None:
        found = self.only("to: 'https://a_b.example:5000/x'").called
        self.assertRegex(found, r"\Aa-b\.example-[0-9a-f]{8}\Z")
        self.assertEqual(self.only("to: 'https://a_b.example:5000/x'").called, found)
        other = self.only("to: 'https://a_b.example:5000/x', prefix: y").called
        self.assertNotEqual(other, found)
        self.assertRegex(self.only("to: 'http://[::1]:5'").called, r"\A1-[0-9a-f]{8}\Z")
        self.assertEqual(self.only("to: 'http://a', name: b").called, "b")

    def test_where_nothing_can_be(self) -> None:
        for url in ("a", "ftp://a", "https://bob:secret@a"):
            with self.assertRaises(Exception) as raised:
                self.only(f"to: '{url}'")
            self.assertIn("replication[0].to: ", str(raised.exception))
            self.assertNotIn("secret", str(raised.exception))

    def test_patterns_that_are_none(self) -> None:
        self.refused("to: 'https://a', repositories: ['a b']", ".repositories")
        self.refused("to: 'https://a', repositories: []", ".repositories", "give some")
        self.refused("to: 'https://a', tags: ['a b']", ".tags")
        self.refused("to: 'https://a', tags: []", ".tags", "give some")

    def test_names_that_cannot_be(self) -> None:
        self.refused("to: 'https://a', name: A", ".name: 'A'", "small letters")
        self.refused("to: 'https://a', prefix: a/", ".prefix: 'a/'", "without '/'")
        self.refused("to: 'https://a', replaces: A", ".replaces: 'A'")

    def test_who_we_are(self) -> None:
        self.refused("to: 'https://a', username: a", "", "both username and password")

    def test_times(self) -> None:
        self.refused("to: 'https://a', timeout: 0s", ".timeout: 0s", "0.1s")
        self.refused("to: 'https://a', timeout: 3m", ".timeout: 180s", "120s")

    def test_two_that_go_to_the_same_place(self) -> None:
        twice = "{to: 'https://a', tags: [a]}, {to: 'https://a', tags: [b]}"
        self.refuse(f"replication: [{twice}]", "replication: 2 rules are called 'a-")
