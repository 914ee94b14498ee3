"""Rules of who may do what to which repositories."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zope.interface import implementer

from txregistry.auth.interfaces import IPolicy
from txregistry.model.access import Action, Identity
from txregistry.model.names import RepositoryName, parse_v1_name, spell_v1_name

EVERYONE: Final = "everyone"
ANONYMOUS: Final = "anonymous"
AUTHENTICATED: Final = "authenticated"

_LETTERS: Final = re.compile(r"[a-z0-9._*-]+", re.ASCII)
_DEEP: Final = "**"
_MOST_DEEP: Final = 2
"""``**`` in one pattern: a name that is made for it costs a power of this."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What some may do to some repositories.

    Attributes:
        who: Names; ``@group`` for who belongs to one; ``anonymous`` for who is not
            known, ``authenticated`` for who is, ``everyone`` for both.
        repositories: Patterns of names. In them ``*`` is any text within one component,
            and ``**``, as a component, is any number of components: ``acme/**`` is all
            below ``acme``, ``**/web`` is ``web`` at any depth, ``**`` is all there is.
        may: What they may do, and all that they may.
    """

    who: frozenset[str]
    repositories: tuple[str, ...]
    may: frozenset[Action]


@implementer(IPolicy)
class RulePolicy:
    """Let the first rule decide that is about who asks and what for; else refuse.

    Args:
        rules: In their order.

    Raises:
        ValueError: a rule is about nobody or nothing, or a pattern is none.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(_compile(rule) for rule in rules)

    def allows(
        self, identity: Identity, repository: RepositoryName, action: Action
    ) -> bool:
        """See `IPolicy`."""
        callers = _called(identity)
        short = parse_v1_name(repository.text)
        forms = (short.text, spell_v1_name(short))
        for who, patterns, may in self._rules:
            if not who.isdisjoint(callers) and any(map(patterns.fullmatch, forms)):
                return action in may
        return False


_Compiled = tuple[frozenset[str], re.Pattern[str], frozenset[Action]]


def _compile(rule: Rule) -> _Compiled:
    for who in rule.who:
        if not who.strip() or who == "@":
            raise ValueError(f"{who!r} is neither a name nor '@' and a group.")
    if not rule.who or not rule.repositories:
        raise ValueError("A rule must say who it is about, and which repositories.")
    patterns = "|".join(_expression(pattern) for pattern in rule.repositories)
    return rule.who, re.compile(patterns, re.ASCII), rule.may


def _called(identity: Identity) -> set[str]:
    """Give all that rules may call somebody."""
    if not identity.name:
        return {EVERYONE, ANONYMOUS}
    found = {EVERYONE, AUTHENTICATED, *(f"@{group}" for group in identity.groups)}
    if identity.name not in _WORDS and not identity.name.startswith("@"):
        found.add(identity.name)  # nobody is what they are not by a name like a word
    return found


_WORDS: Final = frozenset({EVERYONE, ANONYMOUS, AUTHENTICATED})


def _expression(pattern: str) -> str:
    """Write a pattern of names as a regular expression."""
    components = pattern.split("/")
    for component in components:
        _check(pattern, component)
    if components.count(_DEEP) > _MOST_DEEP:
        raise ValueError(
            f"The pattern {pattern!r} has '**' more than {_MOST_DEEP} times."
        )
    *heads, last = components
    found = "".join(
        "(?:[^/]+/)*" if head == _DEEP else f"{_within(head)}/" for head in heads
    )
    return found + ("[^/]+(?:/[^/]+)*" if last == _DEEP else _within(last))


def _check(pattern: str, component: str) -> None:
    if not component:
        raise ValueError(
            f"The pattern {pattern!r} has a '/' at an end, or two of them together, or "
            "nothing at all."
        )
    if _LETTERS.fullmatch(component) is None:
        raise ValueError(
            f"The pattern {pattern!r} has {component!r}, but names are of lower-case "
            "letters, digits, '.', '_' and '-', and patterns have '*' besides."
        )
    if _DEEP in component and component != _DEEP:
        raise ValueError(
            f"The pattern {pattern!r} has {component!r}, but '**' is a component of "
            "its own."
        )


def _within(component: str) -> str:
    """Write one component as an expression that takes linear time.

    It is enough to try the first place where what stands between two ``*`` occurs.
    """
    first, *between = map(re.escape, component.split("*"))
    if not between:
        return first
    if component == "*":
        return "[^/]+"
    *middle, last = between
    found = "".join(f"(?>[^/]*?{text})" for text in middle)
    return f"{first}{found}[^/]*{last}"
