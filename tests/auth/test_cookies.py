"""Tests of ``txregistry/auth/cookies.py``."""

import math
import re
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth.cookies import SessionCookies
from txregistry.auth.tokens import PresentedToken, parse_authorization
from txregistry.model.errors import Unauthorized

KEY: Final = b"k" * 32


def presented(name: str = "acme/web") -> PresentedToken:
    """Give a token as a client does."""
    found = parse_authorization(
        f'Token Token signature=k7Q,repository="{name}",access=write'
    )
    assert found is not None
    return found


class SessionCookiesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000_000)
        self.cookies = SessionCookies(KEY, self.clock, 600)
        self.value = self.cookies.issue(presented(), math.inf)

    def refuse(self, value: str) -> None:
        with self.assertRaises(Unauthorized):
            self.cookies.open(value)

    def test_stands_for_the_token(self) -> None:
        self.assertEqual(self.cookies.open(self.value), presented())

    def test_header_is_that_of_the_token(self) -> None:
        self.assertEqual(
            self.cookies.open(self.value).header, f"Token {presented().text}"
        )

    def test_two_names_of_one_repository_are_the_same(self) -> None:
        value = self.cookies.issue(presented("solo"), math.inf)
        self.assertEqual(self.cookies.open(value), presented("library/solo"))

    def test_can_be_opened_many_times(self) -> None:
        for _ in range(3):
            self.assertEqual(self.cookies.open(self.value), presented())

    def test_is_safe_in_a_cookie(self) -> None:
        self.assertIsNotNone(re.fullmatch("[A-Za-z0-9._-]+", self.value))

    def test_is_good_for_its_lifetime(self) -> None:
        self.clock.advance(599)
        self.cookies.open(self.value)
        self.clock.advance(1)
        self.refuse(self.value)

    def test_is_good_no_longer_than_the_token(self) -> None:
        value = self.cookies.issue(presented(), self.clock.seconds() + 60)
        self.clock.advance(59)
        self.cookies.open(value)
        self.clock.advance(1)
        self.refuse(value)

    def test_no_character_can_be_changed(self) -> None:
        for place, letter in enumerate(self.value):
            other = "A" if letter != "A" else "B"
            self.refuse(self.value[:place] + other + self.value[place + 1 :])

    def test_cookie_of_another_key_is_refused(self) -> None:
        others = SessionCookies(b"o" * 32, self.clock, 600)
        self.refuse(others.issue(presented(), math.inf))

    def test_long_value_is_refused(self) -> None:
        self.refuse("A" * 10_000)

    @given(st.text(max_size=20))
    def test_any_text_is_refused(self, text: str) -> None:
        self.refuse(text)
        self.refuse(f"{text}.{text}")

    def test_short_key_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            SessionCookies(b"k" * 31, self.clock, 600)
