"""The interface to who stands for a token of version 1."""

from dataclasses import dataclass, field

from zope.interface import Interface

from txregistry.auth.tokens import PresentedToken
from txregistry.model.access import ANONYMOUS, Access, Action, Identity
from txregistry.model.names import RepositoryName
from txregistry.registry.scopes import Asking, whatever


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is good for.

    Attributes:
        repository: For which repository, in the short form of its name.
        access: For what.
        owner: Whose push it is: see `Scope`.
        holder: Whom it was issued to; nobody, where only the Index knows.
        expires: When it ends, in seconds since 1970; None where only the Index knows.
        announced: See `Scope`.
        usable: See `Scope`.
    """

    repository: RepositoryName
    access: Access
    owner: str
    expires: float | None = None
    announced: Asking = field(default=whatever)
    usable: Asking = field(default=whatever)
    holder: Identity = ANONYMOUS

    def allows(self, name: RepositoryName, action: Action) -> bool:
        """Say whether it is good for an action in a repository, by its short name."""
        return self.repository == name and self.access.allows(action)


class IAuthority(Interface):
    """Somebody who knows what tokens are good for."""

    async def grant(presented: PresentedToken) -> Grant:
        """Say what a token is good for, now.

        Raises:
            Unauthorized: for nothing.
            Unavailable: that cannot be found out at present.
        """
