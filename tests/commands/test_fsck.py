"""Tests of ``txregistry/commands/fsck.py``, on folders."""

import io
import json
import os
import shutil
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.program import run
from tests.registry.case import OTHER, V1
from tests.registry.checking import files
from tests.registry.checking.case import NEW, blob, layer
from tests.temporary import make_file, make_folder
from txregistry.commands.main import main
from txregistry.storage import keys


class FsckTests(files.FilesCheckCase):
    def test_healthy_tree(self) -> None:
        before = {*self.everything()}
        scratch = self.path(f"{keys.PRIVATE}scratch")
        scratch.rmdir()
        done = run("fsck", "--storage", self.root)
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr), (0, "Nothing is wrong.\n", "")
        )
        self.assertEqual({*self.everything()}, before)
        self.assertFalse(scratch.exists())

    def test_broken_tree_is_mended(self) -> None:
        self.put(layer(b"{}"), b"")
        self.put(f"{keys.ROOT}blobs/\x1b[2J", b"")
        shutil.rmtree(self.path(keys.layer_links(OTHER)))
        config = make_file(
            self,
            "config.yml",
            f"storage: {{filesystem: {{rootdirectory: {self.root}}}}}".encode(),
        )
        done = run("fsck", "--config", config, "--rate", "0")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn(f"malformed-link: {layer(b'{}')}: it is empty", done.stdout)
        self.assertIn("blobs/\\x1b[2J", done.stdout)
        self.assertIn("malformed-link              1        1        0\n", done.stdout)
        self.assertIn("unrecognised                1        0        0  (", done.stdout)
        self.assertIn("4 do harm; --repair mends 4 of them.\n", done.stdout)
        done = run("fsck", "--config", config, "--repair")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("[mended]"), 4)
        self.assertIn("Nothing that does harm is left.\n", done.stdout)
        self.assertEqual(self.pulls(V1), NEW)
        self.assertIsNotNone(self.pulls(V1, OTHER))

    def test_documents(self) -> None:
        self.put(blob(b"a layer"), b"a lAyer")
        done = run("fsck", "-s", self.root, "--json", str(OTHER))
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        finding, summary = map(json.loads, done.stdout.splitlines())
        self.assertEqual(
            (finding["kind"], finding["key"], finding["state"], finding["fault"]),
            ("rotten-blob", blob(b"a layer"), "mendable", True),
        )
        self.assertEqual(summary["faults"], 1)
        self.assertTrue(summary["complete"])
        wanted = {"found": 1, "mendable": 1, "mended": 0, "faults": 1}
        self.assertEqual(summary["counts"], {"rotten-blob": wanted})

    def test_mirrored_repositories_may_be_incomplete(self) -> None:
        self.delete(layer(b"another layer"), blob(b"another layer"))
        upstream = "{name: registry.example.org, prefix: library}"
        config = make_file(
            self,
            "config.yml",
            f"storage: {{filesystem: {{rootdirectory: {self.root}}}}}\n"
            f"mirror: {{upstreams: [{upstream}]}}".encode(),
        )
        done = run("fsck", "--quick", "-c", config)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class UsageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.err = io.StringIO()
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})

    def fail_with(self, *arguments: str) -> str:
        with self.assertRaises(SystemExit) as raised:
            main(["fsck", *arguments])
        self.assertEqual(raised.exception.code, 2)
        return self.err.getvalue()

    def test_folder_that_is_not_there(self) -> None:
        folder = f"{make_folder(self)}/none"
        self.assertIn("is no registry's", self.fail_with("--storage", folder))
        self.assertFalse(os.path.exists(folder))

    def test_folder_that_is_no_registrys(self) -> None:
        folder = make_folder(self)
        self.assertIn("is no registry's", self.fail_with("--storage", folder))
        self.assertEqual(os.listdir(folder), [])

    def test_what_is_no_folder(self) -> None:
        text = self.fail_with("--storage", "s3://bucket")
        self.assertIn("it must be a folder", text)

    def test_what_is_in_memory(self) -> None:
        config = make_file(self, "config.yml", b"storage: {inmemory: {}}")
        self.assertIn("inmemory", self.fail_with("--config", config))

    def test_rate_that_is_none(self) -> None:
        self.assertIn("--rate", self.fail_with("--rate", "fast"))

    def test_pattern_that_is_none(self) -> None:
        self.assertIn("NOT", self.fail_with("NOT"))
