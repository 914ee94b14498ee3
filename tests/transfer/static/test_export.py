"""Tests of ``txregistry/transfer/static/export.py`` and what it is made of."""

import json
import os
from pathlib import Path
from typing import Any

from tests.integration.clients.images import Image, Index, make_image, make_index
from tests.registry.content import image as plain_image
from tests.registry.images import LATEST, oci_image, tar, zstandard
from tests.transfer.static.case import APP, SOLO, ExportTestCase
from tests.web.v1.images import BASE, TOP, B, T
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.privacy import Properties
from txregistry.storage.interfaces import Key
from txregistry.storage.layoutsource import LayoutObjectSource
from txregistry.storage.layoutstore import LayoutObjectStore
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once
from txregistry.transfer.archives.naming import Naming
from txregistry.transfer.static.export import LAYOUT, STATIC
from txregistry.transfer.static.refusals import TreeRefused
from txregistry.transfer.static.report import LeftOut
from txregistry.transfer.static.selection import Selection
from txregistry.transfer.static.tree import CONTROL

ONE, TWO = make_image("one"), make_image("two")
MANY = make_index("many")
IMAGE_PARTS = ("json", "layer", "ancestry")
SPELLINGS = ("solo", "library/solo")
DOCKERS = make_image("dockers", docker=True)


class Version2Tests(ExportTestCase):
    def test_a_tag_and_its_digest_lead_to_the_manifest(self) -> None:
        self.push_image(ONE)
        report = self.export()
        wanted = ONE.manifest.media_type, ONE.manifest.data
        found = self.tree.references("team/app")
        self.assertEqual(found, {"1": wanted, ONE.digest: wanted})
        self.assertEqual((report.repositories, report.tags), (1, 1))
        self.assertTrue(report.is_complete)

    def test_the_folder_of_a_manifest_says_its_type(self) -> None:
        several: dict[str, Image | Index] = {
            "index": MANY,
            "one": ONE,
            "list": make_index("list", docker=True),
            "docker": DOCKERS,
        }
        for tag, target in several.items():
            self.push_image(target, tag)
        self.export()
        found = self.tree.references("team/app")
        for tag, target in several.items():
            self.assertEqual(found[tag][0], target.manifest.media_type)
            for manifest in target.manifests:
                self.assertEqual(found[manifest.digest][0], manifest.media_type)

    def test_blobs_are_those_of_the_repository(self) -> None:
        self.push_image(ONE)
        self.push_image(TWO, name=SOLO)
        self.export()
        names = os.listdir(self.tree.root / "v2/team/app/blobs")
        self.assertEqual(sorted(names), sorted(blob.digest for blob in ONE.blobs))

    def test_tags_are_listed_in_order(self) -> None:
        for tag in ("b", "a", "B", "1.0"):
            self.push_image(ONE, tag)
        self.export()
        self.assertEqual(self.tree.tags("team/app"), ["1.0", "B", "a", "b"])

    def test_repositories_are_listed(self) -> None:
        self.push_image(ONE)
        self.push_image(TWO, name=SOLO)
        self.export()
        data = (self.tree.root / "v2/_catalog").read_bytes()
        self.assertEqual(json.loads(data), {"repositories": ["solo", "team/app"]})

    def test_what_no_tag_leads_to_stays_where_it_is(self) -> None:
        self.push_image(ONE)
        self.push_image(TWO, tag=None)
        self.export()
        self.assertNotIn(TWO.digest, self.tree.references("team/app"))

    def test_manifests_and_blobs_by_sha512(self) -> None:
        layer = self.push_blob(b"layer", APP, "sha512")
        config = self.push_blob(b"{}", APP)
        part = {"mediaType": "application/x", "digest": str(layer), "size": 5}
        data = plain_image(layers=[part])
        named_by = Digest.of(data, "sha512")
        work = self.registry.acceptance.push(APP, named_by, data, None, [Tag("1")])
        self.result(work)
        self.export()
        self.assertEqual(self.tree.references("team/app")[str(named_by)][1], data)
        blobs = os.listdir(self.tree.root / "v2/team/app/blobs")
        self.assertEqual(sorted(blobs), sorted([str(layer), str(config)]))

    def test_names_within_each_other(self) -> None:
        names = ["a", "a/blobs", "a/b", "a/manifests/b", "a/tags", "v2/a", "a/tags/x"]
        for name in names:
            self.push_image(make_image(name), "b", RepositoryName(name))
        report = self.export()
        self.assertEqual(self.tree.repositories(), sorted(names))
        self.assertTrue(report.is_complete)

    def test_a_name_that_clashes_with_a_list_of_tags(self) -> None:
        for name in ("a", "a/tags/list", "a/tags/list/b"):
            self.push_image(make_image(name), "1", RepositoryName(name))
        report = self.export()
        self.assertEqual(self.tree.repositories(), ["a"])
        reason = "a list of tags has this name"
        self.assertEqual(
            report.left_out,
            [LeftOut("a/tags/list", reason), LeftOut("a/tags/list/b", reason)],
        )
        self.assertFalse(report.is_complete)

    def test_an_image_that_lacks_a_part_is_left_out(self) -> None:
        self.push_image(ONE, "bad")
        self.push_image(TWO, "good")
        layer = Digest.parse(ONE.layers[0].digest)
        self.result(self.registry.blobs.unlink(APP, layer))
        report = self.export()
        self.assertEqual(self.tree.tags("team/app"), ["good"])
        self.assertEqual([each.what for each in report.left_out], ["team/app:bad"])

    def test_a_damaged_blob_is_not_exported(self) -> None:
        for links in (True, False):
            self.push_image(ONE, "bad")
            self.push_image(TWO, "good")
            encoded = ONE.layers[1].digest.partition(":")[2]
            key = f"docker/registry/v2/blobs/sha256/{encoded[:2]}/{encoded}/data"
            self.put(key, ONE.layers[1].data[:-1] + b"?")
            self.registry = self.make_registry()
            report = self.export(links=links)
            self.assertEqual(self.tree.tags("team/app"), ["good"])
            self.assertEqual([each.what for each in report.left_out], ["team/app:bad"])
            self.put(key, ONE.layers[1].data)

    def test_what_is_damaged_by_now_stays_in_the_folder(self) -> None:
        self.push_image(ONE, "1")
        self.push_image(TWO, "2")
        self.export(links=False)
        before = self.tree.state()
        encoded = ONE.layers[1].digest.partition(":")[2]
        key = f"docker/registry/v2/blobs/sha256/{encoded[:2]}/{encoded}/data"
        self.result(self.store.delete([Key(key)]))
        self.untag("2")
        self.registry = self.make_registry()
        report = self.export(links=False)
        self.assertEqual((report.is_damaged, report.removed), (True, 0))
        self.assertEqual(self.tree.state().keys(), before.keys())
        self.put(key, ONE.layers[1].data)
        report = self.export(links=False)
        self.assertFalse(report.is_damaged)
        self.assertEqual(self.tree.tags("team/app"), ["1"])
        self.assertNotIn("2", self.tree.references("team/app"))

    def test_private_repositories_are_passed_over_unless_they_are_wanted(self) -> None:
        self.push_image(ONE)
        self.push_image(TWO, name=SOLO)
        self.result(self.registry.privacy.set(SOLO, Properties("private")))
        report = self.export()
        self.assertEqual(self.tree.repositories(), ["team/app"])
        self.assertEqual((report.private, report.is_complete), (1, True))
        self.export(private=True)
        self.assertEqual(self.tree.repositories(), ["solo", "team/app"])


