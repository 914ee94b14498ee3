"""Tests of ``txregistry/registry/imagetags.py``: Docker Registry API v1, 4 and 11.2."""

import bz2
import gzip
import json
import lzma

from tests.registry import images
from tests.registry.case import NAME, OTHER, V1
from tests.registry.content import image as plain_manifest
from tests.registry.images import (
    BASE,
    ENGINE,
    LATEST,
    TOP,
    V1Image,
    document,
    oci_image,
    tar,
)
from txregistry.model.descriptors import DOCKER_LAYER, DOCKER_MANIFEST, DOCKER_TAR
from txregistry.model.digest import Digest
from txregistry.model.engines import parse_engine
from txregistry.model.errors import ImageUnknown, NameUnknown, TagUnknown
from txregistry.model.images import ImageId
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import Tag
from txregistry.registry.imagetags import ID_ANNOTATION, TagProperties
from txregistry.registry.manifests import StoredManifest
from txregistry.storage import keys

B, T = ImageId(BASE.image_id), ImageId(TOP.image_id)
IMAGE = oci_image([tar(one="1"), tar(two="2")])


class TagCase(images.ImageTestCase):
    def manifest(self, tag: Tag = LATEST) -> StoredManifest:
        """Give what version 2 finds under a tag."""
        return self.result(self.registry.manifests.find(NAME, tag))

    def config(self) -> dict[str, object]:
        """Give the config of what the tag points to."""
        parsed = self.manifest().parse()
        found: dict[str, object] = json.loads(self.pull_blob(parsed.blobs[0].digest))
        return found

    def all(self) -> dict[str, str]:
        """Give all tags."""
        return self.result(self.registry.image_tags.all(NAME, "amd64"))


