"""The quotas that the settings describe."""

from typing import Any

from txregistry.registry.collection.collector import Collector
from txregistry.registry.quotas.rules import Quota
from txregistry.registry.quotas.schedule import TallySchedule
from txregistry.settings.sections import Settings


def make_quotas(settings: Settings) -> list[Quota]:
    """Say how much repositories may hold together."""
    return [
        Quota(
            quota.repositories,
            None if quota.bytes is None else int(quota.bytes),  # a plain number
            quota.tags,
        )
        for quota in settings.quotas
    ]


def make_tally_schedule(
    settings: Settings, collector: Collector, reactor: Any
) -> TallySchedule:
    """Make what counts where no round of collection does; it is not begun yet."""
    every = None if settings.collection.enabled else settings.collection.interval
    return TallySchedule(collector, every, reactor)
