"""Tests of ``txregistry/registry/images.py``."""

from dataclasses import replace

from tests.registry import images
from tests.registry.case import NAME, OTHER
from tests.registry.images import BASE, TOP, V1Image, document, oci_image, tar
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageExists, ImageInvalid, ImageUnknown
from txregistry.model.images import MAX_JSON, ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry.images import Image
from txregistry.storage import keys

B, T = ImageId(BASE.image_id), ImageId(TOP.image_id)
RECORD = keys.image_record(NAME, B)


class ImagesTests(images.ImageTestCase):
    def chain(self) -> list[ImageId]:
        chain = self.result(self.registry.images.chain(NAME, T))
        return [each.image_id for each in chain]

    def publish(self, image: Image) -> None:
        self.result(self.registry.images.publish(NAME, image))

    def test_nothing_is_unknown(self) -> None:
        self.fails(ImageUnknown, self.registry.images.find(NAME, B))

    def test_chain_begins_with_the_base(self) -> None:
        self.push_images(BASE, TOP)
        self.assertEqual(self.chain(), [B, T])

    def test_chain_without_its_base_is_unknown(self) -> None:
        self.push_images(BASE, TOP)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(BASE.layer)))
        self.assertTrue(self.has(T))
        self.fails(ImageUnknown, self.registry.images.chain(NAME, T))

    def test_chain_is_whole_once_its_base_is_there_again(self) -> None:
        self.test_chain_without_its_base_is_unknown()
        self.push_images(BASE)
        self.assertEqual(self.chain(), [B, T])

    def test_chain_on_a_base_that_became_another_is_unknown(self) -> None:
        self.push_images(BASE, TOP)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(BASE.layer)))
        below = V1Image("1" * 64, document("1" * 64), TOP.layer)
        self.push_images(
            below, V1Image(B.text, document(B.text, below.image_id), TOP.layer)
        )
        self.fails(ImageUnknown, self.registry.images.chain(NAME, T))

    def test_chain_of_more_json_than_any_image_has_is_refused(self) -> None:
        parent = None
        for number in range(6):
            text = f"{number:064x}"
            details = {"comment": "x" * (MAX_JSON - 1000)}
            layer = BASE.layer
            self.push_images(V1Image(text, document(text, parent, details), layer))
            parent = text
        work = self.registry.images.chain(NAME, ImageId(f"{5:064x}"))
        self.fails(ImageInvalid, work)

    def test_record_of_the_longest_json_can_be_read(self) -> None:
        json = document(B.text, None, {"comment": "x"})
        json += b" " * (MAX_JSON - len(json))
        self.push_images(V1Image(B.text, json, BASE.layer))
        self.assertEqual(self.result(self.registry.images.find(NAME, B)).json, json)

    def test_damaged_record_counts_as_absent(self) -> None:
        self.push_images(BASE)
        whole = self.get(RECORD)
        for data in (
            b"",
            b"{}",
            whole[:-1],
            whole.replace(b"sha256", b"md5"),
            whole.replace(B.text.encode(), T.text.encode()),
            whole.replace(b'"gzip"', b'"lz4"'),
            b" " * (3 * MAX_JSON),
        ):
            self.put(RECORD, data)
            self.assertFalse(self.has(B), data[:100])
            self.push_images(BASE)
            self.assertTrue(self.has(B))

    def test_same_image_may_be_published_again(self) -> None:
        self.push_images(BASE)
        self.publish(self.find(BASE))
        self.assertTrue(self.has(B))

    def test_another_image_may_not(self) -> None:
        self.push_images(BASE)
        found = self.find(BASE)
        layer = replace(found.layer, diff_id=Digest.of(b""))
        for other in (
            replace(found, json=found.json + b" "),
            replace(found, layer=layer),
            replace(found, ancestry=(B, T)),
        ):
            work = self.registry.images.publish(NAME, other)
            self.fails(ImageExists, work)
        self.assertEqual(self.find(BASE), found)

    def test_image_of_a_manifest_is_there_as_long_as_that_is(self) -> None:
        image = oci_image([tar(a="1")])
        digest = self.push_oci(image, images.LATEST)
        self.derived(image.top)
        self.assertTrue(self.has(image.top))
        self.result(self.registry.manifests.forget(NAME, digest))
        self.assertFalse(self.has(image.top))

    def test_repositories_that_have_it_are_found(self) -> None:
        nested = RepositoryName(f"{NAME}/nested")
        for name in (NAME, OTHER, nested):
            self.push_images(BASE, name=name)
        self.put(f"{keys.images(B)}Strange/_record", b"x")
        found = self.result(self.registry.images.repositories(B))
        self.assertEqual(set(found), {NAME, OTHER, nested})

    def test_repositories_of_another_image_are_not(self) -> None:
        self.push_images(BASE)
        self.assertEqual(self.result(self.registry.images.repositories(T)), [])
