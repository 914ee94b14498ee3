"""All the ways to know somebody, one after the other."""

from collections.abc import Iterable, Sequence

from zope.interface import implementer

from txregistry.auth.interfaces import Caller, Credentials, IIdentifier
from txregistry.model.access import Identity
from txregistry.model.errors import Unauthorized


@implementer(IIdentifier)
class Identifiers:
    """Let the first way decide that is about what is shown; else it is nobody.

    Args:
        identifiers: The ways, in their order.
        schemes: Schemes of ``Authorization`` that mean something here, in lower case.
            What is sent by another is refused; it is passed over where there are none,
            and everybody is nobody.
    """

    def __init__(
        self, identifiers: Sequence[IIdentifier] = (), schemes: Iterable[str] = ()
    ) -> None:
        self._identifiers = identifiers
        self._schemes = frozenset(schemes)

    async def identify(self, shown: Credentials) -> Caller:
        """See `IIdentifier`; one who is not known is an anonymous caller."""
        scheme = shown.authorization.strip().partition(" ")[0].lower()
        if scheme and self._schemes and scheme not in self._schemes:
            raise Unauthorized
        for each in self._identifiers:
            caller = await each.identify(shown)
            if caller is not None:
                return caller
        return Caller(Identity("", address=shown.address))

    async def still_knows(self, name: str) -> bool:
        """See `IIdentifier`; nobody can always be nobody."""
        if not name:
            return True
        for each in self._identifiers:
            if await each.still_knows(name):
                return True
        return False
