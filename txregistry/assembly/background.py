"""What goes on in the background while the daemon runs, as the settings describe it."""

from typing import Any

from txregistry.assembly.collection import make_collection_schedule, make_collector
from txregistry.assembly.mirrorschedule import make_schedule
from txregistry.assembly.quotas import make_tally_schedule
from txregistry.assembly.replication import Replicating
from txregistry.assembly.scrubbing import make_scrub_schedule
from txregistry.assembly.watching import Watching
from txregistry.registry.collection.schedule import CollectionSchedule
from txregistry.registry.notinguses import NotingUses
from txregistry.registry.quotas.schedule import TallySchedule
from txregistry.registry.quotas.telling import TellingQuotas
from txregistry.registry.repositories import Registry
from txregistry.registry.scrubbing.schedule import ScrubSchedule
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking


class Background:
    """Work that nobody asked for with a request.

    Args:
        settings: The settings.
        registry: What it is about.
        reactor: The reactor.
        blocking: Where disk work goes.
        shared: Whether another process over the same store does what one has to do
            for all; then only what follows from this one's requests is done here.

    Attributes:
        watching: What begins and ends with the daemon.

    Raises:
        SettingsError: a setting cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        reactor: Any,
        blocking: Blocking,
        *,
        shared: bool = False,
    ) -> None:
        self._registry = registry
        self._collecting: CollectionSchedule | None = None
        self._scrubbing: ScrubSchedule | None = None
        self._tallying: TallySchedule | None = None
        self.watching: list[Watching] = []
        alone = registry.writes and not shared
        if alone and not settings.mirror.offline:
            self.watching.append(make_schedule(settings, registry, reactor, blocking))
        if registry.writes:
            self.watching.append(NotingUses(registry.uses, reactor))
        if registry.writes and settings.quotas:
            self.watching.append(TellingQuotas(registry.quotas, reactor))
        if alone and settings.quotas:
            collector = make_collector(settings, registry, reactor, blocking)
            self._tallying = make_tally_schedule(settings, collector, reactor)
            self.watching.append(self._tallying)
        if alone and settings.collection.enabled:
            self._collecting = make_collection_schedule(
                settings, registry, reactor, blocking
            )
            self.watching.append(self._collecting)
        if alone and _scrubs(settings):
            self._scrubbing = make_scrub_schedule(settings, registry, reactor, blocking)
            self.watching.append(self._scrubbing)
        if settings.replication:
            self.watching.append(Replicating(registry.replication, shared=shared))

    async def end(self) -> None:
        """Let all end, after the last request."""
        if self._collecting is not None:
            await self._collecting.ended()
        if self._scrubbing is not None:
            await self._scrubbing.ended()
        if self._tallying is not None:
            await self._tallying.ended()
        if self._registry.writes:
            await self._registry.uses.flush()
            await self._registry.quotas.flush()
        await self._registry.replication.stop()
        await self._registry.mirror.close()


def _scrubs(settings: Settings) -> bool:
    """Say whether content is read time and again: by default, where that is free."""
    enabled = settings.scrub.enabled
    if enabled is not None:
        return enabled
    return not settings.storage.is_remote and settings.storage.inmemory is None
