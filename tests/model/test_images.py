"""Tests of ``txregistry/model/images.py``."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.errors import ImageIdInvalid, ImageInvalid
from txregistry.model.images import (
    MAX_ANCESTRY,
    MAX_JSON,
    ImageDocument,
    ImageId,
    check_ancestry,
    parse_image_json,
)

HEX = "0123456789abcdef"
IMAGE = ImageId("a" * 64)
PARENT = ImageId("b" * 64)


class ImageIdTests(SynchronousTestCase):
    @given(st.sampled_from((16, 64)).flatmap(lambda n: st.text(HEX, min_size=n)))
    def test_64_and_16_digits_are_read(self, text: str) -> None:
        try:
            found = ImageId.parse(text)
        except ImageIdInvalid:
            self.assertNotIn(len(text), (16, 64))
            return
        self.assertEqual(str(found), text)

    @given(st.text(max_size=70))
    def test_any_text_is_an_id_or_refused(self, text: str) -> None:
        try:
            self.assertEqual(ImageId.parse(text).text, text)
        except ImageIdInvalid as refused:
            self.assertEqual(refused.message, "Invalid image ID")

    def test_64_digits_are_writable(self) -> None:
        self.assertTrue(ImageId.parse("0" * 64).is_writable)

    def test_16_digits_are_not_writable(self) -> None:
        self.assertFalse(ImageId.parse("0" * 16).is_writable)

    def test_others_are_refused(self) -> None:
        for text in ("", "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "\u0663" * 64):
            with self.assertRaises(ImageIdInvalid):
                ImageId.parse(text)


class ImageJsonTests(SynchronousTestCase):
    def refuse(self, data: bytes) -> str:
        with self.assertRaises(ImageInvalid) as raised:
            parse_image_json(data, IMAGE)
        return str(raised.exception)

    def parse(self, **members: object) -> ImageDocument:
        document = {"id": IMAGE.text, **members}
        return parse_image_json(json.dumps(document).encode(), IMAGE)

    def test_an_id_is_all_it_needs(self) -> None:
        self.assertEqual(self.parse(), ImageDocument(IMAGE, None))

    def test_its_parent_is_read(self) -> None:
        self.assertEqual(self.parse(parent=PARENT.text).parent, PARENT)

    def test_a_parent_of_2013_is_read(self) -> None:
        self.assertEqual(self.parse(parent="0" * 16).parent, ImageId("0" * 16))

    def test_an_empty_parent_is_none(self) -> None:
        for parent in (None, ""):
            self.assertIsNone(self.parse(parent=parent).parent)

    def test_white_space_around_it_is_fine(self) -> None:
        data = b' {"id": "%s"}\n\n' % IMAGE.text.encode()
        self.assertEqual(parse_image_json(data, IMAGE).image_id, IMAGE)

    def test_what_is_no_object_is_no_json(self) -> None:
        for data in (b"", b"x", b"{", b"{}", b"[]", b"null", b'"id"', b"1", b"\xff"):
            self.assertEqual(self.refuse(data), "Invalid JSON")

    def test_what_readers_differ_about_is_no_json(self) -> None:
        for more in (
            b'"id":"%s"' % PARENT.text.encode(),
            b'"ID":"%s"' % PARENT.text.encode(),
            b'"\\u0069d":"%s"' % PARENT.text.encode(),
            b'"Parent":"%s"' % PARENT.text.encode(),
            b'"config":{"Cmd":[],"Cmd":[]}',
            b'"Size":NaN',
            b'"Size":-Infinity',
            b'"x":"\xff"',
            b'"x":' + b"[" * 100 + b"]" * 100,
        ):
            data = b'{"id":"%s",%s}' % (IMAGE.text.encode(), more)
            self.assertEqual(self.refuse(data), "Invalid JSON")

    def test_the_mark_of_byte_order_is_no_json(self) -> None:
        text = json.dumps({"id": IMAGE.text})
        for encoding in ("utf-8-sig", "utf-16", "utf-32"):
            self.assertEqual(self.refuse(text.encode(encoding)), "Invalid JSON")

    def test_a_missing_id_is_told(self) -> None:
        self.assertEqual(self.refuse(b'{"a":1}'), "Missing key `id' in JSON")

    def test_another_id_is_told(self) -> None:
        wrong: tuple[object, ...] = (PARENT.text, None, 5, [IMAGE.text], "a" * 65)
        for found in wrong:
            data = json.dumps({"id": found}).encode()
            self.assertEqual(self.refuse(data), "JSON data contains invalid id")

    def test_a_parent_that_is_none_is_told(self) -> None:
        wrong: tuple[object, ...] = (0, False, [], {}, "x", "B" * 64, IMAGE.text)
        for found in wrong:
            data = json.dumps({"id": IMAGE.text, "parent": found}).encode()
            self.assertEqual(self.refuse(data), "JSON data contains an invalid parent")

    @given(st.binary(max_size=40))
    def test_any_bytes_are_refused(self, data: bytes) -> None:
        self.refuse(data)

    def test_hostile_input_takes_no_time(self) -> None:
        for data in (b"[" * 200_000, b'"' + rb"\"" * 100_000, b'{"a":' * 100_000):
            self.assertEqual(self.refuse(data), "Invalid JSON")


class AncestryTests(SynchronousTestCase):
    def chain(self, length: int) -> list[ImageId]:
        return [ImageId(f"{number:064x}") for number in range(length)]

    def test_a_base_is_its_own_ancestry(self) -> None:
        self.assertEqual(check_ancestry(IMAGE, ()), (IMAGE,))

    def test_the_image_comes_first(self) -> None:
        self.assertEqual(check_ancestry(IMAGE, [PARENT]), (IMAGE, PARENT))

    def test_127_are_fine(self) -> None:
        found = check_ancestry(IMAGE, self.chain(MAX_ANCESTRY - 1))
        self.assertEqual(len(found), 127)

    def test_more_are_refused(self) -> None:
        with self.assertRaises(ImageInvalid):
            check_ancestry(IMAGE, self.chain(MAX_ANCESTRY))

    def test_a_cycle_is_refused(self) -> None:
        with self.assertRaises(ImageInvalid):
            check_ancestry(IMAGE, [PARENT, IMAGE])


class WeightTests(SynchronousTestCase):
    def test_more_values_than_any_image_has_are_refused(self) -> None:
        for filler in (b"[" + b"[]," * 40_000 + b"[]]", b'"' + b"," * 40_000 + b'"'):
            data = b'{"id": "' + b"a" * 64 + b'", "x": ' + filler + b"}"
            self.assertLess(len(data), MAX_JSON)
            with self.assertRaises(ImageInvalid):
                parse_image_json(data, IMAGE)
