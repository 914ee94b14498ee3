"""Who wants to do what.

Source: Docker Registry API v1, section "Authorization", for what a token's ``access``
allows.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """What is done to a repository.

    Some include others: see `included`.
    """

    LIST = "list"
    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    ADMIN = "admin"

    @property
    def included(self) -> frozenset["Action"]:
        """What else who may do this may do as well, and this itself.

        Who pulls may know what there is to pull, who pushes must be able to see what is
        there, and who administers a repository may do everything to it.
        """
        return _INCLUDED[self]


_LISTING: Final = frozenset({Action.LIST})
_PULLING: Final = _LISTING | {Action.PULL}
_INCLUDED: Final = {
    Action.LIST: _LISTING,
    Action.PULL: _PULLING,
    Action.PUSH: _PULLING | {Action.PUSH},
    Action.DELETE: frozenset({Action.DELETE}),
    Action.ADMIN: frozenset(Action),
}


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
    Access.READ: Action.PULL.included,
    Access.WRITE: Action.PUSH.included,
    Access.DELETE: Action.DELETE.included,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who asks for something.

    Attributes:
        name: What they are called; empty only for who is not known at all.
        groups: What they belong to.
        address: Where they ask from, an IP address as text; empty where that is not
            known. It says nothing of who they are.
    """

    name: str
    groups: frozenset[str] = frozenset()
    address: str = field(default="", compare=False)

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody knows who they are."""
        return not self.name


ANONYMOUS: Final = Identity("")
"""Nobody in particular: who did not say, or need not say, who they are."""
