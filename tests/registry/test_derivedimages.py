"""Tests of ``txregistry/registry/derivedimages.py``: Docker Registry API v1, 11."""

import gzip
import json

from twisted.logger import capturedLogs

from tests.registry import images
from tests.registry.case import NAME, OTHER, V1
from tests.registry.content import CONFIG_TYPE, descriptor, encode, index
from tests.registry.images import (
    LATEST,
    OciImage,
    V1Image,
    gzipped,
    member,
    oci_image,
    plain,
    platforms,
    tar,
    zstandard,
)
from txregistry.model.compression import Compression
from txregistry.model.derivation import EMPTY_DIFF_ID, EMPTY_LAYER, chain_ids
from txregistry.model.descriptors import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageUnknown
from txregistry.model.images import MAX_ANCESTRY, ImageId

TARS = (tar(one="1"), tar(two="2"), tar(three="3"))
DIFF_IDS = tuple(map(Digest.of, TARS))
IMAGE = oci_image(TARS)
LOWER = tuple(ImageId(each.encoded) for each in chain_ids(DIFF_IDS)[:-1])
EVIL = gzipped(tar(evil="yes"))


class DerivedTestCase(images.ImageTestCase):
    def unknown(self, image_id: ImageId, architecture: str = "amd64") -> None:
        """Expect an image to be neither there nor derivable."""
        work = self.registry.derived.find(NAME, image_id, architecture)
        self.fails(ImageUnknown, work)

    def ancestry(self, image_id: ImageId) -> tuple[ImageId, ...]:
        """Give an image's ancestry."""
        work = self.registry.derived.ancestry(NAME, image_id, "amd64")
        return self.result(work)


