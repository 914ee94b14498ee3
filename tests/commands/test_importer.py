"""Tests of ``txregistry/commands/importer.py``, on folders."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file, make_folder
from tests.transfer.program import run
from tests.transfer.trees import OldTreeBuilder
from tests.web.v1.images import BASE, TOP, B, T
from txregistry.assembly.oldplaces import S3Place, SwiftPlace, parse_place
from txregistry.commands.main import main

S3 = {"AWS_ACCESS_KEY_ID": "us", "AWS_SECRET_ACCESS_KEY": "secret-1"}
SWIFT = {"ST_AUTH": "http://127.0.0.1:1/auth", "ST_USER": "us", "ST_KEY": "secret-2"}


def write(tree: OldTreeBuilder, folder: str) -> None:
    """Write a tree into a folder."""
    for key, data in tree.files.items():
        path = Path(folder, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class ImportCommandTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.storage = make_folder(self)
        self.folder = make_folder(self)
        self.tree = OldTreeBuilder()
        self.tree.image(BASE)
        self.tree.image(TOP, [B])
        self.tree.tag("acme/web", "latest", T)

    def command(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Import the tree into the store."""
        write(self.tree, self.folder)
        return run(self.folder, "--storage", self.storage, *options)

    def stored(self) -> list[str]:
        """Give the files in the store."""
        return [name for _, _, names in os.walk(self.storage) for name in names]

    def test_a_tree_is_imported(self) -> None:
        done = self.command()
        size = len(BASE.layer) + len(TOP.layer)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(
            done.stdout,
            f"1 repositories, 1 tags, 2 images; {size} bytes copied; 0 left out\n",
        )
        layers = Path(self.storage, "docker/registry/v2/blobs").rglob("data")
        self.assertIn(TOP.layer, {path.read_bytes() for path in layers})

    def test_nothing_is_copied_the_second_time(self) -> None:
        self.command()
        done = self.command()
        self.assertEqual(done.returncode, 0)
        self.assertIn("2 images; 0 bytes copied", done.stdout)

    def test_a_dry_run_changes_nothing(self) -> None:
        done = self.command("--dry-run")
        self.assertEqual((done.returncode, self.stored()), (0, []))
        self.assertIn("bytes to copy", done.stdout)

    def test_what_is_left_out_ends_with_1(self) -> None:
        self.tree.put(f"images/{T}/_inprogress", b"true")
        done = self.command()
        self.assertEqual(done.returncode, 1)
        self.assertIn(
            f"left out: tag acme/web:latest: the image {T}: its upload never ended\n",
            done.stdout,
        )

    def test_images_without_a_tag_end_with_0(self) -> None:
        self.tree.tag("acme/web", "latest", B)
        done = self.command()
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"left out: image {T}: no tag", done.stdout)

    def test_a_document(self) -> None:
        self.tree.tag("acme/web", "base", "c" * 64)
        done = self.command("--json")
        found = json.loads(done.stdout)
        left_out = found.pop("left_out")
        size = len(BASE.layer) + len(TOP.layer)
        self.assertEqual(
            found,
            {
                "dry_run": False,
                "complete": False,
                "repositories": 1,
                "tags": 1,
                "images": 2,
                "copied": size,
            },
        )
        self.assertEqual(
            left_out[0],
            {"kind": "image", "name": "c" * 64, "reason": "it is not there"},
        )

    def test_settings_say_where_the_store_is(self) -> None:
        write(self.tree, self.folder)
        text = f"storage: {{filesystem: {{rootdirectory: {self.storage}}}}}"
        config = make_file(self, "config.yml", text.encode())
        self.assertEqual(run("-n", "-c", config, self.folder).returncode, 0)
        self.assertEqual(self.stored(), [])
        self.assertEqual(run(self.folder, "--config", config).returncode, 0)
        self.assertNotEqual(self.stored(), [])

    def check_impossible(
        self, done: subprocess.CompletedProcess[str], text: str
    ) -> None:
        """Expect one sentence, and 2."""
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_a_folder_that_is_not_there_ends_with_2(self) -> None:
        done = run(self.folder + "/none", "--storage", self.storage)
        self.check_impossible(done, "No such file or directory")

    def test_a_folder_that_is_no_tree_ends_with_2(self) -> None:
        done = run(self.folder, "--storage", self.storage)
        self.check_impossible(done, "this is no tree of docker-registry")

    def test_a_store_that_cannot_be_used_ends_with_2(self) -> None:
        write(self.tree, self.folder)
        path = make_file(self, "file", b"")
        self.check_impossible(
            run(self.folder, "--storage", path + "/x"), "rootdirectory"
        )

    def test_swift_that_does_not_answer_ends_with_2(self) -> None:
        done = run("swift://kept/registry", "--storage", self.storage, **SWIFT)
        self.check_impossible(done, "127.0.0.1:1")
        self.assertNotIn("secret", done.stderr)


class UsageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.err = io.StringIO()
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})

    def fail_with(self, *arguments: str) -> str:
        with self.assertRaises(SystemExit) as raised:
            main(["import-v1", *arguments])
        self.assertEqual(raised.exception.code, 2)
        return self.err.getvalue()

    def test_no_tree(self) -> None:
        self.assertIn("txregistry: ", self.fail_with())

    def test_two_trees(self) -> None:
        self.assertIn("Wrong number of arguments", self.fail_with("one", "two"))

    def test_an_unknown_option(self) -> None:
        self.assertIn("--fly", self.fail_with("tree", "--fly"))

    def test_an_empty_tree(self) -> None:
        self.assertIn("TREE is empty", self.fail_with(""))

    def test_a_tree_elsewhere(self) -> None:
        for text in ("gs://bucket/x", "s3://", "swift:///prefix", "http://host/"):
            with self.subTest(text=text):
                self.assertIn("allowed are a folder", self.fail_with(text))

    def test_no_credentials(self) -> None:
        self.assertIn(
            "AWS_ACCESS_KEY_ID is not set", self.fail_with("s3://bucket/registry")
        )
        self.assertIn("ST_AUTH is not set", self.fail_with("swift://kept"))

    def test_a_store_in_memory(self) -> None:
        self.patch(os, "environ", {"REGISTRY_STORAGE_INMEMORY": "{}"})
        self.assertIn("nothing would be left", self.fail_with("tree"))

    def test_a_store_that_is_no_folder(self) -> None:
        for text in ("", "s3://bucket"):
            with self.subTest(text=text):
                self.assertIn("--storage", self.fail_with("tree", "--storage", text))

    def test_a_setting_that_is_none(self) -> None:
        config = make_file(self, "config.yml", b"htp: 1")
        self.assertIn("htp", self.fail_with("tree", "--config", config))


class ParsePlaceTests(SynchronousTestCase):
    def test_a_bucket_of_amazons(self) -> None:
        self.assertEqual(
            parse_place("s3://bucket/some/prefix", S3),
            S3Place(
                bucket="bucket",
                prefix="some/prefix",
                access="us",
                secret="secret-1",
                token=None,
                region="us-east-1",
                endpoint=None,
            ),
        )

    def test_a_bucket_elsewhere(self) -> None:
        variables = {
            "AWS_SESSION_TOKEN": "secret-3",
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": "https://here",
        }
        self.assertEqual(
            parse_place("s3://bucket", {**S3, **variables}),
            S3Place(
                bucket="bucket",
                prefix="",
                access="us",
                secret="secret-1",
                token="secret-3",
                region="eu-west-1",
                endpoint="https://here",
            ),
        )

    def test_a_container(self) -> None:
        self.assertEqual(
            parse_place("swift://kept/registry/", SWIFT),
            SwiftPlace("kept", "registry/", SWIFT["ST_AUTH"], "us", "secret-2"),
        )

    def test_secrets_are_not_shown(self) -> None:
        token = {"AWS_SESSION_TOKEN": "secret-3"}
        for place in (
            parse_place("s3://bucket", {**S3, **token}),
            parse_place("swift://kept", SWIFT),
        ):
            self.assertNotIn("secret", repr(place))
