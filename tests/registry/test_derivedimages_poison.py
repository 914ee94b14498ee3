"""Tests of ``txregistry/registry/derivedimages.py``: ids that are not what they say."""

import gzip
import json

from tests.registry import images
from tests.registry.case import NAME
from tests.registry.content import descriptor, encode
from tests.registry.images import (
    LATEST,
    OciImage,
    V1Image,
    gzipped,
    oci_image,
    tar,
    zstandard,
)
from txregistry.model.derivation import chain_ids
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageUnknown
from txregistry.model.images import ImageId
from txregistry.model.names import Tag

TARS = (tar(one="1"), tar(two="2"), tar(three="3"))
DIFF_IDS = tuple(map(Digest.of, TARS))
IMAGE = oci_image(TARS)
LOWER = tuple(ImageId(each.encoded) for each in chain_ids(DIFF_IDS)[:-1])
EVIL = gzipped(tar(evil="yes"))


class PoisonTests(images.ImageTestCase):
    """Ids are anybody's: an image of another content must not stand for a tag's."""

    def unknown(self, image_id: ImageId, architecture: str = "amd64") -> None:
        """Expect an image to be neither there nor derivable."""
        work = self.registry.derived.find(NAME, image_id, architecture)
        self.fails(ImageUnknown, work)

    def ancestry(self, image_id: ImageId) -> tuple[ImageId, ...]:
        """Give an image's ancestry."""
        work = self.registry.derived.ancestry(NAME, image_id, "amd64")
        return self.result(work)

    def resolves(self) -> bool:
        """Say whether the tag leads to the image, and only to its content."""
        tags = self.result(self.registry.image_tags.all(NAME, "amd64"))
        if "latest" not in tags:
            return False
        image_id = ImageId(tags["latest"])
        for place, each in enumerate(self.ancestry(image_id)[::-1]):
            found = self.derived(each)
            layer = self.pull_blob(found.layer.digest)
            self.assertEqual(gzip.decompress(layer), TARS[place])
        return True

    def evil(self, image_id: ImageId, parent: ImageId | None = None) -> V1Image:
        """Make an image of version 1 that calls itself like another."""
        below = None if parent is None else parent.text
        return V1Image(image_id.text, images.document(image_id.text, below), EVIL)

    def test_image_in_place_of_the_top_does_not_show(self) -> None:
        self.push_images(self.evil(IMAGE.top))
        self.push_oci(IMAGE, LATEST)
        self.assertFalse(self.resolves())

    def test_image_in_place_of_a_lower_one_does_not_show(self) -> None:
        self.push_images(self.evil(LOWER[0]))
        self.push_oci(IMAGE, LATEST)
        self.unknown(IMAGE.top)

    def test_top_on_the_right_layers_with_another_config_does_not_show(self) -> None:
        lower = [
            V1Image(
                image_id.text,
                images.document(
                    image_id.text, None if parent is None else parent.text, {}
                ),
                layer,
            )
            for image_id, parent, layer in zip(
                LOWER, (None, *LOWER), IMAGE.layers, strict=False
            )
        ]
        top = images.document(IMAGE.top.text, LOWER[-1].text)
        self.push_images(*lower, V1Image(IMAGE.top.text, top, IMAGE.layers[-1]))
        self.push_oci(IMAGE, LATEST)
        self.assertFalse(self.resolves())

    def test_image_that_is_the_same_by_both_versions_shows(self) -> None:
        self.push_oci(IMAGE, LATEST)
        pushed = [
            V1Image(str(each), self.derived(each).json, layer)
            for each, layer in zip(
                self.ancestry(IMAGE.top)[::-1], IMAGE.layers, strict=True
            )
        ]
        self.setUp()
        self.push_images(*pushed)
        self.push_oci(IMAGE, LATEST)
        self.assertTrue(self.resolves())

    def test_image_that_comes_later_does_not_replace_it(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        for image_id in (IMAGE.top, LOWER[0]):
            work = self.registry.image_uploads.begin(
                self.scope(), image_id, self.evil(image_id).json, None
            )
            self.fails(Exception, work)
        self.assertTrue(self.resolves())

    def test_config_that_lies_about_its_layers_does_not_poison_others(self) -> None:
        lying = oci_image((*TARS[:2], tar(other="x")))
        document = json.loads(lying.manifest)
        document["layers"][0] = descriptor(EVIL, f"{images.LAYER_TYPE}+gzip")
        layers = (EVIL, *lying.layers[1:])
        self.push_oci(OciImage(lying.config, layers, encode(document)), Tag("evil"))
        self.result(self.registry.derived.find(NAME, lying.top, "amd64"))
        self.push_oci(IMAGE, LATEST)
        self.assertTrue(self.resolves())

    def same_config(self) -> OciImage:
        """Make an image that says the same of itself, and is another."""
        document = json.loads(IMAGE.manifest)
        document["layers"][0] = descriptor(EVIL, f"{images.LAYER_TYPE}+gzip")
        layers = (EVIL, *IMAGE.layers[1:])
        return OciImage(IMAGE.config, layers, encode(document))

    def test_manifest_of_the_same_config_does_not_poison_it(self) -> None:
        self.push_oci(self.same_config(), Tag("evil"))
        self.derived(IMAGE.top)
        self.push_oci(IMAGE, LATEST)
        self.assertTrue(self.resolves())
        tags = self.result(self.registry.image_tags.all(NAME, "amd64"))
        self.assertEqual(tags, {"latest": IMAGE.top.text})  # from now on

    def test_manifest_of_the_same_config_that_comes_later_does_not_show(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        self.push_oci(self.same_config(), Tag("evil"))
        tags = self.result(self.registry.image_tags.all(NAME, "amd64"))
        self.assertEqual(tags, {"latest": IMAGE.top.text})
        self.assertTrue(self.resolves())

    def test_same_image_in_two_compressions_shows_by_both(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        self.push_oci(oci_image(TARS, zstandard), Tag("small"))
        tags = self.result(self.registry.image_tags.all(NAME, "amd64"))
        self.assertEqual(set(tags), {"latest", "small"})
        self.assertTrue(self.resolves())
