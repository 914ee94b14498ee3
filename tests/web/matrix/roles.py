"""The roles, those who call, and what each of them may do, written by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PUBLIC, TEAM, PRIVATE = "public/app", "team/app", "private/app"
REPOSITORIES: Final = (PUBLIC, TEAM, PRIVATE)

READ: Final = frozenset({"list", "pull"})
WRITE: Final = READ | {"push"}
EDIT: Final = WRITE | {"delete"}
ALL: Final = EDIT | {"admin"}
NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True)
class Rights:
    """What somebody may do.

    Attributes:
        may: By repository.
        known: Whether they are, so that a refusal says that they may not.
        catalog: Whether they may ask for the names of what they may see.
        status: Whether they may know how the registry is.
        versions: Of which API all this is.
        token: Whether they send a token, of which it says itself what is wrong.
    """

    may: Mapping[str, frozenset[str]] = field(default_factory=dict)
    known: bool = False
    catalog: bool = False
    status: bool = False
    versions: tuple[int, ...] = (1, 2)
    token: bool = False


def everywhere(actions: frozenset[str]) -> dict[str, frozenset[str]]:
    """Say that somebody may do something to all repositories."""
    return dict.fromkeys(REPOSITORIES, actions)


_NOBODY: Final = Rights()
_LORD: Final = Rights(everywhere(ALL), known=True, catalog=True, status=True)

TABLE: Final[Mapping[str, Mapping[str, Rights]]] = {
    "private, for everybody": {
        "nobody": Rights(everywhere(ALL), known=True, catalog=True, status=True),
    },
    "private": {
        "nobody": _NOBODY,
        "wrong": _NOBODY,
        "bob": _LORD,
        "bob's certificate": _LORD,
        "bob's token": Rights({TEAM: READ}, token=True),
        "nobody's token": Rights(token=True),
        "bob's Index token": Rights({TEAM: WRITE}, versions=(1,)),
        "junk": _NOBODY,
    },
    "vendor": {
        "nobody": Rights({PUBLIC: READ}, catalog=True),
        "wrong": _NOBODY,
        "bob": Rights(everywhere(READ), known=True, catalog=True),
        "bob's certificate": Rights(everywhere(READ), known=True, catalog=True),
        "vera": _LORD,
        "vera's certificate": _LORD,
        "vera's token": Rights({TEAM: READ}, token=True),
        "nobody's token": Rights({PUBLIC: READ}, token=True),
        "vera's Index token": Rights({TEAM: WRITE}, versions=(1,)),
        "junk": _NOBODY,
    },
    "mirror": {
        "nobody": Rights({PUBLIC: READ, TEAM: READ}, catalog=True),
        "wrong": _NOBODY,
        "bob": Rights(
            {PUBLIC: READ, TEAM: READ, PRIVATE: EDIT}, known=True, catalog=True
        ),
        "bob's certificate": Rights(
            {PUBLIC: READ, TEAM: READ, PRIVATE: EDIT}, known=True, catalog=True
        ),
        "nobody's token": Rights({PUBLIC: READ, TEAM: READ}, token=True),
        "junk": _NOBODY,
    },
    "sponsor": {
        "nobody": _NOBODY,
        "wrong": _NOBODY,
        "the service's token": Rights({TEAM: WRITE}, versions=(2,), token=True),
        "the service's token for all": Rights(
            {TEAM: ALL}, catalog=True, versions=(2,), token=True
        ),
        "the Index's token": Rights({TEAM: WRITE}, versions=(1,)),
        "somebody's token": _NOBODY,
        "junk": _NOBODY,
    },
}
