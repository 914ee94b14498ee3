"""A store of which it is measured how long it takes."""

from collections.abc import Coroutine, Iterable
from time import perf_counter
from typing import Any, TypeVar

from zope.interface import alsoProvides, implementer

from txregistry.metrics import actions
from txregistry.metrics.actions import ActionTimes
from txregistry.storage.evidence import IWitnessed
from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    Page,
    Stat,
    StorageUnavailable,
)
from txregistry.storage.passing import PassingArea, PassingStore
from txregistry.streams import IReader

T = TypeVar("T")


async def _timed(times: ActionTimes, action: str, work: Coroutine[Any, Any, T]) -> T:
    began = perf_counter()
    try:
        return await work
    except StorageUnavailable:
        times.note_failure(action)
        raise
    finally:
        times.note(action, perf_counter() - began)


@implementer(IObjectStore)
class TimedStore(PassingStore):
    """Measure how long another store takes for what it does at one go.

    What is read or appended takes as long as whoever gives or takes the bytes, so that
    is not measured.

    Args:
        store: The other one.
        times: Where it is counted.
    """

    def __init__(self, store: IObjectStore, times: ActionTimes) -> None:
        super().__init__(store)
        self._times = times
        witnessed: Any = IWitnessed(store, None)
        if witnessed is not None:
            self.witness = witnessed.witness
            alsoProvides(self, IWitnessed)

    async def stat(self, key: Key) -> Stat:
        """See `IObjectSource`."""
        return await _timed(self._times, actions.STAT, self._store.stat(key))

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectSource`."""
        return await _timed(self._times, actions.GET, self._store.get(key, limit))

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""
        work = self._store.open(key, start, stop)
        return await _timed(self._times, actions.OPEN, work)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectSource`."""
        work = self._store.list(prefix, after=after, limit=limit, delimiter=delimiter)
        return await _timed(self._times, actions.LIST, work)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        work = self._store.put(key, data, if_absent=if_absent)
        return await _timed(self._times, actions.PUT, work)

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _TimedArea(self._store.stage(key, final), self._times)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        await _timed(self._times, actions.DELETE, self._store.delete(keys))

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        work = self._store.redirect(key, method, lifetime)
        return await _timed(self._times, actions.REDIRECT, work)


@implementer(IStagingArea)
class _TimedArea(PassingArea):
    """A staging area of such a store."""

    def __init__(self, area: IStagingArea, times: ActionTimes) -> None:
        super().__init__(area)
        self._times = times

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        await _timed(self._times, actions.COMMIT, self._area.commit(key))