class GoldenTests(ExportTestCase):
    def test_a_tree_of_one_image(self) -> None:
        image = oci_image([tar(a="1")])
        self.push_oci(image, Tag("1.0"), name=SOLO)
        self.export()
        paths = {path for path in self.tree.state() if not path.startswith(CONTROL)}
        config, layer = Digest.of(image.config), Digest.of(image.layers[0])
        parts = (config, layer, image.digest)
        manifests = "v2/solo/_manifests/oci-manifest"
        self.assertEqual(
            paths,
            {
                "index.json",
                "oci-layout",
                *(f"blobs/sha256/{digest.encoded}" for digest in parts),
                "v2/_catalog",
                "v2/_version.json",
                "v2/solo/tags/list",
                f"v2/solo/blobs/{config}",
                f"v2/solo/blobs/{layer}",
                f"{manifests}/1.0",
                f"{manifests}/{image.digest}",
                "v1/_ping",
                *(f"v1/images/{image.top}/{part}" for part in IMAGE_PARTS),
                *(f"v1/repositories/{name}/images" for name in SPELLINGS),
                *(f"v1/repositories/{name}/tags/1.0" for name in SPELLINGS),
                *(f"v1/repositories/{name}/tags/index.html" for name in SPELLINGS),
            },
        )
        documents = {
            "oci-layout": {"imageLayoutVersion": "1.0.0"},
            "v2/_catalog": {"repositories": ["solo"]},
            "v2/_version.json": {},
            "v2/solo/tags/list": {"name": "solo", "tags": ["1.0"]},
            "v1/_ping": {"standalone": True},
            "v1/repositories/solo/images": [{"id": str(image.top)}],
            "v1/repositories/library/solo/tags/1.0": str(image.top),
            f"v1/images/{image.top}/ancestry": [str(image.top)],
        }
        for path, document in documents.items():
            data = (self.tree.root / path).read_bytes()
            self.assertEqual(json.loads(data), document, path)


