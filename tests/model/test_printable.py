"""Tests of ``txregistry/model/printable.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.printable import printable


class PrintableTests(SynchronousTestCase):
    def test_what_can_be_printed_stays(self) -> None:
        for text in ("", "/v2/a b", "bücher", 'a "word"', "\\n"):
            self.assertEqual(printable(text), text)

    def test_what_cannot_is_escaped(self) -> None:
        for text, shown in (
            ("a\nb", "a\\nb"),
            ("a\r", "a\\r"),
            ("\x1b[2J", "\\x1b[2J"),
            ("\x9b", "\\x9b"),
            ("\u2028", "\\u2028"),
            ("\u202e", "\\u202e"),
            ("\udcff", "\\udcff"),
        ):
            self.assertEqual(printable(text), shown)

    @given(text=st.text())
    def test_a_line_stays_one(self, text: str) -> None:
        shown = printable(text)
        self.assertTrue(shown.isprintable())
        self.assertLessEqual(len(shown.splitlines()), 1)
