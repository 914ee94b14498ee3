"""The registry after its store failed, or its process ended, before any write."""

import contextlib
import gzip
from collections.abc import Callable
from typing import Final

from tests.registry import images
from tests.registry.case import NAME, V1
from tests.registry.faulty import FaultyStore, Killed
from tests.registry.images import (
    BASE,
    ENGINE,
    LATEST,
    TOP,
    V1Image,
    oci_image,
    platforms,
    tar,
    zstandard,
)
from txregistry.model.descriptors import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    ChecksumInvalid,
    ChecksumUnexpected,
    ImageExists,
    TagUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.names import Tag
from txregistry.registry.manifests import StoredManifest
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable

BASE_ID, TOP_ID = ImageId(BASE.image_id), ImageId(TOP.image_id)
TARS: Final = (tar(one="1"), tar(two="2" * 1000))
ZSTD = oci_image(TARS, zstandard)
ARM = oci_image(TARS[:1], zstandard, {"architecture": "arm64"})
INDEX = platforms(OCI_INDEX, amd64=ZSTD, arm64=ARM)

Step = Callable[[], object]


class KillCase(images.RaisingCase):
    """Break work off in its middle. Inherit as ``KillCase``."""

    def make_store(self) -> IObjectStore:
        """Make a store that can fail."""
        self.faulty = FaultyStore(self.clock)
        return self.faulty

    def worked(self, step: Step) -> bool:
        """Say whether something worked."""
        try:
            step()
        except (Killed, StorageUnavailable):
            return False
        finally:
            self.flushLoggedErrors(Killed, StorageUnavailable)
        return True

    def break_everywhere(self, prepare: Step, step: Step, check: Step) -> None:
        """Check what is left of some work, wherever it breaks off; then do it again.

        Args:
            prepare: What is done before.
            step: The work.
            check: What is true however far the work came.
        """
        for kills in (True, False):
            write = 0
            failed = True
            while failed:
                write += 1
                self.setUp()
                prepare()
                self.faulty.fail_before(write, kills=kills)
                worked = self.worked(step)
                failed = self.faulty.failed
                self.assertTrue(worked or failed)
                self.faulty.heal()
                if kills:
                    self.registry = self.make_registry()
                check()
                step()
                check()
            self.assertGreater(write, 2)

    def nothing(self) -> None:
        """Do nothing."""


class PushTests(KillCase):
    def push_both(self) -> None:
        """Push two images as engines do, which skip those that exist."""
        self.acknowledged: list[V1Image] = []
        for image in (BASE, TOP):
            with contextlib.suppress(ImageExists):
                self.put_json(image)
                self.put_layer(image)
                self.put_checksum(image)
            self.acknowledged.append(image)

    def check(self) -> None:
        """Expect images to be whole or not there."""
        for image in (BASE, TOP):
            if self.has(image.image_id):
                found = self.find(image)
                self.assertEqual(found.json, image.json)
                self.assertEqual(self.pull_blob(found.layer.digest), image.layer)
        if self.has(TOP_ID) and self.has(BASE_ID):
            self.result(self.registry.images.chain(NAME, TOP_ID))
        for image in self.acknowledged:
            self.assertTrue(self.has(image.image_id))

    def test_push(self) -> None:
        self.break_everywhere(self.nothing, self.push_both, self.check)
        self.assertTrue(self.has(TOP_ID))

    def test_nothing_is_left_of_uploads(self) -> None:
        def check() -> None:
            if all(map(self.has, (BASE_ID, TOP_ID))):
                self.push_both()
                self.assertEqual(self.keys(keys.image_uploads()), ())

        self.break_everywhere(self.nothing, self.push_both, check)

    def test_push_of_another_layer(self) -> None:
        def prepare() -> None:
            self.put_json(BASE)
            self.put_layer(BASE, data=TOP.layer)

        def check() -> None:
            before = V1Image(BASE.image_id, BASE.json, TOP.layer)
            for image in (before, BASE):
                try:
                    self.put_checksum(image)
                except (ChecksumInvalid, ChecksumUnexpected):
                    continue
                digest = self.find(image).layer.digest
                self.assertEqual(digest, Digest.of(image.layer))

        def push() -> None:
            with contextlib.suppress(ImageExists):
                self.put_layer(BASE)

        self.break_everywhere(prepare, push, check)

    def test_push_of_what_was_deleted(self) -> None:
        def prepare() -> None:
            self.push_both()
            self.result(self.registry.blobs.unlink(NAME, Digest.of(BASE.layer)))
            self.acknowledged = []

        self.break_everywhere(prepare, self.push_both, self.check)
        self.result(self.registry.images.chain(NAME, TOP_ID))


