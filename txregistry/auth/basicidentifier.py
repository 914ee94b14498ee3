"""Knowing somebody by a name and a password."""

from zope.interface import implementer

from txregistry.auth.basic import parse_basic
from txregistry.auth.interfaces import Caller, Credentials, IAccounts, IIdentifier
from txregistry.model.errors import Unauthorized


@implementer(IIdentifier)
class BasicIdentifier:
    """Know who sends ``Authorization: Basic``.

    Args:
        accounts: Who has a password.
    """

    def __init__(self, accounts: IAccounts) -> None:
        self._accounts = accounts

    async def identify(self, shown: Credentials) -> Caller | None:
        """See `IIdentifier`.

        An empty name is nobody's: Docker 1.5 sends one where it has no account.
        """
        pair = parse_basic(shown.authorization)
        if pair is None:
            return None
        name, password = pair
        identity = await self._accounts.identify(name, password, shown.address)
        if identity is None:
            raise Unauthorized
        return Caller(identity)

    async def still_knows(self, name: str) -> bool:
        """See `IIdentifier`."""
        return await self._accounts.has(name)
