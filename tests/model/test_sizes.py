"""Tests of ``txregistry/model/sizes.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.sizes import Size, spell_size


class SizeTests(SynchronousTestCase):
    def test_units(self) -> None:
        for text, size in (
            ("0", 0),
            ("4096", 4096),
            ("7B", 7),
            ("1kB", 1000),
            ("1KiB", 1024),
            ("50GiB", 50 * 1024**3),
            ("50 gib", 50 * 1024**3),
            ("1.5TB", 1_500_000_000_000),
            ("0.5MiB", 512 * 1024),
        ):
            self.assertEqual(Size.parse(text), size, text)

    def test_what_is_none_is_refused(self) -> None:
        for text in (
            "",
            "-1",
            "x",
            "5G",
            "5 ",
            "1e9",
            "1.GB",
            "\u0665",
            "5GiBx",
            "GiB",
        ):
            with self.assertRaises(ValueError, msg=text):
                Size.parse(text)

    def test_what_nobody_has_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            Size.parse("9999999PiB")

    @given(st.text(max_size=20))
    def test_any_text_is_a_size_or_refused(self, text: str) -> None:
        try:
            found = Size.parse(text)
        except ValueError:
            return
        self.assertGreaterEqual(found, 0)

    @given(st.integers(0, 2**53), st.integers(0, 40))
    def test_what_is_written_is_read(self, number: int, zeros: int) -> None:
        size = Size(number >> zeros << zeros)
        self.assertEqual(Size.parse(str(size)), size)

    def test_written_exactly(self) -> None:
        for text in ("50GiB", "1PiB", "1023KiB", "1000", "0", "1TiB"):
            self.assertEqual(str(Size.parse(text)), text)

    def test_written_for_people(self) -> None:
        for size, text in (
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (50 * 1024**3, "50 GiB"),
            (int(49.8 * 1024**3), "49.8 GiB"),
            (1024**5 * 1200, "1200 PiB"),
        ):
            self.assertEqual(spell_size(size), text)
