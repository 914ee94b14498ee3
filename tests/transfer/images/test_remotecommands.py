"""Tests of ``txregistry/transfer/images/remotecommands.py``."""

import shlex
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.ssh.requests import Get, Image, Put, parse_request
from txregistry.transfer.images.endings import Ending, TransferFailed
from txregistry.transfer.images.interfaces import Asked, Placement
from txregistry.transfer.images.remotecommands import MOST_LAYERS, SshPlace

NAME = RepositoryName("team/app")
A, B = Digest("sha256", "a" * 64), Digest("sha256", "b" * 64)
ASKED = Asked(NAME, Tag("1"), ("linux/amd64", "linux/arm/v7"), frozenset({A, B}))
OURS = SshPlace("host")
THEIRS = SshPlace("host", path="/srv/registry")


class PlaceTests(SynchronousTestCase):
    def test_urls(self) -> None:
        for text, place in (
            ("ssh://host", SshPlace("host")),
            ("ssh://host/", SshPlace("host")),
            ("ssh://me@host:2222", SshPlace("host", "me", 2222)),
            ("ssh://[::1]:22/a", SshPlace("::1", None, 22, "/a")),
            ("ssh://host/a b'c", SshPlace("host", path="/a b'c")),
        ):
            with self.subTest(text=text):
                self.assertEqual(SshPlace.parse(text), place)

    def test_no_urls(self) -> None:
        for text in (
            "ssh:host",
            "ssh://",
            "ssh:///path",
            "ssh://-oProxyCommand=x",
            "ssh://-l@host",
            "ssh://me:secret@host",
            "ssh://a@b@host",
            "ssh://host:0",
            "ssh://host:65536",
            "ssh://host:x",
            "ssh://host/a\nb",
            "ssh://host/a\0b",
            "ssh://host /a",
            "ssh://host/" + "a" * 5000,
            "ssh://" + "h" * 300,
            "SSH://host\n",
        ):
            with self.subTest(text=text), self.assertRaises(ValueError):
                SshPlace.parse(text)

    def test_how_ssh_is_called(self) -> None:
        place = SshPlace("host", "me", 2222)
        self.assertEqual(
            place.arguments(["ssh", "-F", "config"], "get it"),
            [
                *("ssh", "-F", "config", "-T", "-x", "-o", "ServerAliveInterval=30"),
                *("-p", "2222", "-l", "me", "--", "host", "get it"),
            ],
        )


class OurServerTests(SynchronousTestCase):
    """What is asked for is what the other end reads."""

    def test_get(self) -> None:
        image = Image(NAME, Tag("1"), ASKED.have, ASKED.platforms)
        self.assertEqual(parse_request(OURS.get(ASKED).encode()), Get(image))
        line = OURS.get(ASKED, 7, A)
        self.assertEqual(parse_request(line.encode()), Get(image, 7, A))
        pinned = OURS.get(Asked(NAME, A))
        self.assertEqual(parse_request(pinned.encode()), Get(Image(NAME, A)))

    def test_put(self) -> None:
        line = OURS.put(Placement(NAME, (Tag("1"),), "app:1"))
        self.assertEqual(parse_request(line.encode()), Put(NAME, Tag("1"), "app:1"))
        for called in ("app 1", "app\n1", "--fly; x", "é", ""):
            with self.assertRaises(TransferFailed) as raised:
                OURS.put(Placement(NAME, (Tag("1"),), called))
            self.assertIs(raised.exception.ending, Ending.USAGE)

    def test_no_command_is_too_long(self) -> None:
        have = frozenset(Digest("sha256", f"{number:064}") for number in range(2000))
        found = parse_request(OURS.get(Asked(NAME, Tag("1"), (), have)).encode())
        assert isinstance(found, Get)
        self.assertEqual(len(found.image.have), MOST_LAYERS)


class CommandTests(SynchronousTestCase):
    def test_words(self) -> None:
        self.assertEqual(
            shlex.split(THEIRS.get(ASKED, 7, A)),
            [
                *("registryget", "/srv/registry", "team/app:1"),
                *("--platform", "linux/amd64", "--platform", "linux/arm/v7"),
                *("--layers-have", f"{A},{B}", "--offset", "7", "--identity", str(A)),
            ],
        )
        self.assertEqual(
            shlex.split(THEIRS.plan(Asked(NAME, A))),
            ["registryget", "/srv/registry", f"team/app@{A}", "--plan"],
        )
        self.assertEqual(
            shlex.split(THEIRS.put(Placement(NAME, (Tag("1"),), "a; b"))),
            [
                *("registryput", "/srv/registry", "team/app:1"),
                *("--image", "a; b", "--resume"),
            ],
        )
        self.assertEqual(
            shlex.split(THEIRS.held(NAME)),
            ["registryput", "/srv/registry", "team/app", "--held"],
        )

    @given(
        st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)
    )
    def test_a_path_is_one_word(self, text: str) -> None:
        place = SshPlace.parse(f"ssh://host/{text}")
        self.assertEqual(shlex.split(place.held(NAME))[1], f"/{text}")

    def test_a_shell_reads_what_was_meant(self) -> None:
        path = "/a 'b' \"c\" $(touch d) `e` ;f & g | h > i \\ j * ~ !k #l é"
        command = SshPlace("host", path=path).held(NAME)
        shown = command.replace("registryput", "printf %s,", 1)
        done = subprocess.run(
            ["sh", "-c", shown], capture_output=True, check=True, text=True
        )
        self.assertEqual(done.stdout, f"{path},team/app,--held,")
