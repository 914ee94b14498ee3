"""Tests of ``txregistry/transfer/static/export.py`` and what it is made of."""

import json
import os
from pathlib import Path

from twisted.internet.defer import Deferred

from tests.integration.clients.images import Image, Index, make_image, make_index
from tests.registry.content import image as plain_image
from tests.registry.images import oci_image, tar
from tests.transfer.static.case import APP, SOLO, ExportTestCase
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.privacy import Properties
from txregistry.storage.interfaces import Key
from txregistry.storage.layoutsource import LayoutObjectSource
from txregistry.storage.layoutstore import LayoutObjectStore
from txregistry.tasks import at_once
from txregistry.transfer.archives.naming import Naming
from txregistry.transfer.static.export import LAYOUT, STATIC
from txregistry.transfer.static.report import ExportReport, LeftOut
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

    def begin_deletion(self) -> Deferred[ExportReport]:
        """Export while an image is deleted, of which the tags are there yet."""
        self.push_image(ONE, "1")
        self.push_image(TWO, "2")
        self.result(self.registry.manifests.forget(APP, Digest.parse(ONE.digest)))
        done = self.finish(self.make_export().run())
        self.assertNoResult(done)
        return done

    def go_on(self, done: Deferred[ExportReport]) -> ExportReport:
        """Let time pass, until the export is over."""
        for _ in range(100):
            self.clock.advance(0.1)
        report = self.successResultOf(done)
        self.tree.check()
        return report

    def test_a_tag_that_is_deleted_meanwhile_is_no_damage(self) -> None:
        done = self.begin_deletion()
        self.untag("1")
        report = self.go_on(done)
        self.assertTrue(report.is_complete)
        self.assertFalse(report.is_damaged)
        self.assertEqual(self.tree.tags("team/app"), ["2"])

    def test_a_tag_that_moves_meanwhile_is_exported_as_it_is(self) -> None:
        done = self.begin_deletion()
        self.push(TWO.manifest.data, Tag("1"), APP)
        report = self.go_on(done)
        self.assertTrue(report.is_complete)
        self.assertFalse(report.is_damaged)
        self.assertEqual(self.tree.references("team/app")["1"][1], TWO.manifest.data)

    def test_an_image_that_comes_back_meanwhile_is_exported(self) -> None:
        done = self.begin_deletion()
        self.push_image(ONE, "1")
        report = self.go_on(done)
        self.assertTrue(report.is_complete)
        self.assertEqual(self.tree.tags("team/app"), ["1", "2"])

    def test_a_tag_that_goes_on_leading_to_nothing_is_damage(self) -> None:
        report = self.go_on(self.begin_deletion())
        self.assertEqual([each.what for each in report.left_out], ["team/app:1"])
        self.assertTrue(report.is_damaged)
        self.assertEqual(self.tree.tags("team/app"), ["2"])

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

    def test_what_is_about_an_image_comes_along(self) -> None:
        one, two = (oci_image([tar(a=text)]) for text in "12")
        self.push_oci(one, Tag("1.0"), name=APP)
        self.push_oci(two, Tag("2.0"), name=APP)
        signature = plain_image(layers=(), subject=one.manifest)
        self.push_blob(b"{}", APP)
        self.push(signature, None, APP)
        stamp = plain_image(layers=(), subject=signature)
        self.push(stamp, None, APP)
        about_two = plain_image(layers=(), subject=two.manifest)
        self.push(about_two, None, APP)
        old = f"sha256-{one.digest.encoded}.sig"
        self.push(plain_image(layers=()), Tag(old), APP)
        self.export(selection=Selection(["team/app:1.*"]))
        signed = f"sha256-{Digest.of(signature).encoded}"
        wanted = ["1.0", f"sha256-{one.digest.encoded}", old, signed]
        self.assertEqual(self.tree.tags("team/app"), sorted(wanted))
        for each in (signature, stamp):
            self.assertIn(str(Digest.of(each)), self.tree.references("team/app"))
        digest = str(Digest.of(about_two))
        self.assertNotIn(digest, self.tree.references("team/app"))

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
