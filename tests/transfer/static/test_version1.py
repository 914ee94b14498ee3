"""Tests of ``txregistry/transfer/static/version1.py``."""

import json

from tests.registry.content import image as plain_image
from tests.registry.images import LATEST, oci_image, tar, zstandard
from tests.transfer.static.case import APP, SOLO, ExportTestCase
from tests.web.v1.images import BASE, TOP, B, T
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag


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
