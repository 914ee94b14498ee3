"""Tests of ``txregistry/model/gojson.py``."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.gojson import (
    MAX_DEPTH,
    Value,
    compact,
    encode,
    go_string,
    read,
    read_object,
    write_object,
)

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('<>&"\\ \u2028'))
WHOLE = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)
JSON = st.recursive(
    WHOLE | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


def spell(value: object, indent: int | None, *, ascii_only: bool) -> bytes:
    """Write JSON in one of the ways in which it may come."""
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()


SPELT = st.builds(spell, JSON, st.sampled_from((None, 0, 3)), ascii_only=st.booleans())


class CompactTests(SynchronousTestCase):
    @given(SPELT)
    def test_the_value_stays(self, raw: bytes) -> None:
        self.assertEqual(json.loads(compact(raw)), json.loads(raw))

    @given(SPELT)
    def test_twice_is_once(self, raw: bytes) -> None:
        self.assertEqual(compact(compact(raw)), compact(raw))

    @given(SPELT)
    def test_it_is_safe_inside_html(self, raw: bytes) -> None:
        found = compact(raw).decode()
        self.assertFalse(set(found) & set("<>&\u2028\u2029"))

    def test_what_is_outside_of_strings_loses_its_white_space(self) -> None:
        raw = b' { "a b" :\t[ 1 ,\r\n"\\" }"  ] } '
        self.assertEqual(compact(raw), rb'{"a b":[1,"\" }"]}')

    def test_numbers_stay_as_they_are_spelt(self) -> None:
        raw = b"[1.50,1e3,-0,123456789012345678901234567890]"
        self.assertEqual(compact(raw), raw)

    def test_escapes_stay_as_they_are_spelt(self) -> None:
        raw = rb'["\u00e9\/\u003C\b", "' + "é".encode() + b'"]'
        self.assertEqual(compact(raw), raw.replace(b", ", b","))

    def test_what_html_minds_is_escaped(self) -> None:
        raw = '{"<&>":"\u2028\u2029"}'.encode()
        self.assertEqual(compact(raw), rb'{"\u003c\u0026\u003e":"\u2028\u2029"}')

    def test_members_stay_in_order_and_twice(self) -> None:
        self.assertEqual(compact(b'{"b":1, "a":2, "b":3}'), b'{"b":1,"a":2,"b":3}')


class WriteTests(SynchronousTestCase):
    @given(TEXT)
    def test_a_string_is_read_again(self, text: str) -> None:
        self.assertEqual(json.loads(go_string(text)), text)

    @given(TEXT)
    def test_a_string_is_written_compactly(self, text: str) -> None:
        self.assertEqual(compact(go_string(text)), go_string(text))

    def test_a_string_is_escaped_as_go_does(self) -> None:
        self.assertEqual(
            go_string('\x00\b\t\n\f\r\x1f"\\/\x7fé<>&'),
            rb'"\u0000\u0008\t\n\u000c\r\u001f\"\\/'
            + "\x7fé".encode()
            + rb'\u003c\u003e\u0026"',
        )

    def test_half_a_character_is_replaced(self) -> None:
        self.assertEqual(go_string("a\ud800"), '"a\ufffd"'.encode())

    def test_members_are_sorted_by_bytes(self) -> None:
        members = {"é": b"1", "a": b"2", "Z": b"3", "\uffff": b"4", "\U00010000": b"5"}
        found = list(json.loads(write_object(members)))
        self.assertEqual(found, ["Z", "a", "é", "\uffff", "\U00010000"])

    def test_values_are_compacted_but_not_sorted(self) -> None:
        found = write_object({"a": b'{"z": 1, "b": [ ]}'})
        self.assertEqual(found, b'{"a":{"z":1,"b":[]}}')

    def test_an_empty_object_is_written(self) -> None:
        self.assertEqual(write_object({}), b"{}")

    @given(WHOLE)
    def test_a_value_is_read_again(self, value: Value) -> None:
        self.assertEqual(json.loads(encode(value)), value)

    @given(WHOLE)
    def test_a_value_is_written_compactly(self, value: Value) -> None:
        self.assertEqual(compact(encode(value)), encode(value))

    def test_a_value_keeps_its_order(self) -> None:
        value: Value = {"b": [True, False, None, 1], "a": ("<",)}
        self.assertEqual(encode(value), rb'{"b":[true,false,null,1],"a":["\u003c"]}')

    def test_a_fraction_is_not_written(self) -> None:
        with self.assertRaises(TypeError):
            encode([1.5])


class ReadTests(SynchronousTestCase):
    def refuse(self, data: bytes) -> None:
        with self.assertRaises(ValueError):
            read(data)
        with self.assertRaises(ValueError):
            read_object(b'{"a":' + data + b"}")

    @given(SPELT)
    def test_a_value_is_read(self, raw: bytes) -> None:
        self.assertEqual(read(raw), json.loads(raw))

    @given(st.dictionaries(TEXT, JSON))
    def test_an_object_is_taken_apart(self, value: dict[str, object]) -> None:
        found = read_object(json.dumps(value).encode())
        self.assertEqual(
            found, {name: json.dumps(value[name]).encode() for name in value}
        )

    @given(st.binary())
    def test_any_bytes_are_read_or_refused(self, data: bytes) -> None:
        try:
            value = read(data)
        except ValueError:
            return
        self.assertEqual(json.loads(data), value)

    def test_what_is_no_json_is_refused(self) -> None:
        for data in (
            b"NaN",
            b"Infinity",
            b"01",
            b"'a'",
            b'"\n"',
            b'"\xff"',
            b"",
            b"[1,]",
        ):
            self.refuse(data)

    def test_a_member_twice_is_refused(self) -> None:
        self.refuse(b'[{"a":1,"\\u0061":2}]')

    def test_half_a_character_in_a_value_is_read(self) -> None:
        self.assertEqual(read_object(rb'{"a":"\ud800"}'), {"a": rb'"\ud800"'})

    def test_half_a_character_in_a_name_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            read_object(rb'{"\ud800":1}')

    def test_what_is_no_object_is_not_taken_apart(self) -> None:
        with self.assertRaises(ValueError):
            read_object(b"[]")

    def test_depth_is_limited(self) -> None:
        deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
        read(deepest)
        with self.assertRaises(ValueError):
            read(b"[" + deepest + b"]")

    def test_brackets_in_strings_are_not_deep(self) -> None:
        raw = b'"' + b"[" * 1000 + b'"'
        self.assertEqual(read(raw), "[" * 1000)
