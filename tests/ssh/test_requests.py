"""Tests of ``txregistry/ssh/requests.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.ssh.requests import (
    LONGEST,
    USAGE,
    Get,
    Held,
    Help,
    History,
    Image,
    List,
    Plan,
    Put,
    Remove,
    RequestInvalid,
    Tags,
    parse_request,
)

APP = RepositoryName("team/app")
ONE = Tag("1.2")
DIGEST = Digest.of(b"one")
OTHER = Digest.of(b"other", "sha512")

REQUESTS = {
    b"get team/app:1.2": Get(Image(APP, ONE)),
    b"get team/app": Get(Image(APP, Tag("latest"))),
    b"  get   team/app:1.2 ": Get(Image(APP, ONE)),
    b"get team/app@%s" % str(DIGEST).encode(): Get(Image(APP, DIGEST)),
    b"get --resume 17 team/app:1.2": Get(Image(APP, ONE), 17),
    b"get team/app:1.2 --resume=0": Get(Image(APP, ONE)),
    b"get team/app:1.2 --layers-have %s,%s"
    % (str(DIGEST).encode(), str(OTHER).encode()): Get(
        Image(APP, ONE, frozenset({DIGEST, OTHER}))
    ),
    b"get team/app:1.2 --platform linux/arm/v7 --platform linux/amd64": Get(
        Image(APP, ONE, platforms=("linux/arm/v7", "linux/amd64"))
    ),
    b"get team/app:1.2 --resume 5 --identity %s" % str(DIGEST).encode(): Get(
        Image(APP, ONE), 5, DIGEST
    ),
    b"plan team/app:1.2": Plan(Image(APP, ONE)),
    b"put team/app:1.2": Put(APP, ONE),
    b"put team/app:1.2 --image localhost:5000/app:1": Put(
        APP, ONE, "localhost:5000/app:1"
    ),
    b"list": List(),
    b"list team/": List("team/"),
    b"tags team/app": Tags(APP),
    b"held team/app": Held(APP),
    b"rm team/app:1.2": Remove(APP, ONE),
    b"rm team/app@%s" % str(DIGEST).encode(): Remove(APP, DIGEST),
    b"history team/app:1.2": History(APP, ONE),
    b"help": Help(),
    b"--help": Help(),
}

REFUSALS = {
    b"": "There is no shell here",
    b"   ": "There is no shell here",
    b"/bin/sh": "no command '/bin/sh'",
    b"GET team/app": "no command 'GET'",
    b"get": "called otherwise",
    b"get team/app other": "called otherwise",
    b"get Team/app": "'Team/app' is no name",
    b"get ../app": "'../app' is no name",
    b"get team/app:.tag": "'.tag' is no tag",
    b"get team/app@sha256:12": "'sha256:12' is no digest",
    b"get team/app:1@sha256:12": "'team/app:1' is no name",
    b"get team/app --resume": "--resume' needs a value",
    b"get team/app --resume -1": "--resume' needs a value",
    b"get team/app --resume=x": "'x' is no number",
    b"get team/app --resume=007": "'007' is no number",
    b"get team/app --resume=99999999999999999999": "is no number",
    b"get team/app --resume 1 --resume 2": "more than once",
    b"get team/app --layers-have sha256:12": "is no digest",
    b"get team/app --platform linux": "is no platform",
    b"get team/app --unknown x": "no option '--unknown'",
    b"get team/app -x 1": "no option '-x'",
    b"plan team/app --resume 1": "no option '--resume'",
    b"put team/app": "put needs NAME:TAG",
    b"put team/app@%s" % str(DIGEST).encode(): "put needs NAME:TAG",
    b"rm team/app": "rm needs NAME:TAG or NAME@DIGEST",
    b"history team/app": "history needs NAME:TAG",
    b"list Team": "begins with 'Team'",
    b"list a b": "called otherwise",
    b"tags team/app:1": "is no name",
    b"help me": "called otherwise",
    b"get 'team/app'": "nothing is quoted",
    b'get "team/app"': "nothing is quoted",
    b"get team/app; id": "nothing is quoted",
    b"get $(id)": "nothing is quoted",
    b"get `id`": "nothing is quoted",
    b"get team/app\nput team/app:1": "nothing is quoted",
    b"get team/app\0": "nothing is quoted",
    b"get\tteam/app": "nothing is quoted",
    b"get team/\xc3\xa4pp": "nothing is quoted",
    b"get team\\/app": "nothing is quoted",
    b"get team/app > file": "nothing is quoted",
    b"put a:1 --image " + b"x" * 513: "more than 512",
    b"get a" + b" --platform linux/a%d" * 101 % (*range(101),): "more than 100",
}

WORDS = st.sampled_from(
    [
        *["get", "put", "plan", "list", "tags", "held", "rm", "history", "help"],
        *[
            "--resume",
            "--identity",
            "--layers-have",
            "--platform",
            "--image",
            "-",
            "--",
        ],
        *["a", "team/app", "team/app:1", f"a@{DIGEST}", str(DIGEST), "linux/amd64"],
        *["", "=", "@", ":", "0", "1", ",", "--resume=1", "--layers-have=,", "a:b:c"],
    ]
)


class ParseTests(SynchronousTestCase):
    def refusal(self, line: bytes) -> str:
        """A line is refused; give the sentence, which can be shown in one line."""
        error = self.assertRaises(RequestInvalid, parse_request, line)
        text = str(error)
        self.assertTrue(text.isprintable() and text.isascii(), text)
        self.assertLess(len(text), 500)
        self.assertTrue(text.endswith("."), text)
        return text

    def test_reads_what_can_be_asked_for(self) -> None:
        for line, request in REQUESTS.items():
            self.assertEqual(parse_request(line), request, line)

    def test_refuses_all_else_and_says_why(self) -> None:
        for line, part in REFUSALS.items():
            self.assertIn(part, self.refusal(line), line)

    def test_every_command_is_in_the_help(self) -> None:
        told = {line.split()[0] for line in USAGE.splitlines() if line[0] != " "}
        asked = {line.split()[0].decode() for line in REQUESTS} - {"--help"}
        self.assertEqual(told, asked)

    def test_a_line_has_room_for_hundreds_of_layers(self) -> None:
        digests = [Digest.of(b"%d" % number) for number in range(800)]
        line = f"get a --layers-have {','.join(map(str, digests))}".encode()
        self.assertLess(len(line), LONGEST)
        found = parse_request(line)
        assert isinstance(found, Get)
        self.assertEqual(found.image.have, frozenset(digests))

    def test_a_megabyte_is_refused(self) -> None:
        for line in (b"get " + b"a" * (1 << 20), b" " * (1 << 20), b"\0" * (1 << 20)):
            self.assertIn("more than 65536 bytes", self.refusal(line))

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, line: bytes) -> None:
        try:
            parse_request(line)
        except RequestInvalid:
            self.refusal(line)

    @given(st.lists(WORDS, max_size=8))
    def test_any_words_are_read_or_refused(self, words: list[str]) -> None:
        line = " ".join(words).encode()
        try:
            request = parse_request(line)
        except RequestInvalid:
            self.refusal(line)
        else:
            self.assertEqual(parse_request(b" " + line + b" "), request)

    @given(
        st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}", fullmatch=True),
        st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True),
        st.integers(0, 10**15),
    )
    def test_what_is_named_is_what_is_got(
        self, name: str, tag: str, offset: int
    ) -> None:
        line = f"get {name}:{tag} --resume {offset}".encode("ascii", "ignore")
        expected = Get(Image(RepositoryName(name), Tag(tag)), offset)
        self.assertEqual(parse_request(line), expected)
        self.assertEqual(str(expected.image), f"{name}:{tag}")
