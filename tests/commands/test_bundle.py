"""Tests of ``txregistry bundle`` and ``txregistry import``, on folders."""

import atexit
import gzip
import json
import os
import shutil
import signal
import tempfile
from functools import cache
from pathlib import Path

from tests.commands import imagecase, program
from tests.commands.imagecase import IMAGE, INDEX
from tests.commands.zygote import shared
from tests.integration.clients.images import contents_of, make_image
from tests.temporary import make_file, make_folder
from tests.transfer.archives.building import layout, pack, place, python_reads
from txregistry.commands.main import main
from txregistry.transfer.archives.places import BUNDLE

OTHER = make_image("other")
AMD64 = INDEX.images[0]


@cache
def filled() -> str:
    """Fill a folder, from which all is only read: once for all tests of a process."""
    folder = tempfile.mkdtemp(prefix="txregistry-")
    atexit.register(shutil.rmtree, folder)
    for target, name in (
        (INDEX, "team/app:1"),
        (AMD64, "team/app:amd64"),
        (OTHER, "solo:2"),
    ):
        given = pack(layout({"1": target}))
        done = shared().run("registryput", folder, name, given=given)
        assert done.status == 0, done.err
    return folder


class BundleTests(imagecase.ImageCommandCase):
    def setUp(self) -> None:
        """Make another folder."""
        super().setUp()
        self.folder = filled()
        self.file = self.path("images.bundle")
        self.other = make_folder(self)

    def bundle(self, *names: str) -> str:
        """Write a bundle; give what is said."""
        return self.run_well(
            "txregistry", "bundle", self.folder, self.file, *names
        ).out.decode()

    def rewrite(self, change: dict[str, bytes | None]) -> None:
        """Let the bundle have other members, or lack some."""
        members = {**python_reads(Path(self.file).read_bytes()), **change}
        kept = [(name, data) for name, data in members.items() if data is not None]
        Path(self.file).write_bytes(pack(kept))

    def document(self) -> dict[str, dict[str, int]]:
        """Give what the bundle says of itself."""
        found = python_reads(Path(self.file).read_bytes())[BUNDLE]
        document: dict[str, dict[str, int]] = json.loads(found)
        return document

    def refused(self, status: int, *options: str) -> str:
        """The bundle is refused, and nothing of it is anywhere."""
        arguments = ("import", self.file, self.other, *options)
        said = self.fails(status, "txregistry", *arguments)
        self.assertEqual(os.listdir(self.other), [])
        return said

    def test_there_and_back(self) -> None:
        said = self.bundle("team/app:1", "solo:2", f"team/app@{AMD64.digest}")
        wanted = (
            f"{INDEX.digest} team/app:1\n{OTHER.digest} solo:2\n"
            f"{AMD64.digest} team/app@{AMD64.digest}\n"
        )
        self.assertEqual(said, wanted)
        done = self.run_well("txregistry", "import", self.file, self.other)
        self.assertEqual(done.out.decode(), wanted)
        for name, target in (("team/app:1", INDEX), ("solo:2", OTHER)):
            ours = self.run_well("registryget", self.other, name).out
            self.assertEqual(ours, self.get(name))
            self.assertIn(place(target.digest), python_reads(ours))

    def test_what_it_says_of_itself(self) -> None:
        self.bundle("team/app:1", "team/app:amd64")
        self.assertEqual(
            self.document(),
            {
                "bundleVersion": 1,
                "images": [
                    {"name": "team/app", "tag": "1", "digest": INDEX.digest},
                    {"name": "team/app", "tag": "amd64", "digest": AMD64.digest},
                ],
                "blobs": {
                    digest: len(data) for digest, data in contents_of(INDEX).items()
                },
            },
        )

    def test_what_is_shared_is_there_once(self) -> None:
        self.bundle("team/app:1")
        size = len(Path(self.file).read_bytes())
        self.bundle("team/app:1", "team/app:amd64")
        self.assertLess(len(Path(self.file).read_bytes()), size + 3000)

    def test_a_list(self) -> None:
        path = make_file(self, "list", b"# ours\nteam/app:1 # this\n\nsolo:2\nsolo:2\n")
        self.assertEqual(self.bundle("--list", path).count("\n"), 2)

    def test_one_platform(self) -> None:
        said = self.bundle("team/app:1", "--platform", "linux/arm64")
        self.assertEqual(said, f"{INDEX.images[1].digest} team/app:1\n")

    def test_other_names(self) -> None:
        self.bundle("team/app:1", "solo:2")
        options = ("--prefix", "from/afar")
        self.run_well("txregistry", "import", self.file, self.other, *options)
        self.run_well("registryget", self.other, "from/afar/team/app:1")
        self.fails(3, "registryget", self.other, "team/app:1")

    def test_a_packed_one(self) -> None:
        self.bundle("solo:2")
        path = Path(self.file)
        path.write_bytes(gzip.compress(path.read_bytes()))
        self.run_well("txregistry", "import", self.file, self.other)
        self.run_well("registryget", self.other, "solo:2")

    def test_it_can_be_read_as_any_archive(self) -> None:
        self.bundle("team/app:1", "solo:2")
        given = Path(self.file).read_bytes()
        arguments = (self.other, "mine:1", "--image", "solo:2")
        done = self.run_well("registryput", *arguments, given=given)
        self.assertEqual(done.out.decode().strip(), OTHER.digest)

    def test_verify_changes_nothing(self) -> None:
        self.bundle("team/app:1")
        arguments = ("import", self.file, self.other, "--verify")
        self.run_well("txregistry", *arguments)
        self.assertEqual(os.listdir(self.other), [])

    def test_what_is_not_there(self) -> None:
        for name in ("solo:3", "nobody/else:1"):
            arguments = ("bundle", self.folder, self.file, "solo:2", name)
            self.fails(3, "txregistry", *arguments)
        self.assertFalse(Path(self.file).exists())
        self.refused(3)

    def test_a_damaged_one(self) -> None:
        self.bundle("team/app:1", "solo:2")
        data = Path(self.file).read_bytes()
        layer = data.index(OTHER.layers[0].data)
        Path(self.file).write_bytes(data[: layer + 5] + b"x" + data[layer + 6 :])
        self.assertIn("has the digest", self.refused(5))
        self.refused(5, "--verify")
        Path(self.file).write_bytes(data[: layer + 5])
        self.assertIn("cut off", self.refused(5))

    def test_one_that_lacks_something(self) -> None:
        self.bundle("team/app:1", "solo:2")
        self.rewrite({place(OTHER.layers[0].digest): None})
        self.assertIn("says that it has", self.refused(5))

    def test_one_that_has_more_than_it_says(self) -> None:
        self.bundle("solo:2")
        more = IMAGE.layers[0]
        self.rewrite({place(more.digest): more.data})
        self.assertIn("says nothing", self.refused(5))

    def test_one_that_says_what_is_not_so(self) -> None:
        self.bundle("solo:2")
        document = self.document()
        image = {"name": "solo", "tag": "2", "digest": OTHER.digest}
        for change, text in (
            (b"{", "not the JSON"),
            (b"[]", "not the JSON"),
            (b'{"a":' * 9999, "not the JSON"),
            ({**document, "bundleVersion": 2}, "unknown version"),
            ({**document, "images": []}, "no image"),
            ({**document, "images": [{**image, "name": "../x"}]}, "not the JSON"),
            ({**document, "images": [{**image, "tag": "a/b"}]}, "not the JSON"),
            ({**document, "images": [{**image, "digest": "1"}]}, "not the JSON"),
            (
                {**document, "images": [{**image, "digest": IMAGE.digest}]},
                "lacks the image",
            ),
            ({**document, "blobs": {}}, "says nothing"),
            ({**document, "blobs": {"x": 1}}, "not the JSON"),
        ):
            with self.subTest(text=text):
                data = change if isinstance(change, bytes) else json.dumps(change)
                self.rewrite(
                    {BUNDLE: data if isinstance(data, bytes) else data.encode()}
                )
                self.assertIn(text, self.refused(5))

    def test_what_is_no_bundle(self) -> None:
        for data in (pack(layout({"1": IMAGE})), b"", b"none" * 1000):
            Path(self.file).write_bytes(data)
            self.assertIn("no bundle", self.refused(5))

    def test_a_tag_that_stays_keeps_all_out(self) -> None:
        settings = {
            "storage": {"filesystem": {"rootdirectory": self.other}},
            "auth": {"immutable": [{"repositories": ["solo"], "tags": ["2"]}]},
        }
        path = make_file(self, "config.yml", json.dumps(settings).encode())
        given = pack(layout({"1": IMAGE}))
        self.run_well("registryput", path, "solo:2", given=given)
        self.bundle("team/app:1", "solo:2")
        self.fails(4, "txregistry", "import", self.file, path)
        self.fails(3, "registryget", self.other, "team/app:1")

    def test_what_is_no_file_stays(self) -> None:
        os.mkfifo(self.file)
        for path, text in (
            (self.file, "no regular file"),
            (self.place, "is a folder"),
            ("-", "to a file only"),
        ):
            with self.subTest(path=path):
                arguments = ("bundle", self.path("none"), path, "solo:2")
                self.assertIn(text, self.fails(2, "txregistry", *arguments))
        self.assertTrue(Path(self.file).is_fifo())
        self.assertEqual(os.listdir(self.place), ["images.bundle"])

    def test_it_is_interrupted(self) -> None:
        arguments = ("bundle", self.folder, self.file, "team/app:1", "solo:2")
        done = program.interrupt(signal.SIGTERM, "txregistry.commands.main", *arguments)
        self.assertEqual(done.returncode, 130, done.stderr)
        self.assertEqual(done.stderr, "txregistry bundle: It was broken off.\n")
        self.assertEqual(os.listdir(self.place), [])

    def test_usage(self) -> None:
        for arguments, text in (
            (("bundle", self.folder), "Wrong number"),
            (("bundle", self.folder, self.file), "No image"),
            (("bundle", self.folder, self.file, "A"), "NAME"),
            (("bundle", self.folder, self.file, "--list", "/none"), "--list"),
            (("bundle", self.folder, self.file, "a", "--platform", "x"), "--platform"),
            (("import", self.file), "Wrong number"),
            (("import", self.file, ""), "TARGET"),
            (("import", self.file, self.other, "--prefix", "/"), "--prefix"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(text, imagecase.misuse(self, main, *arguments))

    def test_not_over_ssh(self) -> None:
        arguments = ("bundle", "ssh://host/x", self.file, "a:1")
        self.assertIn("SSH", self.fails(2, "txregistry", *arguments))
        self.bundle("team/app:1", "solo:2")
        said = self.fails(2, "txregistry", "import", self.file, "ssh://host/x")
        self.assertIn("one image", said)
