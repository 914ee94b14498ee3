"""What a second export changes, and which folders are taken."""

import os
from pathlib import Path
from typing import Any

from tests.integration.clients.images import make_image, make_index
from tests.registry.images import LATEST
from tests.transfer.static.case import APP, SOLO, ExportTestCase
from tests.web.v1.images import BASE, TOP
from txregistry.storage.memory import MemoryObjectStore
from txregistry.transfer.static.export import STATIC
from txregistry.transfer.static.refusals import TreeRefused
from txregistry.transfer.static.tree import CONTROL

ONE, TWO = make_image("one"), make_image("two")
MANY = make_index("many")


class IncrementalTests(ExportTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_images(BASE, TOP, name=APP)
        self.point(TOP, LATEST, APP)
        self.push_image(ONE)
        self.push_image(MANY, "many", SOLO)

    def changed(self, **more: Any) -> tuple[set[str], set[str]]:
        """Export anew; give what is new or another file, and what is gone."""
        before = self.tree.state()
        report = self.export(**more)
        after = self.tree.state()
        new = {path for path, file in after.items() if before.get(path) != file}
        gone = before.keys() - after.keys()
        self.assertEqual((report.written, report.removed), (len(new), len(gone)))
        return new, gone

    def test_the_second_time_nothing_is_touched(self) -> None:
        for links in (True, False):
            self.tree.root = Path(self.root, f"tree{links}")
            self.export(links=links)
            self.assertEqual(self.changed(links=links), (set(), set()))

    def test_another_tag_touches_only_what_leads_to_it(self) -> None:
        self.export()
        self.push_image(TWO, "2")
        new, gone = self.changed()
        encoded = [each.partition(":")[2] for each in self.digests()]
        self.assertEqual(gone, set())
        lists = {
            "index.json",
            "v2/team/app/tags/list",
            "v1/repositories/team/app/images",
            "v1/repositories/team/app/tags/index.html",
        }
        rest = {path for path in new - lists if not path.startswith("v1/images/")}
        leading = {
            "v2/team/app/_manifests/oci-manifest/2",
            f"v2/team/app/_manifests/oci-manifest/{TWO.digest}",
            "v1/repositories/team/app/tags/2",
            *(f"v2/team/app/blobs/{blob.digest}" for blob in TWO.blobs),
            *(f"blobs/sha256/{each}" for each in encoded),
        }
        self.assertEqual(rest, leading)
        self.assertLess(lists, new)

    def digests(self) -> list[str]:
        """Give the digests of all parts of an image."""
        return [part.digest for part in (*TWO.blobs, TWO.manifest)]

    def test_a_tag_that_moved_is_another_file(self) -> None:
        self.export()
        self.push_image(MANY, "1")
        new, gone = self.changed()
        self.assertIn("v2/team/app/_manifests/oci-index/1", new)
        self.assertIn("v2/team/app/_manifests/oci-manifest/1", gone)
        self.assertEqual(self.tree.references("team/app")["1"][1], MANY.manifest.data)

    def test_what_disappeared_is_removed(self) -> None:
        self.export()
        self.untag("many", SOLO)
        new, gone = self.changed()
        self.assertEqual(new, {"index.json", "v2/_catalog"})
        self.assertIn(f"blobs/sha256/{MANY.digest.partition(':')[2]}", gone)
        self.assertFalse((self.tree.root / "v2/solo").exists())
        self.assertFalse((self.tree.root / "v1/repositories/solo").exists())
        self.assertEqual(self.tree.repositories(), ["team/app"])

    def test_everything_may_disappear(self) -> None:
        self.export()
        for tag, name in (("latest", APP), ("1", APP), ("many", SOLO)):
            self.untag(tag, name)
        self.export()
        self.assertEqual(self.tree.images(), [])
        self.assertEqual(
            sorted(os.listdir(self.tree.root)),
            sorted([CONTROL, "index.json", "oci-layout", "v1", "v2"]),
        )

    def test_what_is_the_stores_is_linked(self) -> None:
        report = self.export()
        for blob in ONE.blobs:
            encoded = blob.digest.partition(":")[2]
            for place in (
                f"blobs/sha256/{encoded}",
                f"v2/team/app/blobs/{blob.digest}",
            ):
                inode = os.stat(self.tree.root / place).st_ino
                self.assertEqual(inode, self.store_inode(blob.digest))
        self.assertLess(report.copied, 20_000)

    def test_what_is_copied_is_nobody_elses(self) -> None:
        report = self.export(links=False)
        for blob in ONE.blobs:
            place = f"blobs/sha256/{blob.digest.partition(':')[2]}"
            inode = os.stat(self.tree.root / place).st_ino
            self.assertNotEqual(inode, self.store_inode(blob.digest))
        self.assertGreater(report.copied, 200_000)

    def test_manifests_are_never_the_stores_files(self) -> None:
        self.export()
        for manifest in (*MANY.manifests, ONE.manifest):
            place = f"blobs/sha256/{manifest.digest.partition(':')[2]}"
            inode = os.stat(self.tree.root / place).st_ino
            self.assertNotEqual(inode, self.store_inode(manifest.digest))

    def test_a_store_without_files_is_copied(self) -> None:
        self.store = MemoryObjectStore(self.clock)
        self.registry = self.make_registry()
        self.push_image(ONE)
        self.assertGreater(self.export().copied, 200_000)

    def test_where_no_links_can_be_all_is_copied_once(self) -> None:
        link = os.link

        def refuse(source: str, target: str, **more: Any) -> None:
            if target.startswith(str(self.tree.root)):
                raise OSError(1, "no links here")
            link(source, target, **more)

        self.patch(os, "link", refuse)
        self.export()
        self.assertEqual(self.changed(), (set(), set()))
        self.push_image(TWO, "1")
        new, _ = self.changed()
        self.assertIn("v2/team/app/_manifests/oci-manifest/1", new)
        self.assertEqual(self.tree.references("team/app")["1"][1], TWO.manifest.data)

    def test_a_file_that_was_cut_off_is_made_anew(self) -> None:
        self.export(links=False)
        place = self.tree.root / f"blobs/sha256/{ONE.digest.partition(':')[2]}"
        layer = self.tree.root / (
            f"blobs/sha256/{ONE.layers[0].digest.partition(':')[2]}"
        )
        os.truncate(place, 10)
        os.truncate(layer, 10)
        self.export(links=False)

    def test_other_files_beside_stay(self) -> None:
        self.export()
        (self.tree.root / "robots.txt").write_text("Disallow: /")
        (self.tree.root / "v2/stray").write_text("x")
        self.export()
        self.assertTrue((self.tree.root / "robots.txt").exists())
        self.assertFalse((self.tree.root / "v2/stray").exists())


class FolderTests(ExportTestCase):
    def refused(self, kind: str = STATIC) -> str:
        """Expect the folder to be refused, and to stay what it is; give the reason."""
        before = self.tree.state()
        error = self.fails(TreeRefused, self.make_export(kind).run())
        self.assertEqual(self.tree.state(), before)
        return str(error)

    def test_a_folder_with_other_things_is_refused(self) -> None:
        self.tree.root.mkdir()
        (self.tree.root / "precious").write_text("data")
        self.assertIn("other things", self.refused())

    def test_a_store_is_refused(self) -> None:
        self.push_image(ONE)
        self.tree.root = Path(self.root, "store")
        self.assertIn("other things", self.refused())

    def test_another_kind_is_refused(self) -> None:
        self.push_image(ONE)
        self.export_layout()
        self.assertIn("another kind", self.refused())

    def test_two_exports_at_once(self) -> None:
        self.push_image(ONE)
        first = self.make_export()
        first._tree.begin()
        self.addCleanup(first._tree.end)
        self.assertIn("Another export", self.refused())
        first._tree.end()
        self.export()

    def test_links_are_not_followed(self) -> None:
        self.push_image(ONE)
        self.export()
        elsewhere = Path(self.root, "elsewhere")
        elsewhere.mkdir()
        (elsewhere / "kept").write_text("data")
        (self.tree.root / "v2/other").symlink_to(elsewhere)
        (self.tree.root / "v2/solo").symlink_to(elsewhere)
        self.export()
        self.assertEqual(os.listdir(elsewhere), ["kept"])
        self.assertFalse((self.tree.root / "v2/other").is_symlink())
        (self.tree.root / "v2/solo").symlink_to(elsewhere)
        self.push_image(TWO, "1", SOLO)
        self.assertIn("in the way", self.refused_with_changes())
        self.assertEqual(os.listdir(elsewhere), ["kept"])

    def refused_with_changes(self) -> str:
        """Expect an export to be broken off; give the reason."""
        return str(self.fails(TreeRefused, self.make_export().run()))

    def test_what_hears_may_break_it_off(self) -> None:
        class Enough(Exception):
            pass

        def hear(*_: object) -> None:
            raise Enough

        self.push_image(ONE)
        self.fails(Enough, self.make_export(hear=hear).run())
        self.export()