class FindTests(DerivedTestCase):
    def test_top_is_called_as_the_config(self) -> None:
        self.push_oci(IMAGE, LATEST)
        found = self.derived(IMAGE.top)
        self.assertEqual(found.image_id.text, Digest.of(IMAGE.config).encoded)

    def test_lower_ones_are_called_by_their_chain_ids(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.assertEqual(self.ancestry(IMAGE.top), (IMAGE.top, *LOWER[::-1]))

    def test_lower_ones_can_be_asked_for_once_the_top_was(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        for place, image_id in enumerate(LOWER):
            found = self.derived(image_id)
            self.assertEqual(found.layer.digest, Digest.of(IMAGE.layers[place]))
            self.assertEqual(found.layer.diff_id, DIFF_IDS[place])
            self.assertEqual(member(found.json, "id"), image_id.text)

    def test_json_of_the_top_is_its_config(self) -> None:
        self.push_oci(IMAGE, LATEST)
        found = json.loads(self.derived(IMAGE.top).json)
        config = json.loads(IMAGE.config)
        del config["rootfs"]
        wanted = {**config, "id": IMAGE.top.text, "parent": LOWER[-1].text}
        self.assertEqual(found, wanted)

    def test_image_of_no_tag_is_unknown(self) -> None:
        self.push_oci(IMAGE)
        self.unknown(IMAGE.top)

    def test_image_of_another_repository_is_unknown(self) -> None:
        self.push_oci(IMAGE, LATEST, name=OTHER)
        self.unknown(IMAGE.top)

    def test_image_that_nobody_pushed_is_unknown(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.unknown(ImageId("0" * 64))
        self.unknown(ImageId("0" * 16))

    def test_image_pushed_by_version_1_is_found(self) -> None:
        self.push_images(images.BASE)
        found = self.derived(ImageId(images.BASE.image_id))
        self.assertEqual(found.json, images.BASE.json)

    def test_after_a_restart_it_is_remembered(self) -> None:
        self.push_oci(IMAGE, LATEST)
        first = self.derived(IMAGE.top)
        self.registry = self.make_registry()
        self.assertEqual(self.find(V1Image(IMAGE.top.text, b"", b"")), first)

    def test_compression_is_found_out(self) -> None:
        for pack, wanted in (
            (plain, Compression.NONE),
            (gzipped, Compression.GZIP),
            (zstandard, Compression.ZSTD),
        ):
            self.setUp()
            image = oci_image(TARS, pack)
            self.push_oci(image, LATEST)
            self.assertIs(self.derived(image.top).layer.compression, wanted)

    def test_manifest_tagged_by_sha512_is_an_image(self) -> None:
        for data in (IMAGE.config, *IMAGE.layers):
            self.push_blob(data)
        self.push(IMAGE.manifest, Digest.of(IMAGE.manifest, "sha512"))
        digest = Digest.of(IMAGE.manifest, "sha512")
        work = self.registry.acceptance.push(
            NAME, digest, IMAGE.manifest, None, [LATEST]
        )
        self.result(work)
        self.assertEqual(self.derived(IMAGE.top).manifest, digest)
        self.result(self.registry.acceptance.delete(NAME, digest))
        self.assertFalse(self.has(IMAGE.top))

    def test_layers_by_sha512_are_found(self) -> None:
        descriptors = []
        for data in IMAGE.layers:
            digest = self.push_blob(data, algorithm="sha512")
            layer = descriptor(data, f"{images.LAYER_TYPE}+gzip", digest=str(digest))
            descriptors.append(layer)
        self.push_blob(IMAGE.config)
        manifest = encode(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor(IMAGE.config, CONFIG_TYPE),
                "layers": descriptors,
            }
        )
        self.push(manifest, LATEST)
        found = self.derived(IMAGE.top)
        self.assertEqual(found.layer.digest, Digest.of(IMAGE.layers[-1]))

    def test_config_by_sha512_gives_no_name(self) -> None:
        config = self.push_blob(IMAGE.config, algorithm="sha512")
        for data in IMAGE.layers:
            self.push_blob(data)
        document = json.loads(IMAGE.manifest)
        document["config"]["digest"] = str(config)
        self.push(encode(document), LATEST)
        manifest = self.result(self.registry.derived.manifest(NAME, LATEST, "amd64"))
        assert manifest is not None
        self.assertIsNone(self.registry.derived.top(manifest))


class IndexTests(DerivedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.arm = oci_image(TARS[:1], details={"architecture": "arm64"})
        for image in (IMAGE, self.arm):
            self.push_oci(image)

    def test_platform_decides(self) -> None:
        for media_type in (OCI_INDEX, DOCKER_LIST):
            self.push(platforms(media_type, amd64=IMAGE, arm64=self.arm), LATEST)
            self.assertEqual(self.derived(IMAGE.top).image_id, IMAGE.top)
            found = self.derived(self.arm.top, architecture="arm64")
            self.assertEqual(found.image_id, self.arm.top)

    def test_image_of_another_platform_is_unknown(self) -> None:
        self.push(platforms(OCI_INDEX, amd64=IMAGE, arm64=self.arm), LATEST)
        self.unknown(self.arm.top)

    def test_index_without_the_platform_is_no_image(self) -> None:
        self.push(platforms(OCI_INDEX, arm64=self.arm), LATEST)
        found = self.registry.derived.manifest(NAME, LATEST, "amd64")
        self.assertIsNone(self.result(found))

    def test_index_without_platforms_is_no_image(self) -> None:
        self.push(index([IMAGE.manifest]), LATEST)
        found = self.registry.derived.manifest(NAME, LATEST, "amd64")
        self.assertIsNone(self.result(found))

    def test_image_of_the_index_that_was_deleted_is_no_image(self) -> None:
        self.push(platforms(OCI_INDEX, amd64=IMAGE), LATEST)
        self.result(self.registry.acceptance.delete(NAME, IMAGE.digest))
        found = self.registry.derived.manifest(NAME, LATEST, "amd64")
        self.assertIsNone(self.result(found))


class NoImageTests(DerivedTestCase):
    def test_artifact_is_no_image(self) -> None:
        self.push_blobs()
        artifact = encode(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
                "layers": [descriptor(b"a layer", "text/plain")],
            }
        )
        self.push(artifact, LATEST)
        found = self.registry.derived.manifest(NAME, LATEST, "amd64")
        self.assertIsNone(self.result(found))
        self.unknown(ImageId(Digest.of(b"{}").encoded))

    def test_unknown_tag_is_no_image(self) -> None:
        for _ in range(2):
            found = self.registry.derived.manifest(NAME, V1, "amd64")
            self.assertIsNone(self.result(found))
            self.push_oci(IMAGE, LATEST)

    def refuse(self, image: OciImage) -> None:
        """Expect an image to be none of version 1, which is told in the log."""
        self.push_oci(image, LATEST)
        with capturedLogs() as events:
            self.unknown(image.top)
        self.assertEqual(self.keys("docker/registry/txregistry/v1/"), ())
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        del events

    def test_config_that_cannot_be_read_is_refused(self) -> None:
        for config in (b"{", b"[]", b"{}", b'{"rootfs": {"diff_ids": ["md5:1"]}}'):
            self.setUp()
            manifest = json.loads(IMAGE.manifest)
            manifest["config"] = descriptor(config, CONFIG_TYPE)
            self.refuse(OciImage(config, IMAGE.layers, encode(manifest)))

    def test_config_of_fewer_layers_than_the_manifest_is_refused(self) -> None:
        for tars in (TARS[:2], ()):
            self.setUp()
            config = oci_image(tars).config
            manifest = json.loads(IMAGE.manifest)
            manifest["config"] = descriptor(config, CONFIG_TYPE)
            self.refuse(OciImage(config, IMAGE.layers, encode(manifest)))

    def test_config_without_layers_of_a_manifest_with_one_is_refused(self) -> None:
        image = oci_image(TARS[:1])
        config = oci_image(()).config
        manifest = json.loads(image.manifest)
        manifest["config"] = descriptor(config, CONFIG_TYPE)
        self.refuse(OciImage(config, image.layers, encode(manifest)))

    def test_more_layers_than_engines_mount_are_refused(self) -> None:
        image = oci_image([TARS[0]] * (MAX_ANCESTRY + 1))
        self.refuse(image)
        most = oci_image([TARS[0]] * MAX_ANCESTRY)
        self.push_oci(most, V1)
        self.assertEqual(len(self.ancestry(most.top)), MAX_ANCESTRY)

    def test_config_that_is_too_large_is_refused(self) -> None:
        self.refuse(oci_image(TARS, details={"comment": "x" * (4 << 20)}))

    def test_layer_that_was_deleted_makes_it_none(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(IMAGE.layers[0])))
        self.unknown(IMAGE.top)


class EmptyTests(DerivedTestCase):
    """An image without layers has one, of 1024 zeros."""

    def test_it_is_there(self) -> None:
        image = oci_image(())
        self.push_oci(image, LATEST)
        found = self.derived(image.top)
        self.assertEqual(self.pull_blob(found.layer.digest), EMPTY_LAYER)
        self.assertEqual(found.layer.diff_id, EMPTY_DIFF_ID)
        self.assertEqual(gzip.decompress(EMPTY_LAYER), bytes(1024))

    def test_ancestry_is_itself(self) -> None:
        image = oci_image(())
        self.push_oci(image, LATEST)
        self.assertEqual(self.ancestry(image.top), (image.top,))


class DeletionTests(DerivedTestCase):
    def test_image_goes_with_its_manifest(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        self.result(self.registry.acceptance.delete(NAME, IMAGE.digest))
        self.unknown(IMAGE.top)

    def test_image_comes_back_with_its_manifest(self) -> None:
        self.test_image_goes_with_its_manifest()
        self.push_oci(IMAGE, LATEST)
        self.assertEqual(self.ancestry(IMAGE.top), (IMAGE.top, *LOWER[::-1]))

    def test_another_manifest_of_the_same_config_takes_over(self) -> None:
        again = oci_image(TARS, annotations={"number": "2"})
        self.push_oci(IMAGE, LATEST)
        self.push_oci(again, V1)
        self.derived(IMAGE.top)
        self.result(self.registry.acceptance.delete(NAME, IMAGE.digest))
        self.assertEqual(self.derived(IMAGE.top).manifest, again.digest)

    def test_images_on_the_same_layers_share_what_is_below(self) -> None:
        other = oci_image((*TARS[:2], tar(other="x")))
        self.push_oci(IMAGE, LATEST)
        self.push_oci(other, V1)
        self.assertEqual(self.ancestry(IMAGE.top)[1:], self.ancestry(other.top)[1:])
        self.result(self.registry.acceptance.delete(NAME, IMAGE.digest))
        self.assertEqual(self.ancestry(other.top), (other.top, *LOWER[::-1]))
        self.result(self.registry.images.chain(NAME, other.top))

    def test_same_layers_in_another_compression_take_over(self) -> None:
        again = oci_image(TARS, zstandard)
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        self.push_oci(again, V1)
        self.result(self.registry.acceptance.delete(NAME, IMAGE.digest))
        for data in IMAGE.layers:
            self.result(self.registry.blobs.unlink(NAME, Digest.of(data)))
        self.assertEqual(again.top, IMAGE.top)
        self.assertEqual(self.ancestry(again.top), (again.top, *LOWER[::-1]))
        chain = self.result(self.registry.images.chain(NAME, again.top))
        self.assertEqual(
            [each.layer.digest for each in chain], list(map(Digest.of, again.layers))
        )

    def test_lower_one_that_went_is_derived_again(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(IMAGE.layers[0])))
        self.push_oci(IMAGE, LATEST)
        self.assertEqual(len(self.ancestry(IMAGE.top)), 3)
        self.result(self.registry.images.chain(NAME, IMAGE.top))
