"""What a bearer token is asked for, and what it is good for.

Source: Distribution, "Token Scope Documentation" and "Token Authentication
Implementation" (``docs/content/spec/auth``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from txregistry.model.access import Action
from txregistry.model.names import RepositoryName


@dataclass(frozen=True, slots=True)
class TokenScopes:
    """What a token is good for.

    Attributes:
        repositories: What may be done, by the name of the repository.
        catalog: Whether the registry's repositories may be listed.
    """

    repositories: Mapping[str, frozenset[Action]]
    catalog: bool = False

    def allow(self, repository: RepositoryName | None, action: Action) -> bool:
        """Say whether a token is good for something.

        Args:
            repository: To which repository; None for the registry as a whole.
            action: What.
        """
        if repository is None:
            return self.catalog and action is Action.LIST
        return action in self.repositories.get(repository.text, frozenset())
