"""Who collects what nobody needs, as the settings describe it."""

import random
from typing import Any
from uuid import uuid4

from txregistry.auth.patterns import Patterns
from txregistry.registry.collection.collector import Collector
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.interfaces import IKeeping
from txregistry.registry.collection.keeping import KeepingByTurns
from txregistry.registry.collection.reasons import Reasons
from txregistry.registry.collection.schedule import CollectionSchedule
from txregistry.registry.collection.sparing import LEAST_FLOOR
from txregistry.registry.mirror.eviction import Eviction
from txregistry.registry.quotas.tally import Tallying
from txregistry.registry.repositories import Registry
from txregistry.registry.retention import Retention, RetentionRule
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.settings.collection import Retention as RetentionSettings
from txregistry.settings.policies import make_immutability
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking


def make_collector(
    settings: Settings,
    registry: Registry,
    reactor: Any,
    blocking: Blocking,
    reasons: Reasons | None = None,
    *,
    sweeping: bool = False,
) -> Collector:
    """Make who collects a registry.

    Args:
        settings: The settings.
        registry: The registry.
        reactor: The reactor.
        blocking: Where disk work goes.
        reasons: Are told why something stays.
        sweeping: Whether a rule of retention may remove all that it is about.

    Raises:
        SettingsError: a pattern cannot be used.
    """
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
    keeping = _make_keeping(settings, registry, bare, contents, blocking, sweeping)
    tallying = None
    if settings.quotas:
        tallying = Tallying(bare.store, registry.quotas.rules, reactor, blocking)
    return Collector(
        bare, blocking, floor, str(uuid4()), contents, keeping, reasons, tallying
    )


def _make_keeping(
    settings: Settings,
    registry: Registry,
    bare: Registry,
    contents: Contents,
    blocking: Blocking,
    sweeping: bool,  # noqa: FBT001 - handed on
) -> IKeeping:
    """Make what says what is kept.

    Raises:
        SettingsError: a pattern cannot be used.
    """
    keepings: list[IKeeping] = []
    if not settings.mirror.offline:  # else what goes cannot come again
        keepings.append(
            Eviction(
                bare,
                registry.mirror.rules,
                registry.uses,
                contents,
                blocking,
                settings.mirror.size,
            )
        )
    if settings.collection.retention:
        rules = [
            _make_rule(f"collection.retention[{place}]", rule)
            for place, rule in enumerate(settings.collection.retention)
        ]
        keepings.append(Retention(bare, rules, registry.uses, sweeping=sweeping))
    return KeepingByTurns(keepings)


def _make_rule(setting: str, rule: RetentionSettings) -> RetentionRule:
    try:
        return RetentionRule(
            Patterns(rule.repositories),
            TagPatterns(rule.tags),
            rule.newest,
            rule.pushed,
            rule.pulled,
            TagPatterns(rule.keep),
            rule.untagged,
        )
    except ValueError as error:
        raise SettingsError(f"{setting}: {error}") from error


def make_collection_schedule(
    settings: Settings, registry: Registry, reactor: Any, blocking: Blocking
) -> CollectionSchedule:
    """Make what collects time and again; it is not begun yet."""
    collector = make_collector(settings, registry, reactor, blocking)
    return CollectionSchedule(
        collector,
        settings.collection.interval,
        reactor,
        random.random,
        registry.counts.collection,
    )