class TagTests(KillCase):
    def prepare(self) -> None:
        """Push two images."""
        for image in (BASE, TOP):
            self.push_images(image)

    def check(self) -> None:
        """Expect the tag to lead to a whole image, or to nothing."""
        try:
            found = self.named()
        except TagUnknown:
            self.assertEqual(self.tags(), [])
            return
        self.assertIn(found, (BASE_ID, TOP_ID))
        manifest = self.result(self.registry.manifests.find(NAME, LATEST))
        for blob in manifest.parse().blobs:
            self.assertEqual(len(self.pull_blob(blob.digest)), blob.size)

    def test_tag(self) -> None:
        self.break_everywhere(self.prepare, lambda: self.point(TOP), self.check)
        self.assertEqual(self.named(), TOP_ID)

    def test_moving_a_tag(self) -> None:
        def prepare() -> None:
            self.prepare()
            self.point(BASE)

        def check() -> None:
            self.assertEqual(self.tags(), ["latest"])
            self.check()

        self.break_everywhere(prepare, lambda: self.point(TOP), check)
        self.assertEqual(self.named(), TOP_ID)

    def test_removing_a_tag(self) -> None:
        def prepare() -> None:
            self.prepare()
            self.point(TOP)

        def remove() -> None:
            with contextlib.suppress(TagUnknown):
                self.result(self.registry.image_tags.remove(NAME, LATEST))

        self.break_everywhere(prepare, remove, self.check)
        self.assertEqual(self.tags(), [])

    def test_removing_all(self) -> None:
        def prepare() -> None:
            self.prepare()
            self.point(TOP)
            self.point(BASE, V1)
            self.push_oci(ZSTD, Tag("other"))

        def remove() -> None:
            self.result(self.registry.image_tags.remove_all(NAME))

        def check() -> None:
            for image in (BASE, TOP):
                self.assertTrue(self.has(image.image_id))

        self.break_everywhere(prepare, remove, check)
        self.assertEqual(self.keys(keys.manifests(NAME)), ())


class DerivationTests(KillCase):
    def test_derivation(self) -> None:
        def derive() -> None:
            work = self.registry.derived.ancestry(NAME, ZSTD.top, "amd64")
            self.assertEqual(len(self.result(work)), 2)

        def check() -> None:
            if self.has(ZSTD.top):
                chain = self.result(self.registry.images.chain(NAME, ZSTD.top))
                self.assertEqual(
                    [each.layer.digest for each in chain],
                    list(map(Digest.of, ZSTD.layers)),
                )

        self.break_everywhere(lambda: self.push_oci(ZSTD, LATEST), derive, check)

    def test_derivation_of_an_image_without_layers(self) -> None:
        image = oci_image(())

        def check() -> None:
            if self.has(image.top):
                self.pull_blob(self.derived(image.top).layer.digest)

        self.break_everywhere(
            lambda: self.push_oci(image, LATEST),
            lambda: self.derived(image.top),
            check,
        )


class TranscodingTests(KillCase):
    def prepare(self) -> None:
        """Push a layer."""
        self.push_blob(ZSTD.layers[1])

    def make(self) -> None:
        """Make it in gzip; that it cannot be made is told by the work's own failure."""
        blob = self.result(self.registry.blobs.find(NAME, Digest.of(ZSTD.layers[1])))
        self.result(self.registry.transcoding.make(NAME, blob))

    def worked(self, step: Step) -> bool:
        """Say whether something worked."""
        try:
            return super().worked(step)
        except BlobUnknown:  # what broke it off went into the log
            return False

    def check(self) -> None:
        """Expect the layer in gzip to be whole, or not to be."""
        blob = self.result(self.registry.blobs.find(NAME, Digest.of(ZSTD.layers[1])))
        made = self.result(self.registry.transcoding.find(NAME, blob))
        if made is not None:
            self.assertEqual(gzip.decompress(self.pull_blob(made.stored)), TARS[1])

    def test_transcoding(self) -> None:
        self.break_everywhere(self.prepare, self.make, self.check)


class FormTests(TranscodingTests):
    def prepare(self) -> None:
        """Push an index."""
        self.push_oci(ARM)
        self.push_oci(ZSTD)
        self.push(INDEX, LATEST)

    def make(self) -> None:
        """Ask for it as engines of 1.10 do."""
        found = self.result(self.registry.manifests.find(NAME, LATEST))
        work = self.registry.forms.choose(
            NAME, found, {DOCKER_MANIFEST, DOCKER_LIST}, ENGINE
        )
        self.form: StoredManifest = self.result(work)
        self.check_whole(self.form)

    def check_whole(self, manifest: StoredManifest) -> None:
        """Expect all that a manifest names to be there."""
        parsed = manifest.parse()
        for blob in parsed.blobs:
            self.assertEqual(len(self.pull_blob(blob.digest)), blob.size)
        for child in parsed.children:
            work = self.registry.manifests.find(NAME, child.digest)
            self.check_whole(self.result(work))

    def check(self) -> None:
        """Expect every manifest to be whole."""
        for digest in self.result(self.registry.manifests.all(NAME)):
            self.check_whole(self.result(self.registry.manifests.find(NAME, digest)))
        self.assertEqual(self.tags(), ["latest"])

    def test_transcoding(self) -> None:
        self.break_everywhere(self.prepare, self.make, self.check)
        self.assertEqual(self.form.media_type, DOCKER_LIST)

    def test_forms_go_with_what_they_were_made_of(self) -> None:
        def check() -> None:
            for digest in (Digest.of(INDEX), ZSTD.digest, ARM.digest):
                self.result(self.registry.acceptance.delete(NAME, digest))
            self.assertEqual(self.result(self.registry.manifests.all(NAME)), [])
            self.prepare()

        self.break_everywhere(self.prepare, self.make, check)


class AnnouncementTests(KillCase):
    def test_adding(self) -> None:
        ids = [ImageId(f"{number:064x}") for number in range(17)]

        def prepare() -> None:
            for each in ids[:16]:
                self.result(self.registry.announcements.add(NAME, [each]))

        def add() -> None:
            self.result(self.registry.announcements.add(NAME, [ids[16]]))

        def check() -> None:
            found = self.result(self.registry.announcements.all(NAME))
            self.assertLessEqual(set(map(str, ids[:16])), set(found or []))

        self.break_everywhere(prepare, add, check)
