"""Tests of ``txregistry/commands/explain.py``."""

import io
import os
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.commands.main import main

CONFIG = """
auth:
  htpasswd: {path: accounts}
  groups: {ops: [bob, dave], dev: [bob]}
  rules:
    - {who: [everyone], repositories: [private/**], from: [10.0.0.0/8]}
    - {who: ['@ops'], repositories: [acme/**], may: [push]}
    - {who: [authenticated], repositories: ['**'], may: [pull]}
    - {who: [anonymous], repositories: [public/*, bücher], may: []}
"""
FIRST = "  {who: [everyone], repositories: [private/**], may: [], from: [10.0.0.0/8]}\n"
SECOND = "  {who: ['@ops'], repositories: [acme/**], may: [push]}\n"
THIRD = "  {who: [authenticated], repositories: ['**'], may: [pull]}\n"


class ExplainCase(SynchronousTestCase):
    config = CONFIG.replace(", bücher", "")

    def setUp(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})

    def ask(self, *arguments: str) -> tuple[int, str]:
        """Ask, and give with what the command ends and what it says."""
        path = make_file(self, "config.yml", self.config.encode())
        self.out.truncate(0)
        self.out.seek(0)
        code: object = 0
        try:
            main(["explain", *arguments, "--config", path])
        except SystemExit as ended:
            code = ended.code
        assert isinstance(code, int)
        return code, self.out.getvalue()

    def refuse(self, arguments: str, *told: str) -> None:
        """Expect a question that cannot be asked."""
        self.assertEqual(self.ask(*arguments.split(" ")), (2, ""))
        for each in told:
            self.assertIn(each, self.err.getvalue())


class AnswerTests(ExplainCase):
    def test_rule_that_allows_is_told(self) -> None:
        self.assertEqual(
            self.ask("bob", "acme/web", "push"),
            (0, f"bob (@dev, @ops) may push acme/web.\nRule 2 decides:\n{SECOND}"),
        )

    def test_rule_that_refuses_is_told(self) -> None:
        self.assertEqual(
            self.ask("carol", "acme/web", "push"),
            (1, f"carol may not push acme/web.\nRule 3 decides:\n{THIRD}"),
        )

    def test_that_no_rule_decides_is_told(self) -> None:
        told = (
            "Who is not known may not pull acme/web.\n"
            "No rule is about that, and what no rule allows is refused.\n"
        )
        self.assertEqual(self.ask("anonymous", "acme/web", "pull"), (1, told))

    def test_what_is_included_is_allowed(self) -> None:
        self.assertEqual(self.ask("bob", "acme/web", "list")[0], 0)

    def test_groups_may_be_given(self) -> None:
        for arguments in (("--group", "ops"), ("-g", "@ops"), ("-gx", "--group=ops")):
            code, told = self.ask("carol", "acme/web", "push", *arguments)
            self.assertEqual(code, 0)
            self.assertIn("Rule 2", told)
            self.assertIn("@ops", told)

    def test_address_counts(self) -> None:
        for options, wanted in (
            (["--from", "10.1.2.3"], FIRST),
            (["--from=::ffff:10.1.2.3"], FIRST),
            (["-f", "192.0.2.1"], THIRD),
        ):
            told = self.ask("carol", "private/x", "pull", *options)[1]
            self.assertTrue(told.endswith(wanted), told)

    def test_registry_as_a_whole_may_be_asked_about(self) -> None:
        code, told = self.ask("carol", "-", "list")
        self.assertEqual(code, 0)
        self.assertIn("carol may list the registry as a whole.\nRule 3", told)


