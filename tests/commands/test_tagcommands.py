"""Tests of ``txregistry tags``, ``undo`` and ``rm``, on folders."""

import io
import json
import os
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.program import run
from tests.registry.case import NAME, OTHER, V1
from tests.registry.checking import files
from tests.registry.checking.case import NEW, OLD, layer
from tests.temporary import make_file
from txregistry.commands.main import main
from txregistry.commands.meant import Meant, parse_meant, spell_time
from txregistry.model.digest import Digest
from txregistry.model.names import Tag

FIRST, SECOND = Digest.of(OLD), Digest.of(NEW)


class TagCommandTests(files.FilesCheckCase):
    def succeed(self, *arguments: str) -> str:
        done = run(*arguments, "--storage", self.root)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def refuse(self, *arguments: str) -> str:
        before = self.everything()
        done = run(*arguments, "--storage", self.root)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(self.everything(), before)
        return done.stderr

    def test_deleted_tag_is_told_and_comes_back(self) -> None:
        self.assertEqual(self.succeed("rm", f"{NAME}:v1"), f"v1 of {NAME} is gone\n")
        lines = self.succeed("tags", str(NAME), "--history").splitlines()
        self.assertIn("v1 (deleted)", lines)
        self.assertIn(f"deleted, was {SECOND}", "\n".join(lines))
        said = self.succeed("undo", f"{NAME}:v1")
        self.assertEqual(said, f"{NAME}:v1 is {SECOND}, was deleted\n")
        self.assertEqual(self.pulls(V1), NEW)

    def test_moved_tag_goes_back(self) -> None:
        text = self.succeed("tags", f"{NAME}:v1", "--history", "--json")
        found = json.loads(text)
        self.assertEqual(found["digest"], str(SECOND))
        past = [each["digest"] for each in found["history"]]
        self.assertEqual((past, found["deleted"]), ([str(SECOND), str(FIRST)], []))
        said = self.succeed("undo", f"{NAME}:v1", "--to", str(FIRST))
        self.assertEqual(said, f"{NAME}:v1 is {FIRST}, was {SECOND}\n")
        self.assertEqual(self.pulls(V1), OLD)

    def test_what_is_not_whole_stays(self) -> None:
        self.delete(layer(b"of the old one"))
        self.assertIn("push that image again", self.refuse("undo", f"{NAME}:v1"))

    def test_repository_goes(self) -> None:
        said = self.succeed("rm", str(OTHER), "--repository", "--yes")
        self.assertEqual(said, f"{OTHER} is gone\n")
        page = self.result(self.make_registry().catalog.page("", 9))
        self.assertEqual(page.names, (NAME,))
        self.assertIn("There is no rep", self.refuse("rm", f"{OTHER}:v1"))

    def test_store_that_is_only_read(self) -> None:
        config = make_file(
            self,
            "config.yml",
            f"storage: {{filesystem: {{rootdirectory: {self.root}}}, "
            "maintenance: {readonly: {enabled: true}}}".encode(),
        )
        done = run("undo", f"{NAME}:v1", "--config", config)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("readonly", done.stderr)


class UsageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.err = io.StringIO()
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})

    def fail_with(self, *arguments: str) -> str:
        with self.assertRaises(SystemExit) as raised:
            main([*arguments])
        self.assertEqual(raised.exception.code, 2)
        return self.err.getvalue()

    def test_repository_is_not_removed_by_mistake(self) -> None:
        self.assertIn("--repository", self.fail_with("rm", "a"))
        self.assertIn("say --yes", self.fail_with("rm", "a", "--repository"))
        arguments = ("rm", "a:v1", "--repository", "--yes")
        self.assertIn("NAME:TAG", self.fail_with(*arguments))

    def test_tag_is_needed_to_undo(self) -> None:
        self.assertIn("NAME:TAG", self.fail_with("undo", "a"))
        self.assertIn("NAME:TAG", self.fail_with("undo", f"a@{FIRST}"))
        self.assertIn("--to", self.fail_with("undo", "a:v1", "--to", "v2"))

    def test_digest_has_no_history(self) -> None:
        self.assertIn("not a digest", self.fail_with("tags", f"a@{FIRST}"))

    def test_what_is_no_name(self) -> None:
        self.assertIn("'A:x'", self.fail_with("tags", "A:x"))


class MeantTests(SynchronousTestCase):
    def test_all_forms(self) -> None:
        for text, reference in (
            ("team/app", None),
            ("team/app:v1", Tag("v1")),
            (f"team/app@{FIRST}", FIRST),
        ):
            self.assertEqual(parse_meant(text), Meant(OTHER, reference))

    def test_time(self) -> None:
        self.assertEqual(spell_time(1.9), "1970-01-01T00:00:01+00:00")
