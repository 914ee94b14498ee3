"""Tests of ``txregistry/model/ranges.py``: RFC 9110, section 14."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.errors import RangeInvalid, RangeUnsatisfiable
from txregistry.model.ranges import parse_chunk_range, parse_range, upload_range

OFFSETS = st.integers(0, 60)
SIZES = st.integers(0, 50)


class RangeTests(SynchronousTestCase):
    def check(self, text: str, wanted: bytes, size: int) -> None:
        """Expect some part of content, or a refusal where that is empty."""
        content = bytes(range(size))
        if not wanted:
            with self.assertRaises(RangeUnsatisfiable) as raised:
                parse_range(text, size)
            self.assertEqual(raised.exception.size, size)
            return
        found = parse_range(text, size)
        assert found is not None
        self.assertEqual(content[slice(*found)], wanted)

    @given(OFFSETS, OFFSETS, SIZES)
    def test_first_to_last(self, first: int, last: int, size: int) -> None:
        wanted = bytes(range(size))[first : last + 1]
        self.check(f"bytes={first}-{last}", wanted, size)

    @given(OFFSETS, SIZES)
    def test_first_to_the_end(self, first: int, size: int) -> None:
        self.check(f"bytes={first}-", bytes(range(size))[first:], size)

    @given(OFFSETS, SIZES)
    def test_last_so_many(self, count: int, size: int) -> None:
        wanted = bytes(range(size))[-count:] if count else b""
        self.check(f"bytes=-{count}", wanted, size)

    @given(st.text("bytes=-,0123456789 ", max_size=12), SIZES)
    def test_anything_else_is_refused_or_lies_within(
        self, text: str, size: int
    ) -> None:
        try:
            found = parse_range(text, size)
        except RangeUnsatisfiable:
            return
        if found is not None:
            self.assertTrue(0 <= found[0] < found[1] <= size)

    def test_other_unit_is_answered_by_the_whole(self) -> None:
        self.assertIsNone(parse_range("lines=0-1", 10))

    def test_several_ranges_are_answered_by_the_whole(self) -> None:
        self.assertIsNone(parse_range("bytes=0-1,4-5", 10))

    def test_junk_is_refused(self) -> None:
        self.check("bytes=x-y", b"", 10)

    def test_bare_dash_is_refused(self) -> None:
        self.check("bytes=-", b"", 10)

    def test_number_of_very_many_digits_is_refused(self) -> None:
        self.check("bytes=" + "9" * 5000 + "-", b"", 10)


class ChunkRangeTests(SynchronousTestCase):
    def refuse(self, text: str) -> None:
        with self.assertRaises(RangeInvalid):
            parse_chunk_range(text)

    @given(OFFSETS, SIZES)
    def test_is_read_half_open(self, first: int, more: int) -> None:
        last = first + more
        self.assertEqual(parse_chunk_range(f"{first}-{last}"), (first, last + 1))

    @given(OFFSETS, st.sampled_from(("", "/*", "/100")))
    def test_form_of_the_rfc_is_tolerated(self, first: int, total: str) -> None:
        found = parse_chunk_range(f"bytes {first}-{first}{total}")
        self.assertEqual(found, (first, first + 1))

    @given(OFFSETS, st.integers(1, 50))
    def test_end_before_the_start_is_refused(self, last: int, more: int) -> None:
        self.refuse(f"{last + more}-{last}")

    @given(st.text(max_size=20))
    def test_any_text_is_a_range_or_refused(self, text: str) -> None:
        try:
            start, stop = parse_chunk_range(text)
        except RangeInvalid:
            return
        self.assertLess(start, stop)

    def test_open_end_is_refused(self) -> None:
        self.refuse("5-")

    def test_digits_of_other_scripts_are_refused(self) -> None:
        self.refuse("\u0660-\u0663")

    def test_number_of_very_many_digits_is_refused(self) -> None:
        self.refuse("0-" + "9" * 5000)


class UploadRangeTests(SynchronousTestCase):
    @given(st.integers(1, 10**18))
    def test_last_byte_is_told(self, size: int) -> None:
        self.assertEqual(upload_range(size), f"0-{size - 1}")

    def test_of_nothing_the_docker_engine_can_read_it(self) -> None:
        self.assertEqual(upload_range(0), "0-0")
