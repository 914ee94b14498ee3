"""Tests of ``txregistry/registry/schema2forms.py``."""

import gzip
from collections.abc import Collection

from twisted.logger import capturedLogs

from tests.registry import images
from tests.registry.case import NAME, OTHER
from tests.registry.content import image as plain_manifest
from tests.registry.images import ENGINE, LATEST, gzipped, oci_image, platforms, tar
from tests.registry.images import zstandard as zstd
from txregistry.model.descriptors import (
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
)
from txregistry.model.digest import Digest
from txregistry.model.engines import Engine
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.manifests import StoredManifest
from txregistry.storage import keys

TARS = (tar(one="1"), tar(two="2"))
GZIP = oci_image(TARS)
ZSTD = oci_image(TARS, zstd)
ARM = oci_image(TARS[:1], zstd, {"architecture": "arm64"})
INDEX = platforms(OCI_INDEX, amd64=ZSTD, arm64=ARM)
OLD = (DOCKER_MANIFEST, DOCKER_LIST)
ARM_ENGINE = Engine("1.12.6", None, None, "linux", "arm64")


class FormCase(images.ImageTestCase):
    def choose(
        self,
        *accepted: str,
        engine: Engine = ENGINE,
        tag: Tag = LATEST,
        name: RepositoryName = NAME,
    ) -> StoredManifest:
        """Ask for a tag."""
        found = self.result(self.registry.manifests.find(name, tag))
        return self.choose_of(found, accepted, engine, name)

    def choose_of(
        self,
        found: StoredManifest,
        accepted: Collection[str],
        engine: Engine = ENGINE,
        name: RepositoryName = NAME,
    ) -> StoredManifest:
        """Give the form of a manifest."""
        work = self.registry.forms.choose(name, found, accepted, engine)
        return self.result(work)

    def forms(self) -> set[Digest]:
        """Give all manifests of the repository."""
        return set(self.result(self.registry.manifests.all(NAME)))


class ImageTests(FormCase):
    def test_what_is_accepted_is_given_as_it_is(self) -> None:
        self.push_oci(ZSTD, LATEST)
        found = self.choose(OCI_MANIFEST, *OLD)
        self.assertEqual(found.data, ZSTD.manifest)
        self.assertEqual(self.forms(), {ZSTD.digest})

    def test_what_is_of_schema_2_already_is_given_as_it_is(self) -> None:
        self.push_images(images.BASE)
        self.point(images.BASE)
        before = self.forms()
        self.assertEqual({self.choose(*OLD).digest}, before)

    def test_other_engines_get_schema_2(self) -> None:
        self.push_oci(GZIP, LATEST)
        found = self.choose(*OLD)
        self.assertEqual(found.media_type, DOCKER_MANIFEST)
        self.assertEqual(found.digest, Digest.of(found.data))

    def test_content_stays_the_same(self) -> None:
        self.push_oci(GZIP, LATEST)
        self.assertEqual(
            [each.digest for each in self.choose(*OLD).parse().blobs],
            list(map(Digest.of, (GZIP.config, *GZIP.layers))),
        )

    def test_layers_in_zstd_are_made_in_gzip(self) -> None:
        self.push_oci(ZSTD, LATEST)
        config, *layers = self.choose(*OLD).parse().blobs
        self.assertEqual(config.digest, Digest.of(ZSTD.config))
        for layer, data in zip(layers, TARS, strict=True):
            self.assertEqual(layer.media_type, DOCKER_LAYER)
            found = self.pull_blob(layer.digest)
            self.assertEqual((len(found), gzip.decompress(found)), (layer.size, data))

    def test_form_can_be_asked_for_by_its_digest(self) -> None:
        self.push_oci(ZSTD, LATEST)
        found = self.choose(*OLD)
        again = self.result(self.registry.manifests.find(NAME, found.digest))
        self.assertEqual(again, found)

    def test_form_is_made_once(self) -> None:
        self.push_oci(ZSTD, LATEST)
        first = self.choose(*OLD)
        self.registry = self.make_registry()
        self.assertEqual(self.choose(*OLD), first)
        self.assertEqual(self.forms(), {ZSTD.digest, first.digest})

    def test_form_is_its_repository_s(self) -> None:
        self.push_oci(ZSTD, LATEST)
        self.push_oci(ZSTD, LATEST, name=OTHER)
        form = self.choose(*OLD)
        self.assertFalse(self.result(self.registry.manifests.holds(OTHER, form.digest)))
        self.assertEqual(self.choose(*OLD, name=OTHER).digest, form.digest)

    def test_form_whose_layer_was_deleted_is_made_again(self) -> None:
        self.push_oci(ZSTD, LATEST)
        layer = self.choose(*OLD).parse().blobs[1].digest
        self.result(self.registry.blobs.unlink(NAME, layer))
        again = self.choose(*OLD).parse().blobs[1].digest
        self.assertEqual(gzip.decompress(self.pull_blob(again)), TARS[0])

    def test_damaged_layer_leaves_it_as_it_is(self) -> None:
        broken = oci_image(TARS, lambda data: zstd(data)[:-1])
        self.push_oci(broken, LATEST)
        with capturedLogs():
            self.assertEqual(self.choose(*OLD).data, broken.manifest)
        self.assertEqual(self.forms(), {broken.digest})

    def test_layer_that_is_gone_leaves_it_as_it_is(self) -> None:
        self.push_oci(GZIP, LATEST)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(GZIP.layers[0])))
        self.assertEqual(self.choose(*OLD).data, GZIP.manifest)

    def test_artifact_stays_as_it_is(self) -> None:
        self.push_blobs()
        data = plain_manifest().replace(b"image.config", b"thing.config")
        self.push(data, LATEST)
        self.assertEqual(self.choose(*OLD).data, data)

    def test_who_accepts_nothing_known_gets_what_is_there(self) -> None:
        self.push_oci(ZSTD, LATEST)
        self.assertEqual(self.choose("text/html").data, ZSTD.manifest)


