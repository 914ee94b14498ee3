"""Tests of ``txregistry/assembly/imageplaces.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.assembly.imageplaces import (
    FolderPlace,
    HostPlace,
    ImagePlace,
    Means,
    WebPlace,
    parse_place,
)
from txregistry.transfer.images.remotecommands import SshPlace

MEANS = Means({"TXREGISTRY_PASSWORD": "secret"})


class ParsePlaceTests(SynchronousTestCase):
    def test_places(self) -> None:
        places: tuple[tuple[str, ImagePlace], ...] = (
            ("/srv/registry", FolderPlace("/srv/registry")),
            ("registry", FolderPlace("registry")),
            ("a:b", FolderPlace("a:b")),
            ("./ssh://x", FolderPlace("./ssh://x")),
            ("https://host/x", WebPlace("https://host/x", MEANS)),
            ("HTTP://host:5000", WebPlace("HTTP://host:5000", MEANS)),
            ("ssh://me@host/x", HostPlace(SshPlace("host", "me", path="/x"), MEANS)),
        )
        for text, place in places:
            with self.subTest(text=text):
                self.assertEqual(parse_place(text, MEANS), place)

    def test_no_places(self) -> None:
        for text in (
            "",
            "a\0b",
            "s3://bucket",
            "file:///x",
            "http://",
            "http://me:word@host",
            "https://host?x",
            "https://host#x",
            "ssh://",
            "SSH://host",
        ):
            with self.subTest(text=text), self.assertRaises(ValueError) as raised:
                parse_place(text, MEANS)
            self.assertNotIn("word", str(raised.exception))

    def test_secrets_are_not_shown(self) -> None:
        self.assertNotIn("secret", repr(parse_place("http://host", MEANS)))
