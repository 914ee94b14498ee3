"""What a server asks for that does not know who we are.

Sources: RFC 9110, sections 11.3 and 11.6.1; Distribution, "Token Authentication
Specification".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 8192
"""Characters of challenges that are read."""
_MOST: Final = 16
"""Challenges that are."""

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME: Final = re.compile(rf"[ \t,]*({_WORD})(?:[ \t]+|(?=,|$))", re.ASCII)
_PARAMETER: Final = re.compile(
    rf"[ \t,]*({_WORD})[ \t]*=[ \t]*(?:({_WORD})|\"((?:[^\"\\]|\\.)*)\")"
    r"[ \t]*(?=,|$)",
    re.ASCII,
)
_OPAQUE: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)", re.ASCII)
_QUOTED: Final = re.compile(r"\\(.)")
_SCOPE: Final = re.compile(
    r"(repository(?:\([a-z0-9]+\))?:[a-z0-9._:/-]{1,300}):([a-z*,]+)", re.ASCII
)

PULL: Final = ("pull",)
"""What who only reads does to a repository."""
PUSH: Final = ("pull", "push")
"""What who also writes does to one."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way for us to say who we are.

    Attributes:
        scheme: ``basic``, ``bearer`` or another, in small letters.
        realm: Who wants to know; with ``bearer`` where there are tokens.
        service: What a token is to be for.
        scope: What it is to be good for.
    """

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Read ``WWW-Authenticate``; what is malformed, and what follows it, is left out.

    Args:
        values: The header field's values, each of one challenge or of several.
    """
    found: list[Challenge] = []
    left = _LONGEST
    for value in values:
        left -= len(value)
        if left < 0:
            break
        found += _parse(value)
    return found[:_MOST]


def _parse(text: str) -> Iterator[Challenge]:
    place = 0
    while (match := _SCHEME.match(text, place)) is not None:
        place = match.end()
        if (opaque := _OPAQUE.match(text, place)) is not None:
            place = opaque.end()
        parameters: dict[str, str] = {}
        while (found := _PARAMETER.match(text, place)) is not None:
            name, plain, quoted = found.groups()
            value = plain if quoted is None else _QUOTED.sub(r"\1", quoted)
            parameters.setdefault(name.lower(), value)
            place = found.end()
        known = {
            name: parameters[name]
            for name in ("realm", "service", "scope")
            if name in parameters
        }
        yield Challenge(match[1].lower(), **known)


def within(scope: str, actions: Sequence[str]) -> str:
    """Leave of a challenge's scopes what we do to repositories.

    An upstream that asks for more gets no token of ours that is good for it.

    Args:
        scope: What the challenge has.
        actions: What we do; the first of them is always wanted.

    Returns:
        Scopes; empty where none of them are of repositories.
    """
    found = []
    for word in scope.split():
        if (match := _SCOPE.fullmatch(word)) is not None:
            asked = set(match[2].split(","))
            wanted = [each for each in actions[1:] if asked & {each, "*"}]
            found.append(f"{match[1]}:{','.join([actions[0], *wanted])}")
    return " ".join(found)


def pull_of(repository: str) -> str:
    """Name the scope to read a repository."""
    return scope_of(repository, PULL)


def scope_of(repository: str, actions: Sequence[str]) -> str:
    """Name the scope to do something to a repository."""
    return f"repository:{repository}:{','.join(actions)}"