class SelectionTests(ExportTestCase):
    def names(self, *patterns: str) -> list[str]:
        """Export by some patterns, and say what that comes to."""
        self.export_layout(selection=Selection(patterns))
        return [
            each["annotations"]["org.opencontainers.image.ref.name"]
            for each in self.tree.images()
        ]

    def test_patterns(self) -> None:
        for name in (APP, SOLO, RepositoryName("team/web")):
            for tag in ("1.0", "1.1", "latest"):
                self.push_image(ONE, tag, name)
        self.assertEqual(len(self.names()), 9)
        self.assertEqual(self.names("solo:1.*"), ["solo:1.0", "solo:1.1"])
        self.assertEqual(
            self.names("team/*:latest", "solo:1.0"),
            ["solo:1.0", "team/app:latest", "team/web:latest"],
        )
        self.assertEqual(len(self.names("team/**")), 6)
        self.assertEqual(self.names("other"), [])

    def test_what_is_no_pattern(self) -> None:
        for text in ("", "A", "a:", "a:b:c", "a//b", "a:b/c", "**x"):
            with self.assertRaises(ValueError):
                Selection([text])


class LayoutTests(ExportTestCase):
    def test_images_are_named(self) -> None:
        self.push_image(ONE)
        self.push_image(MANY, "2", SOLO)
        self.export_layout()
        self.assertEqual(
            [each["annotations"] for each in self.tree.images()],
            [
                {
                    "io.containerd.image.name": "docker.io/library/solo:2",
                    "org.opencontainers.image.ref.name": "solo:2",
                },
                {
                    "io.containerd.image.name": "docker.io/team/app:1",
                    "org.opencontainers.image.ref.name": "team/app:1",
                },
            ],
        )

    def test_images_are_named_after_a_host(self) -> None:
        self.push_image(ONE)
        self.export_layout(naming=Naming("r.example:5000"))
        (found,) = self.tree.images()
        self.assertEqual(
            found["annotations"]["io.containerd.image.name"],
            "r.example:5000/team/app:1",
        )

    def test_a_layout_has_nothing_else(self) -> None:
        self.push_image(ONE)
        self.export_layout()
        self.assertEqual(
            sorted(os.listdir(self.tree.root)),
            sorted([CONTROL, "blobs", "index.json", "oci-layout"]),
        )

    def test_a_registry_over_it_has_the_same(self) -> None:
        self.push_image(ONE)
        self.push_image(MANY, "2")
        self.push_image(DOCKERS, "x-1.0", SOLO)
        for kind in (LAYOUT, STATIC):
            self.tree.root = Path(self.root, kind)
            self.export(kind)
            source = LayoutObjectSource(str(self.tree.root), self.clock, at_once)
            self.store = LayoutObjectStore(source, self.clock)
            read = self.make_registry(writes=False)
            for name, tag, target in (
                (APP, "1", ONE),
                (APP, "2", MANY),
                (SOLO, "x-1.0", DOCKERS),
            ):
                found = self.result(read.manifests.find(name, Tag(tag)))
                self.assertEqual(found.data, target.manifest.data)
                for manifest in target.manifests:
                    digest = Digest.parse(manifest.digest)
                    self.result(read.manifests.find(name, digest))
                for blob in target.blobs:
                    digest = Digest.parse(blob.digest)
                    self.assertTrue(self.result(read.blobs.holds(name, digest)))

    def test_a_layout_can_be_exported_again(self) -> None:
        self.push_image(ONE)
        self.push_image(MANY, "2")
        self.export_layout()
        source = LayoutObjectSource(str(self.tree.root), self.clock, at_once)
        self.store = LayoutObjectStore(source, self.clock)
        self.registry = self.make_registry(writes=False)
        before = {path: data[2] for path, data in self.tree.state().items()}
        self.tree.root = Path(self.root, "again")
        report = self.export_layout(links=False)
        after = {path: data[2] for path, data in self.tree.state().items()}
        self.assertEqual(after, before)
        self.assertGreater(report.copied, 200_000)


