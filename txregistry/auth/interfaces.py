"""The interfaces to who is known, and to what they may do."""

from zope.interface import Interface

from txregistry.model.access import Action, Identity
from txregistry.model.names import RepositoryName


class IAccounts(Interface):
    """Those who have a name and a password. Safe to call concurrently."""

    async def identify(name: str, password: str) -> Identity | None:
        """Find out who somebody is.

        Args:
            name: Who they say they are: any text.
            password: What is to prove it: any text.

        Returns:
            Who they are; None if that is not proved. Whether there is an account of
            that name is told by nothing, also not by the time that it takes.

        Raises:
            Unavailable: too many ask at once.
        """


class IPolicy(Interface):
    """What everybody may do."""

    def allows(identity: Identity, repository: RepositoryName, action: Action) -> bool:
        """Say whether somebody may do something to a repository.

        Args:
            identity: Who; ``ANONYMOUS`` for who is not known.
            repository: To what. The two names that version 1 has for one repository,
                ``solo`` and ``library/solo``, have the same answer.
            action: What.
        """
