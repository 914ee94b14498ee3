"""Tests of ``txregistry/auth/basic.py``."""

import base64

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth.basic import parse_basic
from txregistry.model.errors import Unauthorized


def basic(text: str | bytes) -> str:
    """Write a header."""
    data = text.encode() if isinstance(text, str) else text
    return f"Basic {base64.b64encode(data).decode()}"


class ParseBasicTests(SynchronousTestCase):
    def refuse(self, header: str) -> None:
        with self.assertRaises(Unauthorized):
            parse_basic(header)

    def test_has_name_and_password(self) -> None:
        self.assertEqual(parse_basic("Basic Ym9iOnNlY3JldA=="), ("bob", "secret"))

    @given(st.text("abc é", min_size=1, max_size=9), st.text(max_size=9))
    def test_any_name_and_password(self, name: str, password: str) -> None:
        self.assertEqual(parse_basic(basic(f"{name}:{password}")), (name, password))

    def test_password_may_have_colons(self) -> None:
        self.assertEqual(parse_basic(basic("bob:a:b")), ("bob", "a:b"))

    def test_scheme_is_of_any_case(self) -> None:
        self.assertEqual(parse_basic("bAsIC  Ym9iOnNlY3JldA=="), ("bob", "secret"))

    def test_empty_name_and_password_are_anonymous(self) -> None:
        self.assertIsNone(parse_basic("Basic Og=="))

    def test_password_without_a_name_is_refused(self) -> None:
        self.refuse(basic(":secret"))

    def test_what_is_not_ascii_is_refused(self) -> None:
        for header in ("Basic \xe4", "Basic Og==\xe4", "Basic Og=\xe4="):
            self.refuse(header)

    def test_other_schemes_are_not_read(self) -> None:
        for header in (
            "",
            "Token",
            "Token signature=x",
            "Basics x",
            "Bearer Og==",
            "Basic\tOg==",
        ):
            self.assertIsNone(parse_basic(header))

    def test_what_is_no_base64_is_refused(self) -> None:
        for header in (
            "Basic",
            "Basic ",
            "Basic Ym9iOnNlY3JldA",
            "Basic Ym9iOnNlY3JldA=== ",
            "Basic Ym9iOnNlY3JldA== ",
            "Basic Ym9i OnNlY3JldA==",
            "Basic Ym9iOnNlY3JldA==,x",
            "Basic Ym9i-_Nl",
            "Basic Oh==",
            "Basic Og==\n",
        ):
            self.refuse(header)

    def test_what_is_no_utf8_is_refused(self) -> None:
        self.refuse(basic(b"ren\xe9e:x"))

    def test_without_a_colon_it_is_refused(self) -> None:
        self.refuse(basic("bob"))

    def test_long_header_is_refused(self) -> None:
        self.refuse(basic("bob:" + "x" * 4096))

    @given(st.text(max_size=30))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            found = parse_basic(f"Basic {text}")
        except Unauthorized:
            return
        self.assertTrue(found is None or found[0])
