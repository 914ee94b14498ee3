"""What can be asked for in the command line of an SSH request: pure values, a grammar.

A line is words of few characters, parted by spaces. Nothing in it is quoted, as nothing
that can be said here needs that: so there is one way to read a line, whoever wrote it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, NameInvalid, TagInvalid
from txregistry.model.names import MAX_NAME, Reference, RepositoryName, Tag
from txregistry.registry.mirror.platforms import Platforms

LONGEST: Final = 64 * 1024
"""Bytes in a line: nine hundred digests."""

_LATEST: Final = Tag("latest")
_LINE: Final = re.compile(rb"[A-Za-z0-9._:/@,+= -]*")
_PREFIX: Final = re.compile(r"[a-z0-9._/-]+", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_SHOWN: Final = 80
_CALLED: Final = 512
"""Characters in what an archive calls an image."""
_MOST_PLATFORMS: Final = 100


class RequestInvalid(ValueError):
    """A line asks for nothing that there is; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Image:
    """What an archive is to have."""

    name: RepositoryName
    reference: Reference
    have: frozenset[Digest] = frozenset()
    platforms: tuple[str, ...] = ()

    def __str__(self) -> str:
        return _spell(self.name, self.reference)


@dataclass(frozen=True, slots=True)
class Get:
    """``get``: an archive of an image.

    Attributes:
        image: What it has.
        resume: Bytes of it that are there already.
        identity: Of the archive that these are of; None where nobody says.
    """

    image: Image
    resume: int = 0
    identity: Digest | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """``plan``: what ``get`` would give, as JSON."""

    image: Image


@dataclass(frozen=True, slots=True)
class Put:
    """``put``: take an archive in.

    Attributes:
        name: The repository.
        tag: What is to point to the image.
        called: Which of its images is meant; None where it has but one.
    """

    name: RepositoryName
    tag: Tag
    called: str | None = None


@dataclass(frozen=True, slots=True)
class List:
    """``list``: the names of repositories, or of those that begin so."""

    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Tags:
    """``tags``: those of a repository."""

    name: RepositoryName


@dataclass(frozen=True, slots=True)
class Held:
    """``held``: the blobs that a repository has, so that they need not come."""

    name: RepositoryName


@dataclass(frozen=True, slots=True)
class Remove:
    """``rm``: a tag, or a manifest with all its tags."""

    name: RepositoryName
    reference: Reference


@dataclass(frozen=True, slots=True)
class History:
    """``history``: what a tag pointed to."""

    name: RepositoryName
    tag: Tag


@dataclass(frozen=True, slots=True)
class Help:
    """``help``: what can be asked for."""


Request = Get | Plan | Put | List | Tags | Held | Remove | History | Help

USAGE: Final = """\
get NAME[:TAG|@DIGEST] [options]   an archive of an image, for docker load
    --layers-have DIGEST,...       leave these out: the other end has them
    --platform OS/ARCH             of an index, only this; may be repeated
    --resume OFFSET                go on behind so many bytes
    --identity DIGEST              but only if it is the same archive: see plan
plan NAME[:TAG|@DIGEST] [options]  what get would give, as JSON
put NAME:TAG [--image CALLED]      take an archive in, as of docker save
list [PREFIX]                      the repositories that you may see
tags NAME                          the tags of a repository
held NAME                          the layers that an archive need not bring
rm NAME:TAG                        remove a tag
rm NAME@DIGEST                     remove an image, and all tags that point to it
history NAME:TAG                   what a tag pointed to, the latest first
help                               this text
"""


def parse_request(line: bytes) -> Request:
    """Read a command line.

    Raises:
        RequestInvalid: it is none.
    """
    if len(line) > LONGEST:
        raise RequestInvalid(f"The command has more than {LONGEST} bytes.")
    if not _LINE.fullmatch(line):
        raise RequestInvalid(
            "The command has a character that none may have: there are letters, "
            "digits and . _ : / @ , + = - and nothing is quoted."
        )
    words = line.decode("ascii").split()
    if not words:
        raise RequestInvalid("There is no shell here; ask for 'help'.")
    parse = _COMMANDS.get(words[0])
    if parse is None:
        raise RequestInvalid(f"There is no command {_show(words[0])}; ask for 'help'.")
    return parse(_Words(words))


