"""Pushes of version 1 that run at the same time as others."""

from hypothesis import given

from tests.registry import images, interleaving
from tests.registry.case import NAME
from tests.registry.images import LATEST, oci_image, tar
from tests.registry.interleaving import MANY, ORDERS
from tests.web.v1.images import BASE, TOP, V1Image
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageExists, ImageUnknown
from txregistry.model.images import ImageId
from txregistry.registry.scopes import Scope
from txregistry.streams import BytesReader

BASE_ID = ImageId(BASE.image_id)
OTHER = V1Image(BASE.image_id, BASE.json + b" ", TOP.layer)
IMAGE = oci_image([tar(one="1"), tar(two="2")], images.zstandard)


class ImageInterleavingTests(interleaving.InterleavingTestCase, images.ImageTestCase):
    async def push_as(self, owner: str, image: V1Image) -> bool:
        """Push an image, and say whether that was acknowledged."""
        uploads = self.registry.image_uploads
        scope, image_id = Scope((NAME,), owner), ImageId(image.image_id)
        try:
            await uploads.begin(scope, image_id, image.json, None)
            layer = BytesReader(image.layer)
            await uploads.take_layer(scope, image_id, layer, len(image.layer))
            await uploads.finish(scope, image_id, image.payload, None)
        except ImageExists:
            return False
        return True

    def check(self, image: V1Image) -> None:
        """Expect an image to be there as it was pushed."""
        found = self.find(image)
        self.assertEqual(found.json, image.json)
        self.assertEqual(self.pull_blob(found.layer.digest), image.layer)

    @MANY
    @given(ORDERS)
    def test_two_images_of_one_id_become_one_of_them(self, order: list[int]) -> None:
        self.setUp()
        results = self.run_all(
            order,
            lambda: self.push_as("one", BASE),
            lambda: self.push_as("two", OTHER),
        )
        self.assertEqual(sorted(map(bool, results)), [False, True])
        self.check(BASE if results[0] else OTHER)

    @MANY
    @given(ORDERS)
    def test_one_image_pushed_twice_is_whole(self, order: list[int]) -> None:
        self.setUp()
        self.run_all(
            order,
            lambda: self.push_as("one", BASE),
            lambda: self.push_as("two", BASE),
        )
        self.check(BASE)

    @MANY
    @given(ORDERS)
    def test_image_that_was_acknowledged_survives_expiry(
        self, order: list[int]
    ) -> None:
        self.setUp()
        (pushed, _) = self.run_all(
            order,
            lambda: self.push_as("one", BASE),
            lambda: self.registry.image_states.expire(0),
        )
        if pushed is True:
            self.check(BASE)

    @MANY
    @given(ORDERS)
    def test_image_derived_twice_at_once_is_whole(self, order: list[int]) -> None:
        self.setUp()
        self.push_oci(IMAGE, LATEST)
        derived = self.registry.derived
        self.run_all(order, *[lambda: derived.ancestry(NAME, IMAGE.top, "amd64")] * 2)
        chain = self.result(self.registry.images.chain(NAME, IMAGE.top))
        self.assertEqual(
            [each.layer.digest for each in chain], list(map(Digest.of, IMAGE.layers))
        )

    @MANY
    @given(ORDERS)
    def test_image_derived_while_it_is_deleted_is_gone(self, order: list[int]) -> None:
        self.setUp()
        self.push_oci(IMAGE, LATEST)
        self.run_all(
            order,
            lambda: self.registry.derived.find(NAME, IMAGE.top, "amd64"),
            lambda: self.registry.acceptance.delete(NAME, IMAGE.digest),
        )
        work = self.registry.derived.find(NAME, IMAGE.top, "amd64")
        self.fails(ImageUnknown, work)

    @MANY
    @given(ORDERS)
    def test_layer_made_in_gzip_by_many_is_one(self, order: list[int]) -> None:
        self.setUp()
        digest = self.push_blob(IMAGE.layers[0])
        blob = self.result(self.registry.blobs.find(NAME, digest))
        results = self.run_all(
            order, *[lambda: self.registry.transcoding.make(NAME, blob)] * 3
        )
        self.assertEqual(len(set(map(str, results))), 1)
