"""The interfaces to who is known, and to what they may do."""

from dataclasses import dataclass
from typing import Any, Protocol

from zope.interface import Interface

from txregistry.model.access import Action, Identity
from txregistry.model.names import RepositoryName
from txregistry.model.tokenscopes import TokenScopes


class ShownCertificate(Protocol):
    """A certificate of cryptography's.

    That takes a while to load, and only who reads what is in one needs it.
    """

    def fingerprint(self, algorithm: Any) -> bytes:
        """Give its hash."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows of who it is.

    Attributes:
        authorization: The value of the header ``Authorization``; empty where there is
            none.
        certificate: The certificate that TLS has verified; None where there is none.
        address: Where it asks from, an IP address as text; empty where that is not
            known.
    """

    authorization: str = ""
    certificate: ShownCertificate | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, and what a token that they sent limits them to.

    Attributes:
        identity: Who they are.
        scopes: What their token is good for; None where they sent none.
        delegated: Whether the token alone decides, because somebody else, who issued
            it, has looked at who they are. Else the policy must allow it as well.
    """

    identity: Identity
    scopes: TokenScopes | None = None
    delegated: bool = False


class IIdentifier(Interface):
    """One way to know somebody. Safe to call concurrently."""

    async def identify(shown: Credentials) -> Caller | None:
        """Find out who somebody is.

        Returns:
            Who makes the request; None if nothing is shown that this is about, so that
            another way may know them.

        Raises:
            Unauthorized: what is shown is malformed, forged, expired or wrong. Whether
                there is an account of that name is told by nothing, also not by the
                time that it takes.
            Unavailable: it cannot be found out at present.
        """

    async def still_knows(name: str) -> bool:
        """Say whether somebody can still be known by this way, as far as it can tell.

        It is asked about those who were known once, and have a token since.

        Args:
            name: What they are called.
        """


class IAccounts(Interface):
    """Those who have a name and a password. Safe to call concurrently."""

    async def identify(name: str, password: str, address: str = "") -> Identity | None:
        """Find out who somebody is.

        Args:
            name: Who they say they are: any text.
            password: What is to prove it: any text.
            address: Where they ask from, an IP address as text; empty where that is not
                known. Who guesses from there waits, and nobody else.

        Returns:
            Who they are; None if that is not proved. Whether there is an account of
            that name is told by nothing, also not by the time that it takes.

        Raises:
            Unavailable: too many ask at once.
        """

    async def has(name: str) -> bool:
        """Say whether there is an account of a name: to ourselves, not to who asks."""


class IPolicy(Interface):
    """What everybody may do."""

    def allows(
        identity: Identity, repository: RepositoryName | None, action: Action
    ) -> bool:
        """Say whether somebody may do something to a repository.

        Args:
            identity: Who, and from where; one without a name for who is not known.
            repository: To what; None for the registry as a whole. The two names that
                version 1 has for one repository, ``solo`` and ``library/solo``, have
                the same answer.
            action: What.
        """
