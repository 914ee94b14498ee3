"""Tests of ``txregistry/commands/gc.py``, on folders."""

import io
import json
import os
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.zygote import Ended, shared
from tests.registry.content import CONFIG, LAYER
from tests.temporary import make_file, make_folder
from tests.transfer.copying import IMAGE, OTHER, V1, V2, A, B, pushed
from txregistry.commands.main import main
from txregistry.model.digest import Digest
from txregistry.storage import keys

DAY = 86_400.0
EXTRA = b"another layer"


class GcTests(SynchronousTestCase):
    """``a`` has an image; ``b`` has what one needs whose manifest is gone."""

    def setUp(self) -> None:
        self.root = make_folder(self)
        for key, data in (*pushed(A, IMAGE, V1, V2), *pushed(B, OTHER)):
            self.write(key, data)
        os.unlink(self.path(keys.revision_link(B, Digest.of(OTHER))))

    def path(self, key: str) -> Path:
        """Say where an object lies."""
        return Path(self.root, key)

    def write(self, key: str, data: bytes) -> None:
        """Write an object."""
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        self.path(key).write_bytes(data)

    def blobs(self) -> set[str]:
        """List the blobs that are stored."""
        folder = self.path(keys.BLOBS)
        return {each.parent.name for each in folder.rglob("data")}

    def run_gc(self, *arguments: str) -> Ended:
        """Run it."""
        return shared().run("txregistry", "gc", "-s", self.root, *arguments)

    def config(self, text: str) -> str:
        """Write settings of the folder."""
        place = f"storage: {{filesystem: {{rootdirectory: {self.root}}}}}\n"
        return make_file(self, "config.yml", (place + text).encode())

    def test_it_condemns_and_a_floor_later_removes(self) -> None:
        before = self.blobs()
        done = self.run_gc()
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("2 repositories, 1 manifests, 5 blobs", done.out.decode())
        self.assertIn("2 links, 2 blobs", done.out.decode())
        self.assertEqual(self.blobs(), before)
        then = time.time() - 2 * DAY
        for each in self.path(keys.CONDEMNED).rglob("*"):
            os.utime(each, (then, then))
        done = self.run_gc()
        self.assertIn("2 links, 2 blobs (", done.out.decode())
        wanted = {Digest.of(data).encoded for data in (CONFIG, LAYER, IMAGE)}
        self.assertEqual(self.blobs(), wanted)

    def test_at_once(self) -> None:
        done = self.run_gc("--now", "--json")
        self.assertEqual((done.status, done.err), (0, ""))
        found = json.loads(done.out)
        self.assertTrue(found["finished"])
        self.assertEqual(found["blobs_removed"], 2)
        self.assertEqual([*self.path(keys.layer_links(B)).rglob("link")], [])

    def test_nothing_is_changed_when_dry(self) -> None:
        before = sorted(Path(self.root).rglob("*"))
        done = self.run_gc("--dry-run")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("unneeded: 2 links, 2 blobs", done.out.decode())
        scratch = self.path(f"{keys.PRIVATE}scratch")
        after = {*Path(self.root).rglob("*")} - {scratch, scratch.parent}
        self.assertEqual(after, {*before})

    def test_it_explains(self) -> None:
        done = self.run_gc("--explain", str(Digest.of(LAYER)))
        self.assertIn(f"a: the manifest {Digest.of(IMAGE)} names it", done.out.decode())
        done = self.run_gc("--explain", str(Digest.of(EXTRA)))
        self.assertIn("Nothing needs", done.out.decode())

    def test_rules_of_the_settings(self) -> None:
        rule = "collection: {retention: [{repositories: [a], newest: 1}]}"
        done = shared().run("txregistry", "gc", "-c", self.config(rule))
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out.decode(), rf"gone: a:v[12] .{Digest.of(IMAGE)}.")
        self.assertEqual(len([*self.path(keys.tags(A)).iterdir()]), 1)

    def test_rule_that_would_remove_everything(self) -> None:
        rule = "collection: {retention: [{repositories: [a], newest: 0}]}"
        config = self.config(rule)
        shared().run("txregistry", "gc", "-c", config)
        self.assertEqual(len([*self.path(keys.tags(A)).iterdir()]), 2)
        done = shared().run("txregistry", "gc", "-c", config, "--yes")
        self.assertEqual(done.out.decode().count("gone: "), 2)
        self.assertFalse(self.path(keys.tags(A)).exists())

    def test_uploads_of_what_was_killed_go_in_time(self) -> None:
        name = "11111111-1111-1111-1111-111111111111"
        self.write(keys.single_upload(name), b"x" * 1000)
        self.run_gc()
        self.assertTrue(self.path(keys.single_upload(name)).exists())
        then = time.time() - 8 * DAY
        os.utime(self.path(keys.single_upload(name)), (then, then))
        self.assertIn("1 abandoned uploads removed", self.run_gc().out.decode())
        self.assertFalse(self.path(keys.single_upload(name)).exists())

    def test_what_it_cannot_do(self) -> None:
        for arguments, told in (
            (["--explain", "x"], "--explain: "),
            (["--repository", "A"], "--repository: "),
            (["--now", "--dry-run"], "--now cannot"),
            (["-s", "/dev/null"], "no folder"),
            (["-s", self.root, "x"], "arguments"),
        ):
            stderr = io.StringIO()
            self.patch(sys, "stderr", stderr)
            with self.assertRaises(SystemExit) as raised:
                main(["gc", *arguments])
            self.assertEqual(raised.exception.code, 2)
            self.assertIn(told, stderr.getvalue())
