"""Who collects what nobody needs, as the settings describe it."""

import random
from typing import Any
from uuid import uuid4

from txregistry.registry.collection.collector import Collector
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.interfaces import IKeeping
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.collection.reasons import Reasons
from txregistry.registry.collection.schedule import CollectionSchedule
from txregistry.registry.collection.sparing import LEAST_FLOOR
from txregistry.registry.mirror.eviction import Eviction
from txregistry.registry.repositories import Registry
from txregistry.settings.policies import make_immutability
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking


def make_collector(
    settings: Settings,
    registry: Registry,
    reactor: Any,
    blocking: Blocking,
    reasons: Reasons | None = None,
) -> Collector:
    """Make who collects a registry; reasons are told why something stays."""
    bare = Registry(
        registry.plain_store,
        reactor,
        blocking,
        write_fallback=settings.referrers.fallbacktag,
        immutability=make_immutability(settings),
        floor=None,
    )
    contents = Contents(bare.store, blocking)
    floor: float = settings.collection.floor
    if floor and bare.store.flat:  # other nodes may have another one
        floor = max(floor, LEAST_FLOOR)
    keeping: IKeeping = KeepingAll()
    if not settings.mirror.offline:  # else what goes cannot come again
        keeping = Eviction(
            bare,
            registry.mirror.rules,
            registry.uses,
            contents,
            blocking,
            settings.mirror.size,
        )
    return Collector(
        bare,
        blocking,
        floor,
        str(uuid4()),
        contents,
        keeping,
        reasons,
    )


def make_collection_schedule(
    settings: Settings, registry: Registry, reactor: Any, blocking: Blocking
) -> CollectionSchedule:
    """Make what collects time and again; it is not begun yet."""
    collector = make_collector(settings, registry, reactor, blocking)
    return CollectionSchedule(
        collector, settings.collection.interval, reactor, random.random
    )
