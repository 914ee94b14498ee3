"""Patterns of repositories' names.

In them ``*`` is any text within one component, and ``**``, as a component, is any
number of components: ``acme/**`` is all below ``acme``, ``**/web`` is ``web`` at any
depth, ``**`` is all there is.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from txregistry.model.names import RepositoryName

EVERYTHING: Final = "**"
"""The pattern of all names, and of the registry as a whole."""

_LETTERS: Final = re.compile(r"[a-z0-9._*-]+", re.ASCII)
_DEEP: Final = "**"
_MOST_DEEP: Final = 2
"""``**`` in one pattern: a name that is made for it costs a power of this."""

_LIBRARY: Final = "library"
_MOST_STATES: Final = 4096
"""Looked at to compare two patterns: more are given up for not covered."""


class Patterns:
    """Some patterns. A name is of them if it is of one.

    Args:
        patterns: As text.

    Raises:
        ValueError: one of them is no pattern.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.texts = tuple(patterns)
        expressions = "|".join(_expression(pattern) for pattern in self.texts)
        self._fullmatch = re.compile(expressions or r"(?!)", re.ASCII).fullmatch

    def match(self, name: RepositoryName | None) -> bool:
        """Say whether a name is of them, by either way that version 1 spells it.

        Args:
            name: The name; None for the registry as a whole.
        """
        if name is None:
            return EVERYTHING in self.texts
        text = name.text
        if self._fullmatch(text) is not None:
            return True
        first, slash, rest = text.partition("/")
        if not slash:
            return self._fullmatch(f"{_LIBRARY}/{text}") is not None
        if first == _LIBRARY and "/" not in rest:
            return self._fullmatch(rest) is not None
        return False


@lru_cache(maxsize=4096)
def covers(wide: str, narrow: str) -> bool:
    """Say whether all that is of one pattern is of another as well.

    Where it says so it is so; where that is not easily told it does not say so.

    Args:
        wide: The other one.
        narrow: The one.
    """
    if EVERYTHING in {wide, narrow}:
        return wide == EVERYTHING  # nothing else is the registry as a whole
    components = narrow.split("/")
    forms = [components]
    match components:
        case [one]:
            forms.append([_LIBRARY, one])
        case ["library", one] if one != _DEEP:
            forms.append([one])
        case _:
            pass
    wanted = _steps(wide.split("/"))
    return any(_includes(wanted, _steps(form)) for form in forms)


def _steps(components: list[str]) -> list[str]:
    """Write the last ``**``, which is not nothing, as that and one more."""
    return [*components, "*"] if components[-1] == _DEEP else components


def _includes(wide: list[str], narrow: list[str]) -> bool:
    """Go along one pattern, and note all places where the other one may be by then."""
    states = [(0, _rest(wide, {0}))]
    seen = set(states)
    while states:
        place, reached = states.pop()
        if place == len(narrow):
            if len(wide) not in reached:
                return False
            continue
        if narrow[place] == _DEEP:  # nothing, or one component and again the same
            following = [(place + 1, reached), (place, _next(wide, reached, "*"))]
        else:
            following = [(place + 1, _next(wide, reached, narrow[place]))]
        for state in following:
            if state not in seen:
                seen.add(state)
                states.append(state)
        if len(seen) > _MOST_STATES:
            return False
    return True


def _next(wide: list[str], reached: Iterable[int], component: str) -> frozenset[int]:
    """Say where one is after a component."""
    found = set()
    for place in reached:
        if place == len(wide):
            continue
        if wide[place] == _DEEP:
            found.add(place)
        elif _includes_text(wide[place], component):
            found.add(place + 1)
    return _rest(wide, found)


def _rest(wide: list[str], reached: set[int]) -> frozenset[int]:
    """Add where one may be as well, as ``**`` may be nothing."""
    found = set(reached)
    for place in reached:
        after = place
        while after < len(wide) and wide[after] == _DEEP:
            after += 1
            found.add(after)
    return frozenset(found)


def _includes_text(wide: str, narrow: str) -> bool:
    """Say whether one component is of another, whose ``*`` takes a ``*`` as well."""
    return re.fullmatch(wildcard(wide), narrow) is not None


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
        "(?:[^/]+/)*" if head == _DEEP else f"{wildcard(head)}/" for head in heads
    )
    return found + ("[^/]+(?:/[^/]+)*" if last == _DEEP else wildcard(last))


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


def wildcard(component: str) -> str:
    """Write one component, in which ``*`` is any text, as a regular expression.

    That takes linear time: it is enough to try the first place where what stands
    between two ``*`` occurs.
    """
    first, *between = map(re.escape, component.split("*"))
    if not between:
        return first
    if component == "*":
        return "[^/]+"
    *middle, last = between
    found = "".join(f"(?>[^/]*?{text})" for text in middle)
    return f"{first}{found}[^/]*{last}"
