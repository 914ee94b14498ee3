"""What may be done where no server stands between who asks and the store."""

from collections.abc import Iterable
from typing import Final

from zope.interface import implementer

from txregistry.auth.interfaces import Caller, IPolicy
from txregistry.auth.policy import EVERYONE, Rule, RulePolicy
from txregistry.model.access import Action, Identity
from txregistry.model.names import RepositoryName
from txregistry.registry.repositories import Registry

_READING: Final = frozenset({Action.LIST, Action.PULL})


class PolicyPermission:
    """Ask a policy; what another registry decides nobody may by our word.

    Args:
        registry: Knows what others decide.
        policy: Decides the rest.
    """

    def __init__(self, registry: Registry, policy: IPolicy) -> None:
        self._mirror = registry.mirror
        self._policy = policy

    def may(self, caller: Caller, name: RepositoryName | None, action: Action) -> bool:
        """See `Permission`."""
        if name is not None and action in _READING:
            mirror = self._mirror
            if mirror.passes(name) or mirror.rules.closes(name):
                return False
        return self._policy.allows(caller.identity, name, action)

    async def lists(self, caller: Caller, name: RepositoryName) -> bool:
        """See `Permission`."""
        return self.may(caller, name, Action.LIST)


def parse_allowed(text: str) -> Rule:
    """Read ``PATTERN,...:ACTION,...``: what whoever has a key may do.

    Raises:
        ValueError: it is nothing of the kind.
    """
    patterns, colon, actions = text.rpartition(":")
    if not colon:
        raise ValueError("it must be such as 'team/**,base/*:pull,push'")
    found = set()
    for word in actions.split(","):
        if word not in {*Action}:
            raise ValueError(
                f"{word!r} is nothing that can be allowed; that is {', '.join(Action)}"
            )
        found.add(Action(word))
    rule = Rule(frozenset({EVERYONE}), tuple(patterns.split(",")), frozenset(found))
    _ = RulePolicy([rule])  # which looks at the patterns
    return rule


@implementer(IPolicy)
class AllowedPolicy:
    """Allow what one of some rules allows, whichever it is.

    Args:
        rules: The rules.

    Raises:
        ValueError: one of them cannot be used.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._policies = [RulePolicy([rule]) for rule in rules]

    def allows(
        self, identity: Identity, repository: RepositoryName | None, action: Action
    ) -> bool:
        """See `IPolicy`."""
        return any(
            policy.allows(identity, repository, action) for policy in self._policies
        )
