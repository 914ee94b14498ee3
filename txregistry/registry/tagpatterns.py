"""Patterns of tags, in which ``*`` is any text."""

import re
from collections.abc import Iterable
from typing import Final

from txregistry.auth.patterns import wildcard
from txregistry.model.names import Tag

_LETTERS: Final = re.compile(r"[A-Za-z0-9._*-]{1,128}", re.ASCII)


class TagPatterns:
    """Some patterns. A tag is of them if it is of one.

    Args:
        patterns: As text.

    Raises:
        ValueError: one of them is no pattern.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.texts = tuple(patterns)
        for pattern in self.texts:
            if _LETTERS.fullmatch(pattern) is None:
                raise ValueError(
                    f"{pattern!r} is no pattern of tags: those are of letters, "
                    "digits, '.', '_' and '-', and patterns have '*' besides."
                )
        expressions = "|".join(map(wildcard, self.texts))
        self._fullmatch = re.compile(expressions or r"(?!)", re.ASCII).fullmatch

    def match(self, tag: Tag) -> bool:
        """Say whether a tag is of them."""
        return self._fullmatch(tag.text) is not None
