"""What is fetched of other registries time and again, as the settings describe it."""

import random
from typing import Any

from txregistry.registry.mirror.platforms import Platforms
from txregistry.registry.mirror.schedule import MirrorSchedule, Plan
from txregistry.registry.mirror.warming import Warming
from txregistry.registry.repositories import Registry
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking


def make_schedule(
    settings: Settings, registry: Registry, reactor: Any, blocking: Blocking
) -> MirrorSchedule:
    """Make what fetches images time and again; it is not begun yet.

    Raises:
        SettingsError: a pattern cannot be used.
    """
    rules = registry.mirror.rules
    plans = []
    for place, upstream in enumerate(settings.mirror.upstreams):
        for number, each in enumerate(upstream.schedule):
            try:
                plan = Plan(
                    rules.of(upstream.name),
                    each.repositories,
                    each.tags,
                    each.platforms,
                    each.every,
                )
            except ValueError as error:
                setting = f"mirror.upstreams[{place}].schedule[{number}]"
                raise SettingsError(f"{setting}: {error}") from error
            plans.append(plan)

    def warming(platforms: Platforms) -> Warming:
        return Warming(
            registry.mirror, registry.referrers, blocking, platforms=platforms
        )

    return MirrorSchedule(
        plans,
        rules,
        registry.catalog,
        registry.store,
        warming,
        reactor,
        random.random,
    )
