"""Tests of ``txregistry/model/descriptors.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.descriptors import OCI_MANIFEST, Descriptor
from txregistry.model.digest import Digest

DIGEST = Digest.of(b"content")


class DescriptorTests(SynchronousTestCase):
    def test_json_of_the_least(self) -> None:
        self.assertEqual(
            Descriptor(OCI_MANIFEST, DIGEST, 7).to_json(),
            {"mediaType": OCI_MANIFEST, "digest": str(DIGEST), "size": 7},
        )

    def test_json_has_the_artifact_type(self) -> None:
        document = Descriptor(OCI_MANIFEST, DIGEST, 7, artifact_type="a/b").to_json()
        self.assertEqual(document["artifactType"], "a/b")

    def test_json_has_annotations(self) -> None:
        document = Descriptor(OCI_MANIFEST, DIGEST, 7, None, {"a": "b"}).to_json()
        self.assertEqual(document["annotations"], {"a": "b"})

    def test_foreign_layers_are_not_distributable(self) -> None:
        kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        self.assertTrue(Descriptor(kind, DIGEST, 7).is_nondistributable)

    def test_nondistributable_layers_are_not_distributable(self) -> None:
        kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
        self.assertTrue(Descriptor(kind, DIGEST, 7).is_nondistributable)

    def test_layers_are_distributable(self) -> None:
        kind = "application/vnd.oci.image.layer.v1.tar+gzip"
        self.assertFalse(Descriptor(kind, DIGEST, 7).is_nondistributable)
