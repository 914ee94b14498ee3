"""Tests of ``txregistry/registry/links.py``."""

from twisted.logger import capturedLogs

from tests.registry.case import RegistryTestCase
from txregistry.model.digest import Digest
from txregistry.registry.links import read_link, same_content, write_link
from txregistry.storage.interfaces import Key

KEY = Key("some/link")
DIGEST = Digest.of(b"content")


class LinksTests(RegistryTestCase):
    def read(self) -> Digest | None:
        return self.result(read_link(self.store, KEY))

    def check_logged(self, data: bytes) -> None:
        self.put(KEY, data)
        with capturedLogs() as events:
            self.assertIsNone(self.read())
        self.assertEqual([event["key"] for event in events], [KEY])

    def test_what_is_written_is_followed(self) -> None:
        self.result(write_link(self.store, KEY, DIGEST))
        self.assertEqual(self.read(), DIGEST)

    def test_is_71_bytes_without_a_newline(self) -> None:
        self.result(write_link(self.store, KEY, DIGEST))
        data = self.get(KEY)
        self.assertEqual((len(data), data), (71, str(DIGEST).encode()))

    def test_absent_link_is_not_worth_a_word(self) -> None:
        with capturedLogs() as events:
            self.assertIsNone(self.read())
        self.assertEqual(events, [])

    def test_empty_link_is_logged(self) -> None:
        self.check_logged(b"")

    def test_malformed_link_is_logged(self) -> None:
        self.check_logged(b"sha256:0")

    def test_link_that_is_no_text_is_logged(self) -> None:
        self.check_logged(b"\xff" * 71)

    def test_link_that_is_too_long_is_logged(self) -> None:
        self.check_logged(b"x" * 1000)

    def test_nothing_has_the_content_of_an_absent_link(self) -> None:
        found = self.result(same_content(self.store, "some/", DIGEST))
        self.assertEqual(found, {})
