"""Tests of ``txregistry/registry/imagefiles.py``: Docker Registry API v1, 3.8."""

import bz2
import json
import lzma

from twisted.internet.defer import Deferred

from tests.registry import images
from tests.registry.case import NAME
from tests.registry.images import BASE, LATEST, TOP, V1Image, oci_image, plain, tar
from tests.registry.images import zstandard as zstd
from tests.registry.interleaving import Queue
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, ImageInvalid, ImageUnknown
from txregistry.registry import imagefiles
from txregistry.registry.images import Image
from txregistry.registry.repositories import Registry


class FilesCase(images.ImageTestCase):
    def image(self, data: bytes) -> Image:
        """Push an image of a layer."""
        image = V1Image(BASE.image_id, BASE.json, data)
        self.push_images(image)
        return self.find(image)

    def files(self, image: Image) -> list[list[object]]:
        """List what is in its layer."""
        found: list[list[object]] = json.loads(
            self.result(self.registry.image_files.files(NAME, image))
        )
        return found

    def diff(self, image: Image) -> dict[str, dict[str, object]]:
        """Say what its layer does."""
        found: dict[str, dict[str, object]] = json.loads(
            self.result(self.registry.image_files.diff(NAME, image))
        )
        return found


class FilesTests(FilesCase):
    def test_files_are_listed(self) -> None:
        found = self.files(self.image(tar(one="12345")))
        self.assertEqual(found, [["/one", "f", False, 5, 0, 420, 0, 0]])

    def test_every_compression_is_read(self) -> None:
        for pack in (plain, bz2.compress, lzma.compress):
            self.setUp()
            found = self.files(self.image(pack(tar(one="1"))))
            self.assertEqual([each[0] for each in found], ["/one"])

    def test_derived_image_has_files(self) -> None:
        image = oci_image([tar(one="1")], zstd)
        self.push_oci(image, LATEST)
        found = self.files(self.derived(image.top))
        self.assertEqual([each[0] for each in found], ["/one"])

    def test_layer_that_is_no_archive_is_refused(self) -> None:
        image = self.image(b"no archive at all")
        failure = self.fails(ImageInvalid, self.registry.image_files.files(NAME, image))
        self.assertEqual(failure.message, "Layer format not supported")

    def test_layer_of_too_many_entries_is_refused(self) -> None:
        self.patch(imagefiles, "_ENTRIES", 2)
        image = self.image(tar(one="1", two="2", three="3"))
        self.fails(ImageInvalid, self.registry.image_files.files(NAME, image))

    def test_layer_that_unpacks_to_too_much_is_refused(self) -> None:
        image = self.image(bz2.compress(tar(one="1")))
        self.patch(imagefiles, "_UNPACKED", 1000)
        self.fails(ImageInvalid, self.registry.image_files.files(NAME, image))

    def test_layer_that_is_gone_is_unknown(self) -> None:
        image = self.image(tar(one="1"))
        self.result(self.registry.blobs.unlink(NAME, image.layer.digest))
        self.fails(BlobUnknown, self.registry.image_files.files(NAME, image))

    def test_failures_take_no_slot(self) -> None:
        image = self.image(b"no archive at all")
        for _ in range(4):
            self.fails(ImageInvalid, self.registry.image_files.files(NAME, image))

    def test_two_look_at_a_time(self) -> None:
        image = self.image(tar(one="1"))
        queue = Queue()
        self.registry = Registry(self.store, self.clock, queue)
        queue.waits = True
        files = self.registry.image_files
        asked = [Deferred.fromCoroutine(files.files(NAME, image)) for _ in range(4)]
        self.assertEqual(len(queue), 2)
        while len(queue):
            queue.do(0)
        for each in asked:
            self.successResultOf(each)


class DiffTests(FilesCase):
    def push_two(self, below: bytes, above: bytes) -> Image:
        """Push an image of two layers."""
        base = V1Image(BASE.image_id, BASE.json, below)
        top = V1Image(TOP.image_id, TOP.json, above)
        self.push_images(base, top)
        return self.find(top)

    def test_new_files_are_created(self) -> None:
        found = self.diff(self.push_two(tar(one="1"), tar(two="22")))
        self.assertEqual(
            found,
            {
                "created": {"/two": ["f", False, 2, 0, 420, 0, 0]},
                "changed": {},
                "deleted": {},
            },
        )

    def test_files_that_were_there_are_changed(self) -> None:
        found = self.diff(self.push_two(tar(one="1"), tar(one="22")))
        self.assertEqual(list(found["changed"]), ["/one"])

    def test_files_of_the_base_are_deleted(self) -> None:
        above = tar(**{".wh.one": ""})
        found = self.diff(self.push_two(tar(one="1"), above))
        self.assertEqual(list(found["deleted"]), ["/one"])

    def test_base_creates_everything(self) -> None:
        found = self.diff(self.image(tar(one="1")))
        self.assertEqual(list(found["created"]), ["/one"])

    def test_all_layers_together_have_a_limit(self) -> None:
        top = self.push_two(tar(one="1", two="2"), tar(three="3", four="4"))
        self.patch(imagefiles, "_ENTRIES", 3)
        self.fails(ImageInvalid, self.registry.image_files.diff(NAME, top))

    def test_image_without_its_base_is_unknown(self) -> None:
        top = self.push_two(tar(one="1"), tar(two="2"))
        self.result(self.registry.blobs.unlink(NAME, Digest.of(tar(one="1"))))
        self.fails(ImageUnknown, self.registry.image_files.diff(NAME, top))
