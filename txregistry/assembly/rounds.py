"""What looks through a store time and again, as the settings describe it."""

from typing import Any

from txregistry.assembly.collection import make_collection_schedule, make_collector
from txregistry.assembly.scrubbing import make_scrub_schedule
from txregistry.assembly.watching import Ending
from txregistry.registry.quotas.schedule import TallySchedule
from txregistry.registry.repositories import Registry
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking


def make_rounds(
    settings: Settings, registry: Registry, reactor: Any, blocking: Blocking
) -> list[Ending]:
    """Make what one process does for all over the same store; nothing is begun yet.

    Raises:
        SettingsError: a setting cannot be used.
    """
    made: list[Ending] = []
    if settings.quotas:
        collector = make_collector(settings, registry, reactor, blocking)
        # A round of collection counts as well.
        every = None if settings.collection.enabled else settings.collection.interval
        made.append(TallySchedule(collector, every, reactor))
    if settings.collection.enabled:
        made.append(make_collection_schedule(settings, registry, reactor, blocking))
    if _scrubs(settings):
        made.append(make_scrub_schedule(settings, registry, reactor, blocking))
    return made


def _scrubs(settings: Settings) -> bool:
    """Say whether content is read time and again: by default, where that is free."""
    enabled = settings.scrub.enabled
    if enabled is not None:
        return enabled
    return not settings.storage.is_remote and settings.storage.inmemory is None
