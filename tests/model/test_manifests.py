"""Tests of ``txregistry/model/manifests.py``."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.descriptors import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.manifests import Manifest, parse_manifest

FIRST = Digest.of(b"first")
SECOND = Digest.of(b"second")
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "schemaVersion",
                    "mediaType",
                    "config",
                    "layers",
                    "manifests",
                    "subject",
                    "digest",
                    "size",
                    "annotations",
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def descriptor(digest: Digest = FIRST, size: object = 5, **more: object) -> Any:
    """Describe some content."""
    return {"mediaType": CONFIG_TYPE, "digest": str(digest), "size": size, **more}


def image(**changes: object) -> dict[str, object]:
    """Make an image manifest; a change to None leaves a field out."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(),
        "layers": [descriptor(SECOND)],
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def index(**changes: object) -> dict[str, object]:
    """Make an image index, likewise."""
    usual = {"mediaType": OCI_INDEX, "manifests": [descriptor()]}
    return image(**{"config": None, "layers": None, **usual, **changes})


def parse(document: object, content_type: str | None = None) -> Manifest:
    """Parse a document."""
    return parse_manifest(json.dumps(document).encode(), content_type)


class AnythingTests(SynchronousTestCase):
    def check(self, data: bytes, content_type: str | None) -> None:
        try:
            manifest = parse_manifest(data, content_type)
        except ManifestInvalid:
            return
        self.assertEqual(manifest.is_index, not manifest.blobs)

    @given(st.binary(), st.none() | st.sampled_from((OCI_MANIFEST, OCI_INDEX)))
    def test_bytes_are_a_manifest_or_refused(
        self, data: bytes, content_type: str | None
    ) -> None:
        self.check(data, content_type)

    @given(JSON, st.none() | st.sampled_from((OCI_MANIFEST, OCI_INDEX)))
    def test_json_is_a_manifest_or_refused(
        self, document: object, content_type: str | None
    ) -> None:
        self.check(json.dumps(document).encode(), content_type)

    @given(
        st.sampled_from(sorted(image())),
        JSON,
        st.none() | st.text(max_size=20),
    )
    def test_one_wrong_field_is_refused_at_most(
        self, name: str, value: object, content_type: str | None
    ) -> None:
        self.check(json.dumps(image(**{name: value})).encode(), content_type)

    @given(JSON)
    def test_a_wrong_size_is_refused_at_most(self, size: object) -> None:
        self.check(json.dumps(image(config=descriptor(size=size))).encode(), None)


