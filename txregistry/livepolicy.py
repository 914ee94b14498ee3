"""A policy that can be replaced while it is in force."""

from zope.interface import implementer

from txregistry.auth.interfaces import IPolicy
from txregistry.model.access import Action, Identity
from txregistry.model.names import RepositoryName


@implementer(IPolicy)
class LivePolicy:
    """Let the rules decide that are in force at present.

    Args:
        policy: The first of them.
    """

    def __init__(self, policy: IPolicy) -> None:
        self.policy = policy

    def replace(self, policy: IPolicy) -> None:
        """Put others in force."""
        self.policy = policy

    def allows(
        self, identity: Identity, repository: RepositoryName | None, action: Action
    ) -> bool:
        """See `IPolicy`."""
        return self.policy.allows(identity, repository, action)
