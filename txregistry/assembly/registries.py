"""The registry that the settings describe."""

from typing import Any

from txregistry.assembly.mirror import make_rules
from txregistry.assembly.quotas import make_quotas
from txregistry.assembly.replication import make_replication_rules
from txregistry.assembly.stores import make_store
from txregistry.metrics.actions import ActionTimes
from txregistry.registry.repositories import Registry
from txregistry.settings.policies import make_immutability
from txregistry.settings.sections import Settings
from txregistry.storage.timed import TimedStore
from txregistry.tasks import Blocking


def make_registry(
    settings: Settings,
    reactor: Any,
    blocking: Blocking,
    *,
    lasting: bool = True,
    times: ActionTimes | None = None,
) -> Registry:
    """Make the registry, over its store.

    Args:
        settings: The settings.
        reactor: The reactor.
        blocking: Where disk work goes.
        lasting: Whether this process goes on for a while.
        times: Where it is counted what is done with the store; None for nowhere.

    Raises:
        SettingsError: a setting cannot be used.
    """
    store = make_store(settings, reactor, blocking)
    return Registry(
        store if times is None else TimedStore(store, times),
        reactor,
        blocking,
        complete=settings.validation.enabled and not settings.validation.disabled,
        write_fallback=settings.referrers.fallbacktag,
        deletes=settings.storage.delete.enabled,
        writes=not settings.storage.is_readonly,
        layer_limit=settings.v1.maxlayer,
        immutability=make_immutability(settings),
        mirrored=make_rules(settings, reactor, blocking),
        offline=settings.mirror.offline,
        floor=settings.collection.floor,
        replicated=make_replication_rules(settings, reactor, blocking),
        quotas=make_quotas(settings),
        lasting=lasting,
    )
