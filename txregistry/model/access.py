"""Who wants to do what.

Source: Docker Registry API v1, section "Authorization", for what a token's ``access``
allows.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """What is done to a repository."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


class Access(StrEnum):
    """What a version 1 token is good for."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"

    def allows(self, action: Action) -> bool:
        """Say whether a token of this access is enough for an action.

        Who pushes must be able to see what is there, so ``write`` allows to pull.
        """
        return action in _ALLOWED[self]


_ALLOWED: Final = {
    Access.READ: frozenset({Action.PULL}),
    Access.WRITE: frozenset({Action.PULL, Action.PUSH}),
    Access.DELETE: frozenset({Action.DELETE}),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who is known.

    Attributes:
        name: What they are called; empty only for who is not known at all.
        groups: What they belong to.
    """

    name: str
    groups: frozenset[str] = frozenset()


ANONYMOUS: Final = Identity("")
"""Nobody in particular: who did not say, or need not say, who they are."""
