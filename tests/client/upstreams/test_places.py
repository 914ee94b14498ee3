"""Tests of ``txregistry/client/upstreams/places.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.client.upstreams.places import LONGEST, Place


class ParseTests(SynchronousTestCase):
    def test_urls(self) -> None:
        for text, place in {
            "https://docker.io": Place("https", "docker.io", 443, "/"),
            "HTTP://Docker.IO/": Place("http", "docker.io", 80, "/"),
            "http://a_b.example:5000/x/y?z=1#w": Place(
                "http", "a_b.example", 5000, "/x/y?z=1"
            ),
            "https://[::1]:5000/x": Place("https", "::1", 5000, "/x"),
            "https://[0:0::1]": Place("https", "::1", 443, "/"),
            "https://10.0.0.1?x": Place("https", "10.0.0.1", 443, "/?x"),
            "https://docker.io./a": Place("https", "docker.io.", 443, "/a"),
        }.items():
            self.assertEqual(Place.parse(text), place)

    def test_what_is_none(self) -> None:
        for text in (
            "",
            "docker.io",
            "ftp://docker.io",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https:docker.io",
            "https://user@docker.io",
            "https://user:secret@docker.io",
            "https://good.example\\@evil.example",
            "https://good.example/\\x",
            "https://good.example\\.evil.example",
            "https://a b",
            "https://a/\r\nX: y",
            "https://é",
            "https://a:0",
            "https://a:65536",
            "https://a:b",
            "https://a:",
            "https://-a",
            "https://[::1",
            "https://[:::]",
            "https://[fe80::1%25eth0]",
            "https://a/" + "x" * LONGEST,
        ):
            with self.assertRaises(ValueError):
                Place.parse(text)

    def test_secrets_are_not_repeated(self) -> None:
        with self.assertRaises(ValueError) as caught:
            Place.parse("https://user:hunter2@docker.io")
        self.assertNotIn("hunter2", str(caught.exception))

    @given(st.text(max_size=60))
    def test_any_text_is_one_or_none(self, text: str) -> None:
        for each in (text, f"https://{text}", f"https://a/{text}"):
            try:
                place = Place.parse(each)
            except ValueError:
                continue
            self.assertEqual(Place.parse(str(place)), place)


class WriteTests(SynchronousTestCase):
    def test_text(self) -> None:
        for text in (
            "https://docker.io/x?y=1",
            "http://docker.io:443/",
            "https://[::1]:5000/x",
        ):
            self.assertEqual(str(Place.parse(text)), text)

    def test_usual_port_is_left_out(self) -> None:
        self.assertEqual(str(Place.parse("https://a:443/x")), "https://a/x")

    def test_what_is_shown_holds_no_secret(self) -> None:
        place = Place.parse("https://a:1/x?signature=y")
        self.assertEqual(place.shown, "https://a:1")


class FollowTests(SynchronousTestCase):
    def follow(self, location: str) -> str:
        """Give where a reference leads."""
        return str(Place.parse("https://a:1/b/c?d=e").follow(location))

    def test_references(self) -> None:
        for location, url in {
            "https://x/y?z": "https://x/y?z",
            "//x/y": "https://x/y",
            "/y?z=1": "https://a:1/y?z=1",
            "y": "https://a:1/b/y",
            "../y": "https://a:1/y",
            "?q": "https://a:1/b/c?q",
            "http://a/": "http://a/",
        }.items():
            self.assertEqual(self.follow(location), url)

    def test_what_leads_nowhere(self) -> None:
        for location in (
            "",
            "ftp://x/",
            "javascript:alert(1)",
            "https://u:p@x/",
            "\thttps://x",
            "é",
            "x" * (LONGEST + 1),
        ):
            with self.assertRaises(ValueError):
                self.follow(location)

    def test_origins(self) -> None:
        home = Place.parse("https://a/")
        self.assertEqual(home.origin, Place.parse("https://A:443/x").origin)
        for other in ("http://a/", "https://a:444/", "https://b/"):
            self.assertNotEqual(home.origin, Place.parse(other).origin)
