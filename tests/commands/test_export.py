"""Tests of ``txregistry/commands/export.py``."""

import io
import json
import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.zygote import Ended, shared
from tests.integration.clients.images import make_image
from tests.storage.layouts import LayoutFolder, named
from tests.temporary import make_file, make_folder
from tests.transfer.copying import INDEX, V1, A, pushed
from tests.transfer.static.reading import Tree
from txregistry.commands.main import main


class ExportProgramTests(SynchronousTestCase):
    """As a process."""

    def setUp(self) -> None:
        self.store, self.folder = make_folder(self), make_folder(self)
        for key, data in pushed(A, INDEX, V1):
            path = Path(self.store, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.tree = Tree(Path(self.folder, "tree"))

    def run_program(self, *arguments: str) -> Ended:
        """Run the program."""
        return shared().run("txregistry", *arguments)

    def test_exports_a_static_tree_and_then_nothing(self) -> None:
        arguments = ("export", "--static", str(self.tree.root), "-s", self.store)
        done = self.run_program(*arguments)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn(
            "1 repositories, 1 tags, of which 0 for version 1", done.out.decode()
        )
        self.tree.check()
        self.assertEqual(self.tree.repositories(), [str(A)])
        again = self.run_program(*arguments)
        self.assertIn(
            "0 files written, 0 bytes copied, 0 files removed", again.out.decode()
        )

    def test_exports_a_layout_of_some_images(self) -> None:
        config = make_file(
            self,
            "config.yml",
            json.dumps(
                {"storage": {"filesystem": {"rootdirectory": self.store}}}
            ).encode(),
        )
        done = self.run_program(
            *("export", f"{A}:{V1}", "--oci-layout", str(self.tree.root)),
            *("--config", config, "--json", "--host", "r.example:5000"),
        )
        self.assertEqual((done.status, done.err), (0, ""))
        report = json.loads(done.out.decode())
        self.assertEqual((report["tags"], report["complete"]), (1, True))
        (image,) = self.tree.images()
        self.assertEqual(
            image["annotations"]["io.containerd.image.name"],
            f"r.example:5000/{A}:{V1}",
        )

    def make_medium(self) -> LayoutFolder:
        """Write a layout of one image."""
        medium = LayoutFolder(os.path.join(self.folder, "medium"))
        image = make_image("medium")
        for part in (*image.blobs, image.manifest):
            medium.blob(part.data)
        medium.list(named(image.manifest.descriptor(), ref="app:1"))
        return medium

    def test_a_layout_is_copied_into_a_store(self) -> None:
        medium, target = self.make_medium(), make_folder(self)
        before = Tree(medium.root).state()
        done = self.run_program("copy-store", medium.root, target)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("5 blobs, 6 links, 1 tags, 0 documents copied", done.out.decode())
        self.assertEqual(Tree(medium.root).state(), before)
        done = self.run_program("export", "--static", str(self.tree.root), "-s", target)
        self.assertEqual(done.status, 0)
        self.tree.check()
        self.assertEqual(self.tree.tags("app"), ["1"])

    def test_nothing_is_written_into_a_layout(self) -> None:
        medium = self.make_medium()
        before = Tree(medium.root).state()
        for arguments in (
            ("copy-store", self.store, medium.root),
            ("import-v1", self.store, "--storage", medium.root),
        ):
            done = self.run_program(*arguments)
            self.assertEqual(done.status, 2)
            self.assertIn("storage.ocilayout", done.err)
        self.assertEqual(Tree(medium.root).state(), before)

    def test_a_layout_is_exported_and_nothing_written_into_it(self) -> None:
        medium = self.make_medium()
        before = Tree(medium.root).state()
        done = self.run_program(
            "export", "--static", str(self.tree.root), "-s", medium.root
        )
        self.assertEqual((done.status, done.err), (0, ""))
        self.tree.check()
        self.assertEqual(self.tree.repositories(), ["app"])
        self.assertEqual(self.tree.image_tags("app").keys(), {"1"})
        self.assertEqual(Tree(medium.root).state(), before)

    def test_what_cannot_be_done_is_said_in_a_line(self) -> None:
        Path(self.folder, "tree").mkdir()
        Path(self.folder, "tree", "precious").write_text("x")
        done = self.run_program(
            "export", "--static", str(self.tree.root), "-s", self.store
        )
        self.assertEqual((done.status, done.out.decode()), (2, ""))
        self.assertRegex(done.err, r"\Atxregistry: [^\n]+ other things [^\n]+\n\Z")
        self.assertEqual(os.listdir(self.tree.root), ["precious"])

    def test_what_is_left_out_is_told(self) -> None:
        for path in Path(self.store, "docker/registry/v2/blobs").glob("*/*/*/data"):
            path.write_bytes(b"damaged")
        done = self.run_program(
            "export", "--static", str(self.tree.root), "-s", self.store
        )
        self.assertEqual(done.status, 1)
        self.assertIn(f"left out: {A}:{V1}: ", done.out.decode())
        self.tree.check()

    def test_a_layout_that_is_none_is_refused(self) -> None:
        settings = b"storage: {ocilayout: {rootdirectory: /nonexistent}}"
        path = make_file(self, "config.yml", settings)
        folder = os.path.join(make_folder(self), "tree")
        done = self.run_program("export", "--static", folder, "--config", path)
        self.assertEqual(done.status, 2)
        self.assertIn("storage.ocilayout.rootdirectory", done.err)


class ExportOptionsTests(SynchronousTestCase):
    def refused(self, *arguments: str) -> str:
        """Expect a command line to be refused; give the reason."""
        err = io.StringIO()
        self.patch(sys, "stderr", err)
        with self.assertRaises(SystemExit) as caught:
            main(["export", *arguments])
        self.assertEqual(caught.exception.code, 2)
        return err.getvalue()

    def config(self, server: str, folder: str = "/srv/registry") -> str:
        """Give what a server has to be told."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        main(["export", "--static", folder, "--server-config", server])
        return out.getvalue()

    def test_command_lines_that_say_too_little_or_nonsense(self) -> None:
        for arguments in (
            [],
            ["--static", "a", "--oci-layout", "b"],
            ["--static", ""],
            ["--static", "a", "UPPER"],
            ["--static", "a", "--host", "a b"],
            ["--static", "a", "--server-config", "iis"],
            ["--oci-layout", "a", "--server-config", "nginx"],
            ["--static", "a", "--server-config", "nginx", "--port", "0"],
            ["--static", "a", "--server-config", "nginx", "--port", "65536"],
            ["--static", "a b", "--server-config", "nginx"],
            ["--static", "a;b", "--server-config", "apache"],
            ["--static", "a", "--storage", "/nonexistent"],
            ["--static", "a", "--nonsense"],
        ):
            self.assertIn("txregistry: ", self.refused(*arguments), arguments)

    def test_a_store_in_memory_is_refused(self) -> None:
        path = make_file(self, "config.yml", b"storage: inmemory")
        self.assertIn("inmemory", self.refused("--static", "a", "--config", path))

    def test_servers_are_told_all_types(self) -> None:
        for server in ("nginx", "apache", "caddy"):
            config = self.config(server)
            for media_type in (
                "application/vnd.oci.image.index.v1+json",
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.docker.distribution.manifest.list.v2+json",
                "application/vnd.docker.distribution.manifest.v2+json",
            ):
                self.assertIn(media_type, config)
            self.assertIn("/srv/registry", config)
            self.assertIn("5000", config)
            self.assertEqual(config.count("{"), config.count("}"))