class _Words:
    """The words of a line: what is asked for, and how."""

    def __init__(self, words: list[str]) -> None:
        self.command = words[0]
        self.options: dict[str, list[str]] = {}
        self.rest: list[str] = []
        following = iter(words[1:])
        for word in following:
            if not word.startswith("-"):
                self.rest.append(word)
                continue
            name, equals, text = word.partition("=")
            if not equals:
                text = next(following, "")
            if not text or text.startswith("-"):
                raise RequestInvalid(f"The option {_show(name)} needs a value.")
            self.options.setdefault(name, []).append(text)

    def take(self, least: int, most: int, *known: str) -> list[str]:
        """Give what is no option, if it is so much, and there is no other option."""
        for name in self.options:
            if name not in known:
                raise RequestInvalid(
                    f"{self.command} has no option {_show(name)}; ask for 'help'."
                )
        if not least <= len(self.rest) <= most:
            raise RequestInvalid(f"{self.command} is called otherwise; ask for 'help'.")
        return self.rest

    def one(self, name: str) -> str | None:
        """Give the value of an option that is there at most once."""
        values = self.options.get(name, [])
        if len(values) > 1:
            raise RequestInvalid(f"The option {name} is there more than once.")
        return values[0] if values else None


def _image(words: _Words, *more: str) -> Image:
    (text,) = words.take(1, 1, "--layers-have", "--platform", *more)
    name, reference = _read_image(text)
    have = words.one("--layers-have")
    platforms = tuple(dict.fromkeys(words.options.get("--platform", ())))
    if len(platforms) > _MOST_PLATFORMS:
        raise RequestInvalid(f"There are more than {_MOST_PLATFORMS} platforms.")
    try:
        _ = Platforms(platforms)
    except ValueError as error:
        raise RequestInvalid(f"--platform: {error}") from None
    digests = () if have is None else map(_digest, have.split(","))
    return Image(name, reference or _LATEST, frozenset(digests), platforms)


def _get(words: _Words) -> Get:
    image = _image(words, "--resume", "--identity")
    offset = words.one("--resume")
    if offset is not None and not _NUMBER.fullmatch(offset):
        raise RequestInvalid(f"--resume: {_show(offset)} is no number of bytes.")
    identity = words.one("--identity")
    return Get(image, int(offset or 0), None if identity is None else _digest(identity))


def _plan(words: _Words) -> Plan:
    return Plan(_image(words))


def _put(words: _Words) -> Put:
    (text,) = words.take(1, 1, "--image")
    called = words.one("--image")
    if called is not None and len(called) > _CALLED:
        raise RequestInvalid(f"--image: it has more than {_CALLED} characters.")
    return Put(*_read_tagged(words.command, text), called)


def _list(words: _Words) -> List:
    prefix = "".join(words.take(0, 1))
    if len(prefix) > MAX_NAME or (prefix and not _PREFIX.fullmatch(prefix)):
        raise RequestInvalid(f"No repository's name begins with {_show(prefix)}.")
    return List(prefix)


def _tags(words: _Words) -> Tags:
    (text,) = words.take(1, 1)
    return Tags(_name(text))


def _held(words: _Words) -> Held:
    (text,) = words.take(1, 1)
    return Held(_name(text))


def _remove(words: _Words) -> Remove:
    (text,) = words.take(1, 1)
    name, reference = _read_image(text)
    if reference is None:
        raise RequestInvalid("rm needs NAME:TAG or NAME@DIGEST.")
    return Remove(name, reference)


def _history(words: _Words) -> History:
    (text,) = words.take(1, 1)
    return History(*_read_tagged(words.command, text))


def _help(words: _Words) -> Help:
    words.take(0, 0)
    return Help()


_COMMANDS: Final[Mapping[str, Callable[[_Words], Request]]] = {
    "get": _get,
    "plan": _plan,
    "put": _put,
    "list": _list,
    "tags": _tags,
    "held": _held,
    "rm": _remove,
    "history": _history,
    "help": _help,
    "--help": _help,
}


def _read_tagged(command: str, text: str) -> tuple[RepositoryName, Tag]:
    name, reference = _read_image(text)
    if not isinstance(reference, Tag):
        raise RequestInvalid(f"{command} needs NAME:TAG.")
    return name, reference


def _read_image(text: str) -> tuple[RepositoryName, Reference | None]:
    """Read ``NAME``, ``NAME:TAG`` or ``NAME@DIGEST``."""
    name, at, digest = text.partition("@")
    if at:
        return _name(name), _digest(digest)
    name, colon, tag = text.partition(":")
    try:
        return _name(name), Tag.parse(tag) if colon else None
    except TagInvalid as error:
        raise RequestInvalid(f"{_show(tag)} is no tag. {error.message}") from None


def _name(text: str) -> RepositoryName:
    try:
        return RepositoryName.parse(text)
    except NameInvalid as error:
        raise RequestInvalid(f"{_show(text)} is no name. {error.message}") from None


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except DigestInvalid as error:
        raise RequestInvalid(f"{_show(text)} is no digest. {error.message}") from None


def _spell(name: RepositoryName, reference: Reference) -> str:
    return f"{name}{':' if isinstance(reference, Tag) else '@'}{reference}"


def _show(text: str) -> str:
    """Show a word, which may be long; of its characters all can be shown."""
    return f"'{text[:_SHOWN]}{'...' if len(text) > _SHOWN else ''}'"