class Version1Tests(ExportTestCase):
    def read(self, place: str) -> bytes:
        """Read a file of version 1."""
        return (self.tree.root / "v1" / place).read_bytes()

    def test_images_pushed_by_version_1(self) -> None:
        self.push_images(BASE, TOP, name=APP)
        self.point(TOP, LATEST, APP)
        report = self.export()
        self.assertEqual(report.images, 1)
        for image in (BASE, TOP):
            folder = f"images/{image.image_id}"
            self.assertEqual(self.read(f"{folder}/json"), image.json)
            self.assertEqual(self.read(f"{folder}/layer"), image.layer)
        self.assertEqual(json.loads(self.read(f"images/{T}/ancestry")), [T, B])
        repository = "repositories/team/app"
        self.assertEqual(
            json.loads(self.read(f"{repository}/images")), [{"id": B}, {"id": T}]
        )
        self.assertEqual(self.read(f"{repository}/tags/latest"), b'"%s"' % T.encode())
        self.assertEqual(
            json.loads(self.read(f"{repository}/tags/index.html")), {"latest": T}
        )
        self.assertEqual(json.loads(self.read("_ping")), {"standalone": True})

    def test_images_pushed_by_version_2(self) -> None:
        image = oci_image([tar(a="1"), tar(b="2")])
        self.push_oci(image, Tag("1"), name=APP)
        self.export()
        self.assertEqual(self.tree.image_tags("team/app"), {"1": str(image.top)})
        layer = self.read(f"images/{image.top}/layer")
        self.assertEqual(layer, image.layers[-1])

    def test_an_image_without_a_namespace_has_two_names(self) -> None:
        self.push_images(BASE, name=SOLO)
        self.point(BASE, LATEST, SOLO)
        self.export()
        for name in ("solo", "library/solo"):
            self.assertEqual(self.tree.image_tags(name), {"latest": B})
            found = json.loads(self.read(f"repositories/{name}/images"))
            self.assertEqual(found, [{"id": B}])

    def test_of_two_spellings_the_short_one_has_both_names(self) -> None:
        one, two = oci_image([tar(a="1")]), oci_image([tar(b="2")])
        self.push_oci(one, Tag("1"), name=RepositoryName("library/solo"))
        self.push_oci(two, Tag("1"), name=SOLO)
        self.export()
        for name in ("solo", "library/solo"):
            self.assertEqual(self.tree.image_tags(name), {"1": str(two.top)})

    def test_a_name_in_the_way_of_version_1(self) -> None:
        for name in ("a/images", "tags/b", "images"):
            self.push_oci(oci_image([tar(a=name)]), Tag("1"), name=RepositoryName(name))
        self.export()
        self.assertFalse((self.tree.root / "v1/repositories").exists())
        self.assertEqual(self.tree.repositories(), ["a/images", "images", "tags/b"])

    def test_a_tag_in_the_way_of_version_1(self) -> None:
        self.push_images(BASE, name=APP)
        for tag in ("index.html", "1"):
            self.point(BASE, Tag(tag), APP)
        self.export()
        self.assertEqual(self.tree.image_tags("team/app"), {"1": B, "index.html": B})
        self.assertIn("index.html", self.tree.references("team/app"))

    def test_layers_that_engines_cannot_read_are_made_readable(self) -> None:
        image = oci_image([tar(a="1")], zstandard)
        self.push_oci(image, Tag("1"), name=APP)
        self.export()
        layer = self.read(f"images/{image.top}/layer")
        self.assertEqual(layer[:2], b"\x1f\x8b")

    def test_what_is_no_image_is_left_to_version_2(self) -> None:
        self.push_blob(b"{}", APP)
        self.push_blob(b"a layer", APP)
        config = {"mediaType": "application/x", "digest": str(Digest.of(b"{}"))}
        data = plain_image()
        document = json.loads(data)
        document["config"] = {**config, "size": 2}
        self.push(json.dumps(document).encode(), Tag("1"), APP)
        report = self.export()
        self.assertEqual((report.tags, report.images), (1, 0))
        self.assertTrue(report.is_complete)
        self.assertEqual(self.tree.image_tags("team/app"), {})

    def test_an_id_of_two_images_is_that_of_the_first(self) -> None:
        other = type(BASE)(B, BASE.json, TOP.layer)
        self.push_images(BASE, name=APP)
        self.point(BASE, LATEST, APP)
        self.push_images(other, name=SOLO)
        self.point(other, LATEST, SOLO)
        report = self.export()
        self.assertEqual(self.read(f"images/{B}/layer"), other.layer)
        self.assertEqual(self.tree.image_tags("team/app"), {})
        self.assertEqual(self.tree.image_tags("solo"), {"latest": B})
        self.assertEqual([each.what for each in report.left_out], ["team/app:latest"])
        self.assertEqual(len(self.tree.references("team/app")), 2)

    def test_version_1_can_be_left_out(self) -> None:
        self.push_images(BASE, name=APP)
        self.point(BASE, LATEST, APP)
        self.export(version1=False)
        self.assertFalse((self.tree.root / "v1").exists())


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
