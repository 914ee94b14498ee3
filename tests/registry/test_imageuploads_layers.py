"""Tests of ``txregistry/registry/imageuploads.py``: layers."""

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.contracts.storecase import BrokenOff, BrokenReader
from tests.registry import uploading
from tests.registry.case import NAME
from tests.registry.images import BASE
from tests.registry.uploading import OTHER_LAYER, B
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    ChecksumInvalid,
    ContentTooLarge,
    ImageExists,
    ImageInProgress,
    ImageInvalid,
    ImageUnknown,
)
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.streams import BytesReader, IReader
from txregistry.tasks import at_once


@implementer(IReader)
class WaitingReader:
    """Give nothing until one says so."""

    def __init__(self) -> None:
        self.waiting: Deferred[bytes] = Deferred()

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        del limit
        data, self.waiting = await self.waiting, Deferred()
        return data

    async def close(self) -> None:
        """See `IReader`."""


class LayerTests(uploading.UploadTestCase):
    def test_without_json_the_image_is_unknown(self) -> None:
        self.assertIsInstance(self.take(BytesReader(BASE.layer)), ImageUnknown)

    def test_image_that_is_complete_exists(self) -> None:
        self.push_images(BASE)
        self.assertIsInstance(self.take(BytesReader(BASE.layer)), ImageExists)

    def test_image_in_progress_of_another_owner_is_unknown(self) -> None:
        self.put_json(BASE, self.scope(owner="somebody else"))
        self.assertIsInstance(self.take(BytesReader(BASE.layer)), ImageUnknown)

    def test_image_is_not_visible_yet(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        self.assertFalse(self.has(B))
        self.assertFalse(
            self.result(self.registry.blobs.holds(NAME, Digest.of(BASE.layer)))
        )

    def test_second_layer_replaces_the_first(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE, data=OTHER_LAYER)
        self.put_layer(BASE)
        self.put_checksum(BASE)
        self.assertEqual(self.pull_blob(Digest.of(BASE.layer)), BASE.layer)

    def test_layer_that_breaks_off_can_be_sent_again(self) -> None:
        self.put_json(BASE)
        self.assertIsInstance(
            self.take(BrokenReader(BASE.layer[:20], BrokenOff())), BrokenOff
        )
        self.put_layer(BASE)
        self.put_checksum(BASE)
        self.assertEqual(self.pull_blob(Digest.of(BASE.layer)), BASE.layer)

    def test_layer_that_breaks_off_takes_the_one_before_with_it(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        self.take(BrokenReader(BASE.layer[:20], BrokenOff()))
        self.assertIsInstance(self.finished(BASE.payload, None), ChecksumInvalid)

    def test_nothing_is_left_of_a_layer_that_breaks_off(self) -> None:
        self.put_json(BASE)
        self.take(BrokenReader(BASE.layer[:20], BrokenOff()))
        self.assertEqual(self.keys(keys.image_uploads()), (keys.image_upload("me", B),))

    def test_empty_layer_is_refused(self) -> None:
        self.put_json(BASE)
        self.assertIsInstance(self.take(BytesReader(b"")), ImageInvalid)

    def test_layer_that_is_cut_off_is_refused(self) -> None:
        self.put_json(BASE)
        for data in (BASE.layer[:-1], BASE.layer[:3], BASE.layer + b"x"):
            self.assertIsInstance(self.take(BytesReader(data)), ImageInvalid)

    def test_layer_at_the_limit_is_taken_and_no_larger_one(self) -> None:
        for limit, fits in ((len(BASE.layer), True), (len(BASE.layer) - 1, False)):
            for expected in (None, len(BASE.layer)):
                self.setUp()
                self.registry = Registry(
                    self.store, self.clock, at_once, layer_limit=limit
                )
                self.put_json(BASE)
                if fits:
                    self.put_layer(BASE)
                else:
                    failure = self.take(BytesReader(BASE.layer), expected)
                    self.assertIsInstance(failure, ContentTooLarge)

    def test_layer_comes_in_once_at_a_time(self) -> None:
        self.put_json(BASE)
        reader = WaitingReader()
        uploads = self.registry.image_uploads
        first = Deferred.fromCoroutine(
            uploads.take_layer(self.scope(), B, reader, None)
        )
        self.assertIsInstance(self.take(BytesReader(BASE.layer)), ImageInProgress)
        self.begin(BASE.json)
        self.assertIsInstance(self.refused, ImageInProgress)
        self.assertIsInstance(self.finished(BASE.payload, None), ImageInProgress)
        reader.waiting.callback(BASE.layer)
        reader.waiting.callback(b"")
        self.successResultOf(first)
        self.put_checksum(BASE)
        self.assertTrue(self.has(B))

    def test_two_owners_do_not_disturb_each_other(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        scope = self.scope(owner="somebody else")
        self.put_json(BASE, scope)
        self.put_layer(BASE, scope, OTHER_LAYER)
        self.put_checksum(BASE)
        self.assertEqual(self.pull_blob(Digest.of(BASE.layer)), BASE.layer)