class PlaceTests(ExplainCase):
    """Without an address, what it would change is told."""

    config = """
auth:
  htpasswd: {path: accounts}
  groups: {ops: [bob]}
  rules:
    - {who: [everyone], repositories: [private/**], from: [10.0.0.0/8, '2001:db8::/32']}
    - {who: ['@ops'], repositories: [acme/**], may: [push], from: [192.0.2.1]}
    - {who: [authenticated], repositories: ['**'], may: [pull]}
    - {who: [anonymous], repositories: [public/*], may: [pull], from: [10.0.0.0/8]}
"""

    FIRST = "Rule 1 would decide from 10.0.0.0/8, 2001:db8::/32: give --from.\n"
    SECOND = "Rule 2 would decide from 192.0.2.1: give --from.\n"
    LAST = "Rule 4 would decide from 10.0.0.0/8: give --from.\n"

    def test_rule_that_was_passed_over_is_told(self) -> None:
        for who, repository, wanted in (
            ("carol", "private/x", self.FIRST),
            ("anonymous", "private/x", self.FIRST),
            ("bob", "acme/web", self.SECOND),
            ("anonymous", "public/x", self.LAST),
        ):
            told = self.ask(who, repository, "pull")[1]
            self.assertTrue(told.endswith(f"\n{wanted}"), told)
            self.assertEqual(told.count("would decide"), 1)

    def test_groups_that_are_given_count(self) -> None:
        told = self.ask("carol", "acme/web", "push", "--group", "ops")
        self.assertEqual((told[0], told[1].endswith(self.SECOND)), (1, True))

    def test_rule_that_is_about_others_is_not(self) -> None:
        for who, repository in (
            ("carol", "acme/web"),
            ("carol", "public/x"),
            ("anonymous", "acme/web"),
        ):
            told = self.ask(who, repository, "pull")[1]
            self.assertNotIn("would decide", told)

    def test_nothing_is_told_where_the_address_is_known(self) -> None:
        told = self.ask("bob", "acme/web", "push", "--from", "198.51.100.1")[1]
        self.assertNotIn("would decide", told)


class RoleTests(ExplainCase):
    config = "auth: {htpasswd: {path: accounts}, groups: {vendor: [alice]}}"

    def test_role_has_rules_of_its_own(self) -> None:
        for role, code in (("vendor", 0), ("mirror", 0), ("private", 1)):
            found = self.ask("anonymous", "public/x", "pull", "--role", role)[0]
            self.assertEqual(found, code, role)

    def test_role_that_is_none_is_refused(self) -> None:
        self.refuse("bob a pull --role x", "role: 'x' cannot be used")


class TokenTests(ExplainCase):
    config = (
        "auth: {token: {realm: 'https://x/token', service: s, issuer: i, jwks: k},"
        " rules: [{who: [everyone], repositories: [a], may: [pull]}]}"
    )

    def test_that_tokens_decide_is_told(self) -> None:
        told = self.ask("bob", "a", "pull")[1]
        self.assertIn("Who sends a token of auth.token may do what that says", told)


class IndexTests(ExplainCase):
    config = "index: {url: 'https://index.example'}"

    def test_that_an_index_decides_is_told(self) -> None:
        told = self.ask("bob", "a", "pull")[1]
        self.assertIn("By version 1 the Index elsewhere decides.", told)


