"""Tests of ``txregistry/commands/copystore.py``, on folders."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.registry.content import LAYER
from tests.temporary import make_file, make_folder
from tests.transfer.copying import INDEX, V1, A, pushed
from tests.transfer.copyprogram import run
from txregistry.commands.main import main
from txregistry.model.digest import Digest
from txregistry.storage import keys

SCRATCH = f"{keys.PRIVATE}scratch"


def write(root: str, key: str, data: bytes) -> None:
    """Write an object into a folder."""
    path = Path(root, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def files(root: str) -> dict[str, bytes]:
    """Read all objects below a folder."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in Path(root).rglob("*")
        if path.is_file()
    }


class CopyStoreTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.source, self.target = make_folder(self), make_folder(self)
        for key, data in pushed(A, INDEX, V1):
            write(self.source, key, data)

    def copy(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Copy from one folder to the other."""
        return run(self.source, self.target, *options)

    def test_a_folder_is_copied(self) -> None:
        done = self.copy()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(files(self.target), files(self.source))
        size = sum(
            len(data) for key, data in files(self.source).items() if "/blobs/" in key
        )
        self.assertEqual(
            done.stdout,
            f"6 blobs, 7 links, 1 tags, 0 documents copied; {size} bytes\n"
            "0 blobs, 0 links, 0 tags, 0 documents there already; 0 mended\n"
            "0 left out; 0 uploads on their way and 0 other objects passed over\n",
        )

    def test_nothing_is_copied_the_second_time(self) -> None:
        self.copy()
        done = self.copy("--verify", "-p", "1")
        self.assertEqual(done.returncode, 0)
        self.assertIn("0 blobs, 0 links, 0 tags, 0 documents copied", done.stdout)
        self.assertIn("6 blobs, 7 links, 1 tags, 0 documents there", done.stdout)

    def test_what_is_copied_from_is_not_touched(self) -> None:
        before = {*Path(self.source).rglob("*")}
        for folder, _, _ in os.walk(self.source):
            os.chmod(folder, stat.S_IRUSR | stat.S_IXUSR)
        try:
            done = self.copy()
        finally:
            for folder, _, _ in os.walk(self.source):
                os.chmod(folder, stat.S_IRWXU)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual({*Path(self.source).rglob("*")}, before)

    def test_settings_say_where_things_are(self) -> None:
        places = [
            make_file(
                self,
                "config.yml",
                f"storage: {{filesystem: {{rootdirectory: {folder}}}}}".encode(),
            )
            for folder in (self.source, f"{self.target}/new")
        ]
        done = run(*places, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="/nowhere")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(files(f"{self.target}/new"), files(self.source))

    def test_secrets_stay_secret(self) -> None:
        key = keys.secret("cookies")
        write(self.source, key, b"x" * 32)
        self.assertEqual(self.copy().returncode, 0)
        found = Path(self.target, key)
        self.assertEqual(found.read_bytes(), b"x" * 32)
        self.assertEqual(stat.S_IMODE(found.stat().st_mode), 0o600)

    def test_folders_that_do_not_stand_alone(self) -> None:
        for folder in ("_layers", "_uploads"):
            shutil.rmtree(Path(self.source, keys.REPOSITORIES, "a", folder), True)
        self.assertEqual(self.copy().returncode, 0)
        self.assertTrue(Path(self.target, keys.layer_links(A)).is_dir())

    def test_a_dry_run_changes_nothing(self) -> None:
        for target in (self.target, f"{self.target}/new"):
            config = make_file(
                self,
                "config.yml",
                f"storage: {{filesystem: {{rootdirectory: {target}}}}}".encode(),
            )
            done = run(self.source, config, "--dry-run")
            self.assertEqual((done.returncode, os.listdir(self.target)), (0, []))
            self.assertIn("6 blobs, 7 links, 1 tags, 0 documents to copy", done.stdout)

    def test_what_is_damaged_ends_with_1(self) -> None:
        key = keys.blob(Digest.of(LAYER))
        write(self.source, key, b"a lAyer")
        write(self.source, f"{keys.ROOT}blobs/strange", b"")
        done = self.copy()
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn(
            f"damaged: {key}: its 7 bytes have the digest sha256:", done.stdout
        )
        self.assertIn(f"not of a registry: {keys.ROOT}blobs/strange\n", done.stdout)
        self.assertIn("2 left out; 0 uploads on their way and 1 other", done.stdout)
        self.assertNotIn(key, files(self.target))

    def test_what_is_malformed_ends_with_0(self) -> None:
        key = keys.tag_link(A, V1)
        write(self.source, key, b"")
        done = self.copy()
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"malformed: {key}: ", done.stdout)

    def test_a_document(self) -> None:
        write(self.source, keys.tag_link(A, V1), b"")
        done = self.copy("--json")
        found = json.loads(done.stdout)
        left_out = found.pop("left_out")
        self.assertEqual([each["trouble"] for each in left_out], ["malformed"])
        self.assertEqual(
            found,
            {
                "dry_run": False,
                "complete": True,
                "copied": {"blobs": 6, "links": 6, "tags": 0, "documents": 0},
                "present": {"blobs": 0, "links": 0, "tags": 0, "documents": 0},
                "bytes": found["bytes"],
                "mended": 0,
                "uploads": 0,
                "foreign": 0,
                "examples": [],
                "troubles": {"malformed": 1},
                "stopped": None,
            },
        )

    def impossible(self, text: str, *arguments: str) -> None:
        """Expect one sentence, and 2."""
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_a_folder_that_is_not_there(self) -> None:
        none = f"{self.source}/none"
        self.impossible(f"FROM: '{none}' is not there", none, self.target)
        self.impossible(f"TO: '{none}' is not there", self.source, none)

    def test_settings_with_a_folder_that_is_not_there(self) -> None:
        text = f"storage: {{filesystem: {{rootdirectory: {self.source}/none}}}}"
        config = make_file(self, "config.yml", text.encode())
        self.impossible("No such file or directory", config, self.target)

    def test_a_folder_that_is_no_registrys(self) -> None:
        self.impossible("FROM has nothing below", self.target, self.source)

    def test_one_that_cannot_be_written(self) -> None:
        path = make_file(self, "file", b"")
        text = f"storage: {{filesystem: {{rootdirectory: {path}/x}}}}"
        config = make_file(self, "config.yml", text.encode())
        self.impossible("TO: storage.filesystem.rootdirectory", self.source, config)

    def test_the_same_place(self) -> None:
        link = f"{make_folder(self)}/link"
        os.symlink(self.source, link)
        self.impossible("the same place", self.source, link)
        self.impossible("the same place", "--dry-run", self.source, self.source)

    def test_one_without_room(self) -> None:
        text = (
            f"storage: {{filesystem: {{rootdirectory: {self.target}, "
            "minfree: 1000000000000000}}"
        )
        config = make_file(self, "config.yml", text.encode())
        self.impossible("storage.filesystem.minfree", self.source, config)


class UsageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.err = io.StringIO()
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})
        self.folder = make_folder(self)

    def fail_with(self, *arguments: str) -> str:
        with self.assertRaises(SystemExit) as raised:
            main(["copy-store", *arguments])
        self.assertEqual(raised.exception.code, 2)
        return self.err.getvalue()

    def test_one_end(self) -> None:
        self.assertIn("Wrong number of arguments", self.fail_with("one"))

    def test_an_unknown_option(self) -> None:
        self.assertIn("--fly", self.fail_with("one", "two", "--fly"))

    def test_how_many_at_the_same_time(self) -> None:
        for text in ("0", "65", "-1", "x", "1e3", ""):
            told = self.fail_with("one", "two", f"--parallel={text}")
            self.assertIn("must be from 1 to 64", told)

    def test_a_store_in_memory(self) -> None:
        config = make_file(self, "config.yml", b"storage: {inmemory: }")
        told = self.fail_with(self.folder, config)
        self.assertIn("TO: storage.inmemory", told)

    def test_a_setting_that_is_none(self) -> None:
        config = make_file(self, "config.yml", b"htp: 1")
        told = self.fail_with(config, self.folder)
        self.assertIn("FROM: htp: there is no such setting", told)

    def test_the_same_bucket(self) -> None:
        text = b"storage: {s3: {bucket: images, region: eu-west-1}}"
        places = [make_file(self, "config.yml", text) for _ in range(2)]
        self.assertIn("the same place", self.fail_with(*places))

    def test_secrets_are_not_told(self) -> None:
        text = b"storage: {s3: {bucket: images, secretkey: very-secret, x: 1}}"
        config = make_file(self, "config.yml", text)
        self.assertNotIn("very-secret", self.fail_with(config, self.folder))
