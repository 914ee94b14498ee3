"""Tests of ``txregistry/model/schema2.py``."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.descriptors import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_TAR,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.manifests import parse_manifest
from txregistry.model.schema2 import (
    choose_platform,
    to_list,
    to_schema2,
)

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"
FIRST = Digest.of(b"first")
SECOND = Digest.of(b"second")
THIRD = Digest.of(b"third")


def entry(media_type: str, digest: Digest = FIRST, **more: object) -> dict[str, object]:
    """Describe some content."""
    return {"mediaType": media_type, "digest": str(digest), "size": 5, **more}


def image(*layers: dict[str, object], **more: object) -> bytes:
    """Make an image manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": entry(OCI_CONFIG),
        "layers": layers,
        **more,
    }
    return json.dumps(document).encode()


def child(digest: Digest, platform: object, kind: str = OCI_MANIFEST) -> Any:
    """Describe a member of an index, for a platform such as ``linux/arm/v7``."""
    if not isinstance(platform, str):
        return entry(kind, digest, platform=platform)
    names = ("os", "architecture", "variant")
    parts = dict(zip(names, platform.split("/"), strict=False))
    return entry(kind, digest, platform=parts)


def index(*children: object, **more: object) -> bytes:
    """Make an image index."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    return json.dumps({**document, **more}).encode()


def became(digest: Digest, kind: str = DOCKER_MANIFEST) -> Descriptor:
    """Say what a member became."""
    return Descriptor(kind, Digest.of(str(digest).encode()), 7)


class ImageTests(SynchronousTestCase):
    def refuse(self, document: bytes) -> None:
        with self.assertRaises(ManifestInvalid):
            to_schema2(document, {})

    def layers(self, document: bytes, **replaced: Descriptor) -> Any:
        replacements = {
            Digest.parse(f"sha256:{key}"): replaced[key] for key in replaced
        }
        return json.loads(to_schema2(document, replacements))["layers"]

    def test_it_is_written_as_docker_does(self) -> None:
        found = to_schema2(image(entry(f"{OCI_LAYER}+gzip", SECOND)), {})
        self.assertEqual(
            found.decode(),
            f"""{{
   "schemaVersion": 2,
   "mediaType": "{DOCKER_MANIFEST}",
   "config": {{
      "mediaType": "{DOCKER_CONFIG}",
      "size": 5,
      "digest": "{FIRST}"
   }},
   "layers": [
      {{
         "mediaType": "{DOCKER_LAYER}",
         "size": 5,
         "digest": "{SECOND}"
      }}
   ]
}}""",
        )

    def test_types_of_layers_are_mapped(self) -> None:
        for kind, expected in (
            (OCI_LAYER, DOCKER_TAR),
            (f"{OCI_LAYER}+gzip", DOCKER_LAYER),
            (OCI_FOREIGN, FOREIGN),
            (f"{OCI_FOREIGN}+gzip", f"{FOREIGN}.gzip"),
            (DOCKER_TAR, DOCKER_TAR),
            (DOCKER_LAYER, DOCKER_LAYER),
        ):
            (layer,) = self.layers(image(entry(kind)))
            self.assertEqual(layer["mediaType"], expected)

    def test_layers_stay_in_order(self) -> None:
        found = self.layers(image(*(entry(OCI_LAYER, each) for each in (THIRD, FIRST))))
        self.assertEqual([each["digest"] for each in found], [str(THIRD), str(FIRST)])

    def test_addresses_of_foreign_layers_are_kept(self) -> None:
        urls = ["https://example.com/a"]
        (layer,) = self.layers(image(entry(OCI_FOREIGN, urls=urls)))
        self.assertEqual(layer["urls"], urls)

    def test_addresses_of_other_layers_are_not(self) -> None:
        (layer,) = self.layers(image(entry(OCI_LAYER, urls=["https://example.com/a"])))
        self.assertNotIn("urls", layer)

    def test_layers_are_replaced(self) -> None:
        zstd = entry(f"{OCI_LAYER}+zstd", SECOND)
        instead = Descriptor(f"{OCI_LAYER}+gzip", THIRD, 9)
        (layer,) = self.layers(image(zstd), **{SECOND.encoded: instead})
        self.assertEqual(
            layer, {"mediaType": DOCKER_LAYER, "size": 9, "digest": str(THIRD)}
        )

    def test_layers_that_engines_cannot_read_are_refused(self) -> None:
        for kind in (f"{OCI_LAYER}+zstd", "application/vnd.in-toto+json", "text/x"):
            self.refuse(image(entry(kind)))

    def test_annotations_and_subject_are_left_out(self) -> None:
        layer = entry(OCI_LAYER, annotations={"a": "b"})
        more = {"annotations": {"a": "b"}, "subject": entry(OCI_MANIFEST)}
        self.assertEqual(
            to_schema2(image(layer, **more), {}),
            to_schema2(image(entry(OCI_LAYER)), {}),
        )

    def test_twice_is_once(self) -> None:
        once = to_schema2(image(entry(OCI_LAYER)), {})
        self.assertEqual(to_schema2(once, {}), once)

    def test_what_is_written_is_a_manifest(self) -> None:
        found = parse_manifest(to_schema2(image(entry(OCI_LAYER)), {}), DOCKER_MANIFEST)
        self.assertEqual(len(found.blobs), 2)

    def test_an_artifact_is_refused(self) -> None:
        self.refuse(image(config=entry("application/vnd.oci.empty.v1+json")))

    def test_an_index_is_refused(self) -> None:
        self.refuse(index())

    def test_addresses_that_are_no_texts_are_refused(self) -> None:
        document = image(entry(OCI_FOREIGN, urls=["x"]))
        for wrong in (b"5", b'"\xff"', rb'"\ud800"', b"[]"):
            self.refuse(document.replace(b'"x"', wrong))

    @given(st.binary())
    def test_any_bytes_are_refused(self, document: bytes) -> None:
        self.refuse(document)


class ListTests(SynchronousTestCase):
    def digests(self, document: bytes, *children: Descriptor) -> list[str]:
        """Give the list's members, where each of the index's became what follows."""
        replaced = dict(zip((FIRST, SECOND, THIRD), children, strict=False))
        found = json.loads(to_list(document, replaced))
        return [each["digest"] for each in found["manifests"]]

    def test_it_is_written_as_docker_does(self) -> None:
        platform = {
            "architecture": "arm",
            "os": "linux",
            "os.version": "1",
            "os.features": ["x"],
            "variant": "v7",
        }
        document = index(child(FIRST, dict(reversed(platform.items()))))
        expected = {
            "schemaVersion": 2,
            "mediaType": DOCKER_LIST,
            "manifests": [
                {
                    "mediaType": DOCKER_MANIFEST,
                    "size": 7,
                    "digest": str(became(FIRST).digest),
                    "platform": platform,
                }
            ],
        }
        self.assertEqual(
            to_list(document, {FIRST: became(FIRST)}).decode(),
            json.dumps(expected, indent=3),
        )

    def test_members_that_became_nothing_are_left_out(self) -> None:
        document = index(child(FIRST, "linux/amd64"), child(SECOND, "linux/arm64"))
        self.assertEqual(
            self.digests(document, became(FIRST)), [str(became(FIRST).digest)]
        )

    def test_members_of_no_platform_are_left_out(self) -> None:
        for platform in (None, "unknown/unknown", "linux/unknown", "/amd64"):
            document = index(child(FIRST, platform))
            self.assertEqual(self.digests(document, became(FIRST)), [])

    def test_lists_in_lists_are_left_out(self) -> None:
        document = index(child(FIRST, "linux/amd64", OCI_INDEX))
        self.assertEqual(self.digests(document, became(FIRST, DOCKER_LIST)), [])

    def test_what_is_written_is_a_list(self) -> None:
        document = to_list(index(child(FIRST, "linux/amd64")), {FIRST: became(FIRST)})
        self.assertEqual(len(parse_manifest(document, DOCKER_LIST).children), 1)

    def test_an_image_is_refused(self) -> None:
        with self.assertRaises(ManifestInvalid):
            to_list(image(), {})

    def test_a_platform_that_is_none_is_refused(self) -> None:
        wrong: tuple[object, ...] = ("x", [], {"os": 5, "architecture": "arm"}, {})
        for platform in wrong:
            document = index(entry(OCI_MANIFEST, platform=platform))
            with self.assertRaises(ManifestInvalid):
                to_list(document, {})


class PlatformTests(SynchronousTestCase):
    def choose(self, architecture: str, *platforms: str) -> str | None:
        digests = {Digest.of(each.encode()): each for each in platforms}
        document = index(*(child(each, digests[each]) for each in digests))
        found = choose_platform(document, "linux", architecture)
        return None if found is None else digests[found]

    def test_the_architecture_is_the_same(self) -> None:
        found = self.choose("amd64", "linux/386", "linux/amd64", "linux/arm64")
        self.assertEqual(found, "linux/amd64")

    def test_the_system_is_the_same(self) -> None:
        found = self.choose("amd64", "windows/amd64", "linux/amd64")
        self.assertEqual(found, "linux/amd64")

    def test_the_plainest_variant_is_chosen(self) -> None:
        for architecture, *variants in (
            ("amd64", "", "/v1"),
            ("arm", "", "/v7", "/v6", "/v5"),
            ("arm64", "", "/v8"),
        ):
            platforms = [f"linux/{architecture}{variant}" for variant in variants]
            for place in range(len(platforms)):
                found = self.choose(architecture, *reversed(platforms[place:]))
                self.assertEqual(found, platforms[place])

    def test_variants_of_newer_machines_are_not_chosen(self) -> None:
        self.assertIsNone(self.choose("amd64", "linux/amd64/v2", "linux/amd64/v3"))

    def test_none_may_fit(self) -> None:
        self.assertIsNone(self.choose("amd64", "linux/386"))

    def test_what_is_unknown_fits_nothing(self) -> None:
        self.assertIsNone(self.choose("unknown", "unknown/unknown", "linux/unknown"))

    def test_the_first_of_the_same_is_chosen(self) -> None:
        document = index(child(FIRST, "linux/arm"), child(SECOND, "linux/arm"))
        self.assertEqual(choose_platform(document, "linux", "arm"), FIRST)

    def test_members_that_are_no_images_are_skipped(self) -> None:
        document = index(child(FIRST, "linux/arm", OCI_INDEX))
        self.assertIsNone(choose_platform(document, "linux", "arm"))

    def test_a_list_of_docker_serves_as_well(self) -> None:
        document = index(
            child(FIRST, "linux/arm", DOCKER_MANIFEST), mediaType=DOCKER_LIST
        )
        self.assertEqual(choose_platform(document, "linux", "arm"), FIRST)

    def test_an_image_is_refused(self) -> None:
        with self.assertRaises(ManifestInvalid):
            choose_platform(image(), "linux", "amd64")
