"""Tests of ``txregistry/auth/safetext.py``."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth.safetext import decode, encode
from txregistry.model.errors import Unauthorized


class SafeTextTests(SynchronousTestCase):
    @given(st.binary())
    def test_is_safe(self, data: bytes) -> None:
        self.assertIsNotNone(re.fullmatch("[A-Za-z0-9_-]*", encode(data)))

    @given(st.binary())
    def test_is_read_back(self, data: bytes) -> None:
        self.assertEqual(decode(encode(data)), data)

    @given(st.text(max_size=10))
    def test_there_is_no_other_spelling(self, text: str) -> None:
        try:
            data = decode(text)
        except Unauthorized:
            return
        self.assertEqual(encode(data), text)

    def test_what_is_none_is_refused(self) -> None:
        for text in ("a", "AB", "AA==", "A+A/", "AA\n", "é"):
            with self.assertRaises(Unauthorized):
                decode(text)
