"""What a bearer token is asked for, and what it is good for.

Source: Distribution, "Token Scope Documentation" and "Token Authentication
Implementation" (``docs/content/spec/auth``).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from txregistry.model.access import Action
from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName

_MOST: Final = 30
"""Scopes that are read at once: tokens of so many still fit into a header."""

_WORD: Final = re.compile(r"[^ ]+")
_SCOPE: Final = re.compile(r"([^:]*):(.*):([^:]*)")
"""The name of a repository of others may begin with a host and its port."""

_TYPE: Final = re.compile(r"([a-z0-9]+)(?:\([a-z0-9]+\))?", re.ASCII)
_REPOSITORY: Final = "repository"
_REGISTRY: Final = "registry"
_CATALOG: Final = "catalog"
_EVERYTHING: Final = "*"

_WORDS: Final = {
    "list": Action.LIST,
    "pull": Action.PULL,
    "push": Action.PUSH,
    "delete": Action.DELETE,
    _EVERYTHING: Action.ADMIN,
}
"""What an action is called in a token; ``list`` is ours, the rest Distribution's."""


@dataclass(frozen=True, slots=True)
class TokenScopes:
    """What a token is good for.

    Attributes:
        repositories: What may be done, by the name of the repository, and what that
            includes.
        catalog: Whether the registry's repositories may be listed.
    """

    repositories: Mapping[str, frozenset[Action]]
    catalog: bool = False

    @classmethod
    def parse(cls, *texts: str) -> "TokenScopes":
        """Read the values of the parameter ``scope``, each of one scope or several.

        What cannot be granted is left out, and is no error: types and actions that we
        do not know, names that no repository of ours can have, what is malformed, and
        what comes after the first thirty. A class, as in ``repository(plugin)``, says
        nothing.
        """
        words = (word[0] for text in texts for word in _WORD.finditer(text))
        matches = (_SCOPE.fullmatch(word) for word in islice(words, _MOST))
        return cls._collect(
            (match[1], match[2], match[3].split(",")) for match in matches if match
        )

    @classmethod
    def parse_claim(cls, access: object) -> "TokenScopes":
        """Read the claim ``access`` of a token, as JSON has it.

        What we do not know, and what is malformed, is good for nothing. A token of an
        external service can have as many entries as fit into it.
        """
        entries = access if isinstance(access, list) else []
        return cls._collect(
            (entry.get("type"), entry.get("name"), entry.get("actions"))
            for entry in entries
            if isinstance(entry, dict)
        )

    @classmethod
    def needed(cls, repository: RepositoryName | None, action: Action) -> "TokenScopes":
        """Give the least that is good for something, in words that all services know.

        Args:
            repository: To which repository; None for the registry as a whole.
            action: What.
        """
        if repository is None:
            return cls({}, catalog=True)
        word = Action.PULL if action is Action.LIST else action
        return cls({repository.text: word.included})

    @classmethod
    def _collect(cls, found: Iterable[tuple[object, object, object]]) -> "TokenScopes":
        repositories: dict[str, frozenset[Action]] = {}
        catalog = False
        for kind, name, words in found:
            match = _TYPE.fullmatch(kind) if isinstance(kind, str) else None
            actions = _read_actions(words)
            if match is None or not isinstance(name, str) or not actions:
                continue
            if match[1] == _REGISTRY and name == _CATALOG:
                catalog = catalog or Action.ADMIN in actions
            elif match[1] == _REPOSITORY and _is_name(name):
                before = repositories.get(name, frozenset())
                repositories[name] = before | actions
        return cls(repositories, catalog)

    def allow(self, repository: RepositoryName | None, action: Action) -> bool:
        """Say whether a token is good for something.

        Args:
            repository: To which repository; None for the registry as a whole.
            action: What.
        """
        if repository is None:
            return self.catalog and action is Action.LIST
        return action in self.repositories.get(repository.text, frozenset())

    def granted(
        self, allows: Callable[[RepositoryName | None, Action], bool]
    ) -> "TokenScopes":
        """Leave what somebody may do of what they ask for.

        Args:
            allows: Says whether they may do something to a repository, or, where that
                is None, to the registry as a whole.
        """
        repositories = {
            name: frozenset(
                action for action in actions if allows(RepositoryName(name), action)
            )
            for name, actions in self.repositories.items()
        }
        return TokenScopes(
            {name: actions for name, actions in repositories.items() if actions},
            catalog=self.catalog and allows(None, Action.LIST),
        )

    def __or__(self, other: "TokenScopes") -> "TokenScopes":
        """Join what two are good for."""
        repositories = dict(self.repositories)
        for name, actions in other.repositories.items():
            repositories[name] = repositories.get(name, frozenset()) | actions
        return TokenScopes(repositories, self.catalog or other.catalog)

    def __str__(self) -> str:
        """Write it as `parse` reads it, for a challenge."""
        return " ".join(
            f"{entry['type']}:{entry['name']}:{','.join(entry['actions'])}"
            for entry in self.claim()
        )

    def claim(self) -> list[dict[str, Any]]:
        """Write the claim ``access``, for JSON."""
        entries: list[dict[str, Any]] = [
            {"type": _REPOSITORY, "name": name, "actions": _write_actions(actions)}
            for name, actions in sorted(self.repositories.items())
            if actions
        ]
        if self.catalog:
            everything = [_EVERYTHING]
            entries.append({"type": _REGISTRY, "name": _CATALOG, "actions": everything})
        return entries


def _read_actions(words: object) -> frozenset[Action]:
    """Read actions, and what each of them includes."""
    said = words if isinstance(words, list) else []
    known = _WORDS.keys() & {word for word in said if isinstance(word, str)}
    return frozenset[Action]().union(*(_WORDS[word].included for word in known))


def _write_actions(actions: frozenset[Action]) -> list[str]:
    """Write actions; those that others include are left out, but for ``pull``.

    Distribution takes no action to include another one, so ``push`` needs ``pull``.
    """
    if Action.ADMIN in actions:
        return [_EVERYTHING]
    return [
        word
        for word, action in _WORDS.items()
        if action in actions and not (word == "list" and Action.PULL in actions)
    ]


def _is_name(text: str) -> bool:
    try:
        RepositoryName.parse(text)
    except NameInvalid:
        return False
    return True
