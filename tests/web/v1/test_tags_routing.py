"""Tests of who may ask for tags, and how they are told from other routes."""

import json

from tests.web.answers import Answer
from tests.web.v1 import test_tags
from tests.web.v1.case import R
from tests.web.v1.images import T
from tests.web.v1.test_tags import TAGS, UNKNOWN


class AccessTests(test_tags.TagsCase):
    """``{R}/properties``: whether a repository is private."""

    def put_properties(self, body: bytes) -> Answer:
        """Say what a repository is to be."""
        return self.ask("PUT", f"{R}/properties", self.write, body)

    def test_is_public_unless_said_otherwise(self) -> None:
        for path in (f"{R}/properties", f"{UNKNOWN}/properties"):
            answer = self.get(path)
            self.assertEqual((answer.status, answer.json), (200, {"access": "public"}))

    def test_is_what_was_said(self) -> None:
        for access in ("private", "public", "private"):
            body = json.dumps({"access": access}).encode()
            self.assertIsTrue(self.put_properties(body))
            answer = self.get(f"{R}/properties", self.read)
            self.assertEqual(answer.json, {"access": access})

    def test_bad_data(self) -> None:
        before = self.exchange.stored()
        for body in (
            *(b"", b"x", b"{", b"[]", b"{}", b"null", b'"private"', b'{"access": 1}'),
            *(b'{"access": "secret"}', b'{"access": null}', b'{"Access": "private"}'),
            *(b'{"access": "private"', b"[" * 4000, b'\xff{"access": "private"}'),
            *(b'{"access": "\xff"}',),
            *(b'{"access": "private", "x": ' + b"[" * 4000, b'{"x": "\xff"}'),
        ):
            self.assertSays(self.put_properties(body), 400, "Invalid data")
        self.assertEqual(self.exchange.stored(), before)

    def test_unreadable_flag_is_private(self) -> None:
        self.put_properties(b'{"access": "public"}')
        (key,) = [each for each in self.exchange.stored() if "_properties" in each]
        for data in (b"rubbish", b'{"access": "\xff"}', b" " * 2000):
            self.exchange.wait(self.exchange.store.put(key, data))
            answer = self.get(f"{R}/properties", self.read)
            self.assertEqual(answer.json, {"access": "private"})


class RoutingTests(test_tags.TagsCase):
    """Names whose components are words of routes."""

    def test_deep_names(self) -> None:
        for name in ("a/b/c", "a/tags/b", "images/json/x", "layer/x/y", "v1/v2/v1"):
            token = self.push_v1(name)
            root = f"/v1/repositories/{name}"
            self.assertEqual(self.get(f"{root}/tags", token).json, {"latest": T})
            self.assertEqual(self.get(f"{root}/tags/latest", token).json, T)
            self.assertEqual(len(self.get(f"{root}/images", token).json), 2)

    def test_names_outside_the_grammar(self) -> None:
        for name in (
            "Acme/web",
            "acme//web",
            "acme/../web",
            "acme/w%20b",
            "-/x",
            "_/x",
        ):
            for method, suffix in (
                ("GET", "/tags"),
                ("GET", "/tags/latest"),
                ("PUT", "/tags/latest"),
                ("DELETE", "/tags/latest"),
                ("GET", "/json"),
                ("GET", "/properties"),
                ("DELETE", "/"),
            ):
                body = b"{}" if method == "PUT" else None
                target = f"/v1/repositories/{name}{suffix}"
                answer = self.ask(method, target, self.write, body)
                self.assertIn(answer.status, {400, 404}, target)
                self.assertEqual(list(map(type, answer.json.values())), [str], target)

    def test_query_does_not_matter(self) -> None:
        answer = self.get(f"{TAGS}?a=b&c", self.read)
        self.assertEqual(answer.json, {"latest": T})