class ImageTests(SynchronousTestCase):
    def refuse(self, document: object, content_type: str | None = None) -> str:
        with self.assertRaises(ManifestInvalid) as raised:
            parse(document, content_type)
        return str(raised.exception)

    def test_blobs_are_config_and_layers(self) -> None:
        found = [blob.digest for blob in parse(image()).blobs]
        self.assertEqual(found, [FIRST, SECOND])

    def test_no_layers_are_fine(self) -> None:
        self.assertEqual(len(parse(image(layers=[])).blobs), 1)

    def test_type_comes_from_the_request(self) -> None:
        found = parse(image(mediaType=None), DOCKER_MANIFEST)
        self.assertEqual(found.media_type, DOCKER_MANIFEST)

    def test_type_comes_from_the_document(self) -> None:
        found = parse(image(mediaType=DOCKER_MANIFEST))
        self.assertEqual(found.media_type, DOCKER_MANIFEST)

    def test_without_any_type_it_is_of_oci(self) -> None:
        self.assertEqual(parse(image(mediaType=None)).media_type, OCI_MANIFEST)

    def test_parameters_of_the_type_are_ignored(self) -> None:
        found = parse(image(), f"{OCI_MANIFEST.upper()}; charset=utf-8")
        self.assertEqual(found.media_type, OCI_MANIFEST)

    def test_types_that_differ_are_refused(self) -> None:
        self.assertIn("must agree", self.refuse(image(), DOCKER_MANIFEST))

    def test_unknown_type_is_refused(self) -> None:
        self.assertIn("must be one of", self.refuse(image(mediaType=None), "text/x"))

    def test_schema_1_is_refused_by_its_name(self) -> None:
        for kind in SCHEMA1:
            self.assertIn("schema 1", self.refuse(image(), kind))

    def test_another_schema_version_is_refused(self) -> None:
        self.assertIn("schemaVersion", self.refuse(image(schemaVersion=1)))

    def test_missing_config_is_refused(self) -> None:
        self.refuse(image(config=None))

    def test_missing_layers_are_refused(self) -> None:
        self.refuse(image(layers=None))

    def test_manifests_beside_layers_are_refused(self) -> None:
        # CVE-2021-41190: a document must not be an image here and an index there.
        self.refuse(image(manifests=[descriptor()]))

    def test_malformed_digest_is_told_by_its_place(self) -> None:
        message = self.refuse(image(layers=[descriptor(digest="sha256:0")]))  # type: ignore[arg-type]  # wrong on purpose
        self.assertIn("layers[0]", message)

    def test_negative_size_is_refused(self) -> None:
        self.refuse(image(config=descriptor(size=-1)))

    def test_fraction_of_a_byte_is_refused(self) -> None:
        self.refuse(image(config=descriptor(size=1.5)))

    def test_deep_nesting_is_refused(self) -> None:
        with self.assertRaises(ManifestInvalid):
            parse_manifest(b'{"x":' + b"[" * 100_000, None)

    def test_unknown_fields_are_welcome(self) -> None:
        self.assertEqual(len(parse(image(somethingNew={"a": [1]})).blobs), 2)


class IndexTests(SynchronousTestCase):
    def refuse(self, document: object) -> None:
        with self.assertRaises(ManifestInvalid):
            parse(document)

    def test_children_are_its_manifests(self) -> None:
        found = parse(index())
        self.assertEqual([child.digest for child in found.children], [FIRST])

    def test_is_an_index(self) -> None:
        self.assertTrue(parse(index()).is_index)

    def test_list_of_docker_is_an_index(self) -> None:
        self.assertTrue(parse(index(mediaType=DOCKER_LIST)).is_index)

    def test_without_any_type_manifests_make_it_one(self) -> None:
        self.assertEqual(parse(index(mediaType=None)).media_type, OCI_INDEX)

    def test_may_be_empty(self) -> None:
        self.assertEqual(parse(index(manifests=[])).children, ())

    def test_missing_manifests_are_refused(self) -> None:
        self.refuse(index(manifests=None))

    def test_layers_beside_manifests_are_refused(self) -> None:
        self.refuse({**index(), "layers": [descriptor()]})

    def test_config_beside_manifests_is_refused(self) -> None:
        self.refuse({**index(), "config": descriptor()})


class SubjectTests(SynchronousTestCase):
    def test_of_an_image(self) -> None:
        subject = parse(image(subject=descriptor(SECOND))).subject
        assert subject is not None
        self.assertEqual(subject.digest, SECOND)

    def test_of_an_index(self) -> None:
        self.assertIsNotNone(parse(index(subject=descriptor())).subject)

    def test_docker_manifests_have_none(self) -> None:
        found = parse(image(mediaType=DOCKER_MANIFEST, subject=descriptor()))
        self.assertIsNone(found.subject)

    def test_malformed_one_is_refused(self) -> None:
        with self.assertRaises(ManifestInvalid):
            parse(image(subject={**descriptor(), "digest": "x"}))

    def test_artifact_type_is_its_own(self) -> None:
        self.assertEqual(parse(image(artifactType="a/b")).artifact_type, "a/b")

    def test_artifact_type_of_an_image_is_else_its_configs(self) -> None:
        self.assertEqual(parse(image()).artifact_type, CONFIG_TYPE)

    def test_artifact_type_of_an_index_is_else_none(self) -> None:
        self.assertIsNone(parse(index()).artifact_type)

    def test_annotations_are_kept(self) -> None:
        self.assertEqual(parse(image(annotations={"a": "b"})).annotations, {"a": "b"})