class MirrorTests(ExplainCase):
    config = """
role: mirror
auth:
  htpasswd: {path: accounts}
  rules:
    - {who: [everyone], repositories: [c.example/hidden]}
    - {who: [bob], repositories: ['**'], may: [admin]}
    - {who: [everyone], repositories: ['**'], may: [pull]}
mirror:
  own: [private, c.example/own]
  upstreams:
    - {name: a.example, prefix: a}
    - {name: b.example, prefix: a/b}
    - {name: c.example, passthrough: true}
"""

    def test_an_upstream_that_decides_is_told(self) -> None:
        for action in ("pull", "list"):
            code, told = self.ask("anonymous", "c.example/secret/b", action)
            self.assertEqual(code, 0)
            first, second, *_ = told.splitlines()
            self.assertEqual(
                first,
                f"Who is not known may {action} c.example/secret/b, if c.example lets "
                "them.",
            )
            self.assertIn("The upstream registry c.example decides", second)
            self.assertIn("Rule 3 decides", told)

    def test_whom_it_is_not_asked_about(self) -> None:
        code, told = self.ask("anonymous", "c.example/hidden", "pull")
        self.assertEqual(code, 1)
        self.assertTrue(told.startswith("Who is not known may not pull c.example/"))
        self.assertNotIn("if c.example", told)

    def test_deletions_are_for_the_rules_alone(self) -> None:
        code, told = self.ask("bob", "c.example/secret/b", "delete")
        self.assertEqual(code, 0)
        self.assertNotIn("upstream", told)

    def test_pushes_to_a_mirror_are_refused(self) -> None:
        for name, upstream in (
            ("a/x", "a.example"),
            ("a/b/x", "b.example"),
            ("c.example/x", "c.example"),
        ):
            told = (
                f"bob may not push {name}.\nNobody may push to it, whatever the rules "
                f"say: it is a mirror of {upstream}.\n"
            )
            self.assertEqual(self.ask("bob", name, "push"), (1, told))

    def test_everything_is_not_to_push_to_a_mirror(self) -> None:
        code, told = self.ask("bob", "a/x", "admin")
        self.assertEqual(code, 0)
        self.assertIn("Nobody may push to it", told)

    def test_what_is_no_mirror(self) -> None:
        for name in ("private/x", "c.example/own/x", "ab/x", "a"):
            code, told = self.ask("bob", name, "push")
            self.assertEqual(code, 0, told)
            self.assertNotIn("mirror", told)

    def test_what_is_mirrored_without_more(self) -> None:
        self.assertNotIn("upstream", self.ask("bob", "a/x", "pull")[1])
        self.assertNotIn("mirror", self.ask("bob", "-", "list")[1])

    def test_all_names_are_those_of_one(self) -> None:
        self.config += "proxy: {remoteurl: 'https://d.example'}\n"
        self.assertIn("mirror of d.example", self.ask("bob", "x", "push")[1])
        self.assertIn("mirror of a.example", self.ask("bob", "a/x", "push")[1])


class MistakeTests(ExplainCase):
    def test_action_that_is_none(self) -> None:
        self.refuse("bob acme/web fly", "ACTION: 'fly'", "list, pull, push, delete")

    def test_repository_that_is_none(self) -> None:
        self.refuse("bob Acme pull", "REPOSITORY: 'Acme' cannot be used")

    def test_nobody(self) -> None:
        self.refuse(" acme pull", "USER: give a name")

    def test_word_of_rules_is_nobodys_name(self) -> None:
        for word in ("everyone", "authenticated"):
            self.refuse(f"{word} acme pull", f"USER: {word!r} cannot be used")

    def test_group_is_nobodys_name(self) -> None:
        told = "USER: '@ops' cannot be used", "--group ops"
        self.refuse("@ops acme pull", *told)
        self.refuse("@ acme pull", "USER: '@' cannot be used")

    def test_address_that_is_none(self) -> None:
        for address in ("x", "10.0.0.0/8", "''"):
            self.refuse(f"bob acme pull --from {address}", "--from: ")
        self.refuse("bob acme pull --from ", "--from: ''")

    def test_group_that_is_none(self) -> None:
        self.refuse("bob acme pull --group @", "--group: '@'")

    def test_group_of_nobody(self) -> None:
        self.refuse("anonymous acme pull --group ops", "--group: who is not known")

    def test_too_few_or_many_words(self) -> None:
        for arguments in ("bob acme", "bob", "bob acme pull push"):
            self.refuse(arguments, "Wrong number of arguments")

    def test_settings_that_cannot_be_used(self) -> None:
        self.config = CONFIG
        self.refuse("bob acme pull", "auth.rules: Rule 4: The pattern 'bücher'")

    def test_settings_that_are_not_there(self) -> None:
        self.config = "auth: {rules: 1}"
        self.refuse("bob acme pull", "auth.rules: 1 cannot be used")
