"""How much of each quota is used, as far as that is known here."""

from secrets import randbelow
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.registry.quotas.counts import (
    Additions,
    Count,
    Usage,
    read_additions,
    read_count,
    total,
    write_additions,
)
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.tasks import Flights

_SHARED: Final = "commands-"
_DOCUMENTS: Final = 8
FRESH: Final = 5.0
"""Seconds for which what the store says is taken to be so."""


class Figures:
    """What was counted, and what was let in since: here, and by other processes.

    Args:
        store: Where that is written down.
        clock: Measures the time.
        node: What this process is called, another text for each; None for one that is
            gone in a moment: all those share a few documents.

    Attributes:
        count: What was counted last.
    """

    _log = Logger()

    def __init__(
        self, store: IObjectStore, clock: IReactorTime, node: str | None
    ) -> None:
        self._store = store
        self._clock = clock
        self._node = node or f"{_SHARED}{randbelow(_DOCUMENTS)}"
        self._shares = node is None
        self._flights = Flights()
        self._read_at: float | None = None
        self.count = Count()
        self._others: list[Additions] = []
        # What was let in since the store was read last; before that, so that what is
        # being read now tells in which counts it is; and before that.
        self._fresh: dict[str, Usage] = {}
        self._waiting: dict[str, Usage] = {}
        self._settled: dict[int, dict[str, Usage]] = {}
        self._written = True

    def add(self, quota: str, usage: Usage) -> None:
        """Note that something was let in, or went, after it is so in the store."""
        self._fresh[quota] = self._fresh.get(quota, Usage()).plus(usage)

    def used(self, quota: str) -> Usage:
        """Say how much of a quota is used."""
        found = self.count.quotas.get(quota, Usage())
        for part in (self._fresh, self._waiting):
            found = found.plus(part.get(quota, Usage()))
        for additions in (self._settled, *self._others):
            found = found.plus(total(additions, self.count.number, quota))
        return Usage(max(found.bytes, 0), max(found.tags, 0))

    async def refresh(self) -> bool:
        """Look into the store, unless that was a moment ago.

        Returns:
            Whether there is another count than before.
        """
        now = self._clock.seconds()
        # A clock may have been set back.
        if self._read_at is not None and self._read_at <= now < self._read_at + FRESH:
            return False
        before = self.count.number
        try:
            await self._flights.join(None, self._exchange)
        except StorageUnavailable as error:
            self._log.warn("Quotas go by what was known: {reason}", reason=str(error))
        self._read_at = now
        return self.count.number != before

    async def flush(self) -> None:
        """Tell other processes what was let in here, if there is anything new."""
        if self._fresh or self._waiting or not self._written:
            await self._flights.join(None, self._exchange)

    async def _exchange(self) -> None:
        """Read what others say, and write what they do not know."""
        for quota, usage in self._fresh.items():
            waiting = self._waiting.get(quota, Usage())
            self._waiting[quota] = waiting.plus(usage)
        self._fresh = {}
        count = await read_count(self._store)
        self._settle(count)
        # Of another process that died nobody else would know.
        found = await read_additions(self._store)
        ours = keys.quota_addition(self._node)
        self._others = [each for place, each in found.items() if place != ours]
        if self._shares:
            self._others.append(found.get(ours, {}))
        if not self._written:
            self._written = True
            try:
                await self._write()
            except BaseException:
                self._written = False
                raise

    async def _write(self) -> None:
        """Write down what others do not know."""
        if not self._shares:
            await write_additions(self._store, self._node, self._settled)
            return
        # If two of us do so at the very same time, one's is not known until the next
        # count.
        before = self._others[-1]
        merged = {
            number: dict(changes)
            for number, changes in before.items()
            if number >= self.count.number
        }
        for number, changes in self._settled.items():
            into = merged.setdefault(number, {})
            for quota, usage in changes.items():
                into[quota] = into.get(quota, Usage()).plus(usage)
        await write_additions(self._store, self._node, merged)
        self._others[-1] = merged
        self._settled = {}

    def _settle(self, count: Count) -> None:
        """Go by another count: forget what is certainly in it.

        What was let in before the store was asked is in all counts that it did not know
        of by then.
        """
        # A store may give what was there before.
        begun = max(count.begun, self.count.begun)
        self.count = count
        if self._waiting:
            self._written = False
            settled = self._settled.setdefault(begun, {})
            for quota, usage in self._waiting.items():
                settled[quota] = settled.get(quota, Usage()).plus(usage)
            self._waiting = {}
        for number in [each for each in self._settled if each < count.number]:
            del self._settled[number]
            self._written = False
