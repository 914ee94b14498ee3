"""Tests of ``txregistry/model/durations.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.durations import Duration


class DurationTests(SynchronousTestCase):
    def refuse(self, text: str) -> None:
        with self.assertRaises(ValueError):
            Duration.parse(text)

    @given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
    def test_parts_are_added(self, hours: int, minutes: int, seconds: int) -> None:
        found = Duration.parse(f"{hours}h{minutes}m{seconds}s")
        self.assertEqual(found, hours * 3600 + minutes * 60 + seconds)

    @given(st.text(max_size=20))
    def test_any_text_is_a_length_or_refused(self, text: str) -> None:
        try:
            found = Duration.parse(text)
        except ValueError:
            return
        self.assertGreaterEqual(found, 0)

    def test_milliseconds(self) -> None:
        self.assertEqual(Duration.parse("250ms"), 0.25)

    def test_days(self) -> None:
        self.assertEqual(Duration.parse("2d"), 172800)

    def test_fraction(self) -> None:
        self.assertEqual(Duration.parse("1.5h"), 5400)

    def test_bare_number_is_of_nanoseconds(self) -> None:
        self.assertEqual(Duration.parse("3000000000"), 3)

    def test_bare_number_that_nobody_means_is_refused(self) -> None:
        for text in ("1", "10", "999999"):
            with self.assertRaisesRegex(ValueError, "with its unit, such as '10s'"):
                Duration.parse(text)
        self.assertEqual(Duration.parse("1000000"), 0.001)
        self.assertEqual(Duration.parse("0"), 0)

    def test_unit_that_is_unknown_is_refused(self) -> None:
        self.refuse("5q")

    def test_nothing_is_refused(self) -> None:
        self.refuse("")

    def test_negative_length_is_refused(self) -> None:
        self.refuse("-5s")

    def test_number_without_end_is_refused(self) -> None:
        self.refuse("9" * 400)

    def test_length_without_end_is_refused(self) -> None:
        self.refuse("9" * 400 + "h")