class PointTests(TagCase):
    def test_tag_names_the_image(self) -> None:
        self.push_images(BASE, TOP)
        self.point(TOP)
        self.assertEqual(self.named(), T)

    def test_manifest_is_one_of_schema_2(self) -> None:
        self.push_images(BASE, TOP)
        self.point(TOP)
        data = self.manifest().data
        parsed = parse_manifest(data, DOCKER_MANIFEST)
        self.assertEqual(
            [(each.digest, each.size) for each in parsed.blobs[1:]],
            [(Digest.of(each.layer), len(each.layer)) for each in (BASE, TOP)],
        )

    def test_config_has_the_diff_ids(self) -> None:
        self.push_images(BASE, TOP)
        self.point(TOP)
        diff_ids = [str(Digest.of(gzip.decompress(each.layer))) for each in (BASE, TOP)]
        self.assertEqual(
            self.config()["rootfs"], {"type": "layers", "diff_ids": diff_ids}
        )

    def test_config_has_a_step_for_each_image(self) -> None:
        self.push_images(BASE, TOP)
        self.point(TOP)
        history = self.config()["history"]
        assert isinstance(history, list)
        self.assertEqual(len(history), 2)

    def test_image_is_what_version_2_can_derive_no_further(self) -> None:
        self.push_images(BASE, TOP)
        self.point(TOP)
        config = self.manifest().parse().blobs[0].digest
        self.assertEqual(
            self.derived(ImageId(config.encoded)).ancestry[0].text, config.encoded
        )
        self.assertEqual(self.named(), T)

    def test_plain_layer_stays_as_it_is(self) -> None:
        layer = tar(a="1")
        self.push_images(V1Image(B.text, BASE.json, layer))
        self.point(BASE)
        found = self.manifest().parse().blobs[1]
        self.assertEqual(
            (found.media_type, found.digest), (DOCKER_TAR, Digest.of(layer))
        )

    def test_layer_that_version_2_has_no_type_for_becomes_gzip(self) -> None:
        data = tar(a="1")
        for pack in (bz2.compress, lzma.compress):
            self.setUp()
            packed = V1Image(B.text, BASE.json, pack(data))
            self.push_images(packed)
            self.point(packed)
            found = self.manifest().parse().blobs[1]
            self.assertEqual(found.media_type, DOCKER_LAYER)
            self.assertEqual(gzip.decompress(self.pull_blob(found.digest)), data)
            self.assertEqual(self.named(), B)
            rootfs = self.config()["rootfs"]
            self.assertEqual(
                rootfs, {"type": "layers", "diff_ids": [str(Digest.of(data))]}
            )

    def test_two_ids_of_the_same_content_stay_two(self) -> None:
        other = V1Image("1" * 64, document("1" * 64), BASE.layer)
        self.push_images(BASE, other)
        self.point(BASE)
        self.point(other, V1)
        self.assertEqual(self.all(), {"latest": B.text, "v1": other.image_id})

    def test_tag_is_moved(self) -> None:
        self.push_images(BASE, TOP)
        self.point(BASE)
        self.point(TOP)
        self.assertEqual(self.all(), {"latest": T.text})

    def test_same_tag_again_changes_nothing(self) -> None:
        self.push_images(BASE)
        self.point(BASE)
        before = self.manifest().digest
        self.point(BASE)
        self.assertEqual(self.manifest().digest, before)

    def test_image_of_another_repository_is_unknown(self) -> None:
        self.push_images(BASE, name=OTHER)
        work = self.registry.image_tags.point(NAME, LATEST, B, ENGINE)
        self.fails(ImageUnknown, work)
        self.assertEqual(self.tags(), [])

    def test_image_in_progress_is_unknown(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        work = self.registry.image_tags.point(NAME, LATEST, B, ENGINE)
        self.fails(ImageUnknown, work)

    def test_image_without_its_base_is_unknown(self) -> None:
        self.push_images(BASE, TOP)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(BASE.layer)))
        work = self.registry.image_tags.point(NAME, LATEST, T, ENGINE)
        self.fails(ImageUnknown, work)
        self.assertEqual(self.tags(), [])

    def test_derived_image_points_to_what_it_came_from(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        work = self.registry.image_tags.point(NAME, V1, IMAGE.top, ENGINE)
        self.result(work)
        self.assertEqual(self.manifest(V1).digest, IMAGE.digest)
        self.assertEqual(self.named(V1), IMAGE.top)

    def test_lower_derived_image_becomes_an_image_of_its_own(self) -> None:
        self.push_oci(IMAGE, LATEST)
        lower = self.derived(IMAGE.top).ancestry[1]
        work = self.registry.image_tags.point(NAME, V1, lower, ENGINE)
        self.result(work)
        self.assertEqual(self.named(V1), lower)

    def test_image_can_stand_on_a_derived_one(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.derived(IMAGE.top)
        top = V1Image(T.text, document(T.text, IMAGE.top.text), TOP.layer)
        self.push_images(top)
        self.point(top, V1)
        self.assertEqual(len(self.manifest(V1).parse().blobs), 4)
        self.assertEqual(self.named(V1), T)


class FindTests(TagCase):
    def test_unknown_tag_is_told(self) -> None:
        self.fails(TagUnknown, self.registry.image_tags.find(NAME, V1, "amd64"))
        self.push_images(BASE)
        self.fails(TagUnknown, self.registry.image_tags.find(NAME, V1, "amd64"))

    def test_tag_of_version_2_names_its_config(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.assertEqual(self.named(), IMAGE.top)

    def test_artifact_has_no_image(self) -> None:
        self.push_blobs()
        self.push(plain_manifest(), V1)
        self.push_oci(IMAGE, LATEST)
        artifact = oci_image([tar(a="1")]).manifest.replace(
            b"application/vnd.oci.image.config.v1+json", b"application/x-thing"
        )
        for data in (images.gzipped(tar(a="1")), oci_image([tar(a="1")]).config):
            self.push_blob(data)
        self.push(artifact, Tag("thing"))
        self.fails(
            TagUnknown, self.registry.image_tags.find(NAME, Tag("thing"), "amd64")
        )
        self.assertNotIn("thing", self.all())

    def test_repository_without_tags_has_none(self) -> None:
        self.push_oci(IMAGE)
        self.assertEqual(self.all(), {})

    def test_repository_that_does_not_exist_is_unknown(self) -> None:
        self.fails(NameUnknown, self.registry.image_tags.all(NAME, "amd64"))

    def test_many_tags_are_all_listed(self) -> None:
        self.push_images(BASE)
        self.point(BASE)
        for number in range(50):
            self.point(BASE, Tag(f"v{number}"))
        self.assertEqual(len(self.all()), 51)

    def test_annotation_that_names_an_image_of_other_content_is_passed_over(
        self,
    ) -> None:
        self.push_images(BASE)
        forged = oci_image([tar(one="1")], annotations={ID_ANNOTATION: B.text})
        self.push_oci(forged, LATEST)
        self.assertEqual(self.named(), forged.top)

    def test_annotation_that_names_nothing_is_passed_over(self) -> None:
        for text in ("x", "0" * 64):
            self.setUp()
            forged = oci_image([tar(one="1")], annotations={ID_ANNOTATION: text})
            self.push_oci(forged, LATEST)
            self.assertEqual(self.named(), forged.top)

    def test_annotation_does_not_lend_an_id_to_an_image_that_is_packed_otherwise(
        self,
    ) -> None:
        packed = V1Image(B.text, BASE.json, bz2.compress(tar(one="1")))
        self.push_images(packed)
        forged = oci_image([tar(evil="1")], annotations={ID_ANNOTATION: B.text})
        self.push_oci(forged, LATEST)
        self.assertEqual(self.named(), forged.top)

    def test_ids_are_those_of_tags_and_what_is_known_below(self) -> None:
        self.push_images(BASE, TOP)
        self.point(TOP)
        self.push_oci(IMAGE, V1)
        found = self.result(self.registry.image_tags.ids(NAME, "amd64"))
        self.assertEqual(found, {B.text, T.text, IMAGE.top.text})


class RemoveTests(TagCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_images(BASE, TOP)
        self.point(TOP)
        self.point(BASE, V1)

    def remove(self, tag: Tag) -> None:
        self.result(self.registry.image_tags.remove(NAME, tag))

    def test_tag_is_gone_and_its_image_stays(self) -> None:
        self.remove(LATEST)
        self.assertEqual(self.all(), {"v1": B.text})
        self.assertTrue(self.has(T))

    def test_properties_are_gone(self) -> None:
        self.remove(LATEST)
        found = self.result(self.registry.image_tags.properties(NAME, LATEST))
        self.assertEqual(found, TagProperties())
        self.assertEqual(
            self.keys(keys.tag_properties(NAME)), (keys.tag_property(NAME, V1),)
        )

    def test_unknown_tag_is_told(self) -> None:
        failure = self.fails(
            TagUnknown, self.registry.image_tags.remove(NAME, Tag("old"))
        )
        self.assertEqual(failure.message, "Tag not found: old")

    def test_all_tags_and_manifests_go_and_images_stay(self) -> None:
        self.push_oci(IMAGE, Tag("other"))
        self.assertTrue(self.result(self.registry.image_tags.remove_all(NAME)))
        self.assertEqual(self.tags(), [])
        self.assertEqual(self.keys(keys.manifests(NAME)), ())
        self.assertEqual(self.keys(keys.tag_properties(NAME)), ())
        self.assertTrue(self.has(T) and self.has(B))

    def test_nothing_is_left_of_a_repository_that_was_removed(self) -> None:
        self.result(self.registry.image_tags.remove_all(NAME))
        self.assertFalse(self.result(self.registry.image_tags.remove_all(NAME)))
        self.fails(NameUnknown, self.registry.image_tags.all(NAME, "amd64"))

    def test_other_repositories_keep_theirs(self) -> None:
        self.push_images(BASE, name=OTHER)
        self.point(BASE, LATEST, OTHER)
        self.result(self.registry.image_tags.remove_all(NAME))
        self.assertEqual(self.named(LATEST, OTHER), B)

    def test_tag_that_version_2_deletes_is_gone(self) -> None:
        self.result(self.registry.acceptance.delete(NAME, LATEST))
        self.assertEqual(self.all(), {"v1": B.text})

    def test_version_2_deletes_its_properties_too(self) -> None:
        for reference in (LATEST, self.manifest().digest):
            self.setUp()
            self.result(self.registry.acceptance.delete(NAME, reference))
            self.assertEqual(
                self.keys(keys.tag_properties(NAME)), (keys.tag_property(NAME, V1),)
            )


class PropertiesTests(TagCase):
    def properties(self) -> TagProperties:
        return self.result(self.registry.image_tags.properties(NAME, LATEST))

    def test_engine_is_told(self) -> None:
        self.push_images(BASE)
        agent = "docker/1.5.0 go/go1.4.1 kernel/3.13.0 os/linux arch/arm"
        work = self.registry.image_tags.point(NAME, LATEST, B, parse_engine(agent))
        self.result(work)
        self.assertEqual(
            self.properties(),
            TagProperties(
                int(self.clock.seconds()),
                "1.5.0",
                "go1.4.1",
                "3.13.0",
                "linux",
                "arm",
            ),
        )

    def test_unknown_tag_has_defaults(self) -> None:
        self.assertEqual(self.properties(), TagProperties(os="linux", arch="amd64"))

    def test_tag_of_version_2_has_defaults(self) -> None:
        self.push_oci(IMAGE, LATEST)
        self.assertEqual(self.properties(), TagProperties())

    def test_tag_that_version_2_moved_has_defaults(self) -> None:
        self.push_images(BASE)
        self.point(BASE)
        self.assertNotEqual(self.properties(), TagProperties())
        self.push_oci(IMAGE, LATEST)
        self.assertEqual(self.properties(), TagProperties())

    def test_those_of_older_releases_are_told(self) -> None:
        self.push_images(BASE)
        self.point(BASE)
        self.put(keys.tag_property(NAME, LATEST), b'{"docker_version": "1.5.0"}')
        self.assertEqual(self.properties(), TagProperties(docker_version="1.5.0"))

    def test_damaged_ones_are_defaults(self) -> None:
        self.push_images(BASE)
        self.point(BASE)
        for data in (b"", b"[]", b'{"os": 1}', b" " * 5000):
            self.put(keys.tag_property(NAME, LATEST), data)
            self.assertEqual(self.properties(), TagProperties())
