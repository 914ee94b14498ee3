"""Tests of ``txregistry/model/derivation.py``.

The digests that stand here as they are were taken from what Docker 1.10 to 1.12 make.
"""

import gzip
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.conversion import squeeze
from txregistry.model.derivation import (
    EMPTY_DIFF_ID,
    EMPTY_LAYER,
    DerivedImage,
    chain_ids,
    derive_images,
    saved_id,
    schema1_ids,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.images import ImageDocument, ImageId, parse_image_json

EMPTY_TWICE = "170b376f64fb30995c140276be3d71dfb256b308d86183ca3b22aa93a79ad548"
FIRST = Digest.of(b"first")
SECOND = Digest.of(b"second")


def config(*diff_ids: Digest, **more: object) -> bytes:
    """Make a config; a change to None leaves a member out."""
    rootfs = {"type": "layers", "diff_ids": list(map(str, diff_ids))}
    document = {"architecture": "amd64", "os": "linux", "rootfs": rootfs, **more}
    return json.dumps(document).encode()


def derive(data: bytes) -> tuple[DerivedImage, ...]:
    """Derive from a config called as usual."""
    return derive_images(data, Digest.of(data))


class EmptyLayerTests(SynchronousTestCase):
    def test_it_is_1024_zeros(self) -> None:
        self.assertEqual(gzip.decompress(EMPTY_LAYER), bytes(1024))

    def test_it_is_what_engines_push(self) -> None:
        self.assertEqual(
            Digest.of(EMPTY_LAYER).encoded,
            "4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1",
        )

    def test_its_diff_id_is_known(self) -> None:
        self.assertEqual(
            EMPTY_DIFF_ID.encoded,
            "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
        )


class ChainTests(SynchronousTestCase):
    def test_none_are_none(self) -> None:
        self.assertEqual(chain_ids([]), [])

    def test_the_first_is_its_diff_id(self) -> None:
        self.assertEqual(chain_ids([FIRST]), [FIRST])

    def test_two_empty_layers_are_called_as_docker_calls_them(self) -> None:
        found = chain_ids([EMPTY_DIFF_ID, EMPTY_DIFF_ID])
        self.assertEqual(found[1].encoded, EMPTY_TWICE)


class DeriveTests(SynchronousTestCase):
    def refuse(self, data: bytes) -> None:
        with self.assertRaises(ManifestInvalid):
            derive(data)

    def test_the_top_is_called_as_its_config(self) -> None:
        data = config(FIRST, SECOND)
        self.assertEqual(derive(data)[-1].image_id.text, Digest.of(data).encoded)

    def test_those_below_are_called_by_their_chain(self) -> None:
        found = derive(config(EMPTY_DIFF_ID, EMPTY_DIFF_ID, FIRST))
        self.assertEqual(found[0].image_id.text, EMPTY_DIFF_ID.encoded)
        self.assertEqual(found[1].image_id.text, EMPTY_TWICE)

    def test_parents_are_those_before(self) -> None:
        found = derive(config(FIRST, SECOND, SECOND))
        ids = [image.image_id for image in found]
        self.assertEqual([image.parent for image in found], [None, *ids[:-1]])

    def test_those_below_say_nothing_else(self) -> None:
        first, second, _ = derive(config(FIRST, SECOND, FIRST))
        self.assertEqual(first.json, b'{"id":"%s"}' % first.image_id.text.encode())
        names = (second.image_id.text.encode(), first.image_id.text.encode())
        self.assertEqual(second.json, b'{"id":"%s","parent":"%s"}' % names)

    def test_the_top_has_the_config(self) -> None:
        data = (
            b'{"os": "linux", "config": {"b": 1.50, "a": "<"}, "history": [], '
            b'"os.version": "1", "os.features": [], "created": "2016-01-01T00:00:00Z", '
            b'"rootfs": {"type": "layers", "diff_ids": ["%s"]}}' % str(FIRST).encode()
        )
        self.assertEqual(
            derive(data)[0].json,
            rb'{"config":{"b":1.50,"a":"\u003c"},"created":"2016-01-01T00:00:00Z",'
            b'"id":"%s","os":"linux"}' % Digest.of(data).encoded.encode(),
        )

    def test_layers_keep_their_place(self) -> None:
        found = derive(config(FIRST, SECOND, SECOND))
        self.assertEqual(
            [(image.layer, image.diff_id) for image in found],
            [(0, FIRST), (1, SECOND), (2, SECOND)],
        )

    def test_the_same_layer_twice_is_two_images(self) -> None:
        found = {image.image_id for image in derive(config(FIRST, FIRST, FIRST))}
        self.assertEqual(len(found), 3)

    def test_no_layers_are_one_empty_one(self) -> None:
        empty: tuple[object, ...] = (
            {"type": "layers"},
            {"diff_ids": None},
            {"diff_ids": []},
        )
        for rootfs in empty:
            (image,) = derive(config(rootfs=rootfs))
            self.assertEqual((image.layer, image.diff_id), (None, EMPTY_DIFF_ID))

    def test_an_id_in_the_config_does_not_outlive_it(self) -> None:
        strange = {"id": "x", "ID": "x", "parent": "x", "PARENT": "x"}
        document = json.loads(derive(config(FIRST, **strange))[0].json)
        self.assertEqual(set(document), {"id", "architecture", "os"})

    def test_a_date_of_null_is_left_out(self) -> None:
        document = json.loads(derive(config(FIRST, created=None))[0].json)
        self.assertNotIn("created", document)

    def test_the_number_of_steps_does_not_matter(self) -> None:
        history = [{"empty_layer": False}] * 5
        self.assertEqual(len(derive(config(FIRST, SECOND, history=history))), 2)

    def test_a_config_of_sha512_is_called_by_its_sha256(self) -> None:
        data = config(FIRST)
        (image,) = derive_images(data, Digest.of(data, "sha512"))
        self.assertEqual(image.image_id.text, Digest.of(data).encoded)

    def test_a_layer_of_sha512_has_an_id_as_well(self) -> None:
        found = derive(config(Digest.of(b"", "sha512"), FIRST))
        self.assertTrue(all(image.image_id.is_writable for image in found))

    @given(st.lists(st.sampled_from((FIRST, SECOND)), max_size=5))
    def test_what_is_derived_could_be_pushed(self, diff_ids: list[Digest]) -> None:
        for image in derive(config(*diff_ids)):
            self.assertEqual(
                parse_image_json(image.json, image.image_id),
                ImageDocument(image.image_id, image.parent),
            )

    def test_127_layers_are_fine(self) -> None:
        self.assertEqual(len(derive(config(*[FIRST] * 127))), 127)

    def test_more_layers_are_refused(self) -> None:
        self.refuse(config(*[FIRST] * 128))

    def test_what_is_no_config_is_refused(self) -> None:
        for data in (b"", b"[]", b"{}", b"null", b"\xff", b'{"rootfs":{},"rootfs":{}}'):
            self.refuse(data)

    def test_what_is_no_rootfs_of_layers_is_refused(self) -> None:
        wrong: tuple[object, ...] = (None, [], "layers", {"type": "layers+base"})
        for rootfs in wrong:
            self.refuse(config(rootfs=rootfs))

    def test_what_is_no_list_of_diff_ids_is_refused(self) -> None:
        wrong: tuple[object, ...] = ({}, "", str(FIRST), [5], [[]], ["sha256:0"], [""])
        for diff_ids in wrong:
            self.refuse(config(rootfs={"diff_ids": diff_ids}))


class OtherIdsTests(SynchronousTestCase):
    def test_schema_1_is_named_by_blobs(self) -> None:
        blob = Digest.of(EMPTY_LAYER)
        self.assertEqual(
            schema1_ids([blob, blob, blob], b"{}")[:2],
            [
                ImageId(
                    "00fa447be331f70e08ea0dfff0174e514aac7f0f089a6c4d3a8f58d855a10b3e"
                ),
                ImageId(
                    "8c59e54fc4e831d317debe93382b4b631a28c8fe56b49aa885f0d16d1ccaee15"
                ),
            ],
        )

    def test_the_top_of_schema_1_is_named_by_its_config_too(self) -> None:
        expected = Digest.of(f"{FIRST.encoded}  ".encode() + b"{}")
        self.assertEqual(schema1_ids([FIRST], b"{}"), [ImageId(expected.encoded)])

    def test_what_docker_saves_is_named_by_structs(self) -> None:
        self.assertEqual(
            saved_id(squeeze(b"{}"), EMPTY_DIFF_ID, None).encoded,
            "768d4f50f65f00831244703e57f64134771289e3de919a576441c9140e037ea2",
        )

    def test_what_docker_saves_is_named_by_its_parent_too(self) -> None:
        expected = b'{"layer_id":"%s","parent":"%s"}'
        self.assertEqual(
            saved_id({}, FIRST, SECOND),
            Digest.of(expected % (str(FIRST).encode(), str(SECOND).encode())),
        )