class IndexTests(FormCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_oci(ZSTD)
        self.push_oci(ARM)
        self.push(INDEX, LATEST)

    def check(self, found: StoredManifest) -> None:
        """Expect a list whose images are all there."""
        self.assertEqual(found.media_type, DOCKER_LIST)
        for child in found.parse().children:
            form = self.result(self.registry.manifests.find(NAME, child.digest))
            self.assertEqual(form.media_type, DOCKER_MANIFEST)
            self.assertEqual(form.size, child.size)
            for blob in form.parse().blobs:
                self.pull_blob(blob.digest)

    def test_who_knows_lists_gets_one(self) -> None:
        found = self.choose(*OLD)
        self.check(found)
        self.assertEqual(len(found.parse().children), 2)

    def test_who_knows_no_lists_gets_the_image_of_its_platform(self) -> None:
        for engine, image in ((ENGINE, ZSTD), (ARM_ENGINE, ARM)):
            found = self.choose(DOCKER_MANIFEST, engine=engine)
            self.assertEqual(found.media_type, DOCKER_MANIFEST)
            config = found.parse().blobs[0].digest
            self.assertEqual(config, Digest.of(image.config))

    def test_who_knows_only_oci_images_gets_the_one_of_its_platform(self) -> None:
        self.assertEqual(self.choose(OCI_MANIFEST).data, ZSTD.manifest)

    def test_who_runs_on_no_platform_of_it_gets_what_is_there(self) -> None:
        engine = Engine(None, None, None, "linux", "s390x")
        found = self.choose(DOCKER_MANIFEST, engine=engine)
        self.assertEqual(found.data, INDEX)

    def test_image_that_is_gone_is_left_out(self) -> None:
        self.result(self.registry.acceptance.delete(NAME, ARM.digest))
        found = self.choose(*OLD)
        self.check(found)
        self.assertEqual(len(found.parse().children), 1)

    def test_image_that_came_back_is_in_it(self) -> None:
        self.check(self.choose(*OLD))
        self.result(self.registry.acceptance.delete(NAME, ARM.digest))
        self.push_oci(ARM)
        found = self.choose(*OLD)
        self.check(found)
        self.assertEqual(len(found.parse().children), 2)

    def test_image_that_went_is_no_longer_in_it(self) -> None:
        self.check(self.choose(*OLD))
        self.result(self.registry.acceptance.delete(NAME, ARM.digest))
        self.check(self.choose(*OLD))

    def test_index_of_nothing_stays_as_it_is(self) -> None:
        for image in (ZSTD, ARM):
            self.result(self.registry.acceptance.delete(NAME, image.digest))
        self.assertEqual(self.choose(*OLD).data, INDEX)


class DeletionTests(FormCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_oci(ZSTD, LATEST)
        self.form = self.choose(*OLD).digest

    def test_form_goes_with_its_manifest(self) -> None:
        self.result(self.registry.acceptance.delete(NAME, ZSTD.digest))
        self.assertEqual(self.forms(), set())

    def test_form_that_a_tag_points_to_stays(self) -> None:
        manifest = self.result(self.registry.manifests.find(NAME, self.form))
        self.push(manifest.data, Tag("mine"))
        self.result(self.registry.acceptance.delete(NAME, ZSTD.digest))
        self.assertEqual(self.forms(), {self.form})
        self.assertEqual(self.tags(), ["mine"])

    def test_form_stays_with_its_tag(self) -> None:
        self.result(self.registry.acceptance.delete(NAME, LATEST))
        self.assertEqual(self.forms(), {ZSTD.digest, self.form})

    def test_form_that_was_deleted_is_made_again(self) -> None:
        self.result(self.registry.acceptance.delete(NAME, self.form))
        self.assertEqual(self.choose(*OLD).digest, self.form)

    def test_nothing_remembers_it_afterwards(self) -> None:
        self.result(self.registry.acceptance.delete(NAME, ZSTD.digest))
        key = keys.schema2_form(NAME, ZSTD.digest)
        self.assertNotIn(key, self.keys())

    def test_form_of_a_form_of_the_same_image_is_shared(self) -> None:
        again = oci_image(TARS, gzipped)
        self.push_oci(again, Tag("again"))
        self.choose(*OLD, tag=Tag("again"))
        self.result(self.registry.acceptance.delete(NAME, ZSTD.digest))
        found = self.choose(*OLD, tag=Tag("again"))
        self.assertEqual(found.media_type, DOCKER_MANIFEST)
        self.assertTrue(self.result(self.registry.manifests.holds(NAME, found.digest)))
