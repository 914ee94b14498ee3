"""A store whose objects are as old as a clock says, wherever they are."""

from dataclasses import replace

from twisted.internet.interfaces import IReactorTime

from txregistry.storage.interfaces import IObjectStore, IStagingArea, Key, Stat
from txregistry.storage.passing import PassingArea, PassingStore


class ClockedStore(PassingStore):
    """Note when something is written, by a clock.

    Args:
        store: Does the work.
        clock: The clock.
    """

    def __init__(self, store: IObjectStore, clock: IReactorTime) -> None:
        super().__init__(store)
        self._clock = clock
        self._written: dict[Key, float] = {}

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        found = await super().stat(key)
        return replace(found, modified=self._written[key])

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        done = await super().put(key, data, if_absent=if_absent)
        if done:
            self._written[key] = self._clock.seconds()
        return done

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _ClockedArea(super().stage(key, final), self._written, self._clock)


class _ClockedArea(PassingArea):
    """A staging area that notes when it becomes an object."""

    def __init__(
        self, area: IStagingArea, written: dict[Key, float], clock: IReactorTime
    ) -> None:
        super().__init__(area)
        self._written = written
        self._clock = clock

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        await super().commit(key)
        self._written[key] = self._clock.seconds()
