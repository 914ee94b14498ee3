"""What goes on in the background while the daemon runs, as the settings describe it."""

from typing import Any

from txregistry.assembly.replication import Replicating
from txregistry.assembly.watching import Ending, Watching
from txregistry.registry.notinguses import NotingUses
from txregistry.registry.quotas.telling import TellingQuotas
from txregistry.registry.repositories import Registry
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
        self._ending: list[Ending] = []
        self.watching: list[Watching] = []
        alone = registry.writes and not shared
        if alone and fetches_ahead(settings):
            # It takes a while to load, and only a mirror with a schedule needs it.
            from txregistry.assembly.mirrorschedule import (  # noqa: PLC0415 - as said
                make_schedule,
            )

            self.watching.append(make_schedule(settings, registry, reactor, blocking))
        if registry.writes:
            self.watching.append(NotingUses(registry.uses, reactor))
        if registry.writes and settings.quotas:
            self.watching.append(TellingQuotas(registry.quotas, reactor))
        if alone:
            # This likewise, and no worker needs it.
            from txregistry.assembly.rounds import make_rounds  # noqa: PLC0415 - as said

            self._ending += make_rounds(settings, registry, reactor, blocking)
        self.watching += self._ending
        if settings.replication:
            self.watching.append(Replicating(registry.replication, shared=shared))

    async def end(self) -> None:
        """Let all end, after the last request."""
        for each in self._ending:
            await each.ended()
        if self._registry.writes:
            await self._registry.uses.flush()
            await self._registry.quotas.flush()
        await self._registry.replication.stop()
        await self._registry.mirror.close()


def fetches_ahead(settings: Settings) -> bool:
    """Say whether there is anything to fetch of others before it is asked for."""
    mirror = settings.mirror
    return not mirror.offline and any(each.schedule for each in mirror.upstreams)
