"""Exact counts of what the repositories of each quota hold."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.model.digest import CANONICAL, Digest
from txregistry.registry.collection.buckets import SIZE, DigestBuckets
from txregistry.registry.collection.links import walk_keys
from txregistry.registry.collection.report import QuotaReport
from txregistry.registry.collection.walks import walk_blobs
from txregistry.registry.quotas.counts import (
    Count,
    Usage,
    read_additions,
    read_count,
    write_count,
)
from txregistry.registry.quotas.rules import QuotaRules
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound
from txregistry.storage.kinds import Kind, Link, TagLink, recognize
from txregistry.tasks import Blocking, breathe

_PLACE: Final = 2
"""Bytes for the place of a quota."""
_BATCH: Final = 200
_MILLISECONDS: Final = 1000
_PAUSE: Final = 6.0
"""Seconds in which processes tell what they let in."""


class Tally:
    """A count that is under way.

    It is shown all links of all repositories, then all blobs. It remembers 34 bytes for
    each link and quota, on disk.

    Args:
        store: Where blobs are looked at of which the size is not known.
        rules: The quotas.
        clock: Lets others have their turn.
        held: Takes what they hold.
    """

    def __init__(
        self,
        store: IObjectStore,
        rules: QuotaRules,
        clock: IReactorTime,
        held: DigestBuckets,
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._held = held
        self._sizes = [0] * len(rules.quotas)
        self._tags = [0] * len(rules.quotas)
        self._largest = [0] * len(rules.quotas)

    async def see(self, kind: Kind | None) -> None:
        """Take note of what lies under a key, once for each key."""
        match kind:
            case Link(name, "layer" | "revision", digest):
                if digest.algorithm != CANONICAL:
                    return  # it stands beside one that has the name of what is stored
                data = bytes.fromhex(digest.encoded)
                full = False
                for place in self._rules.about(name):
                    full |= self._held.take(data, place.to_bytes(_PLACE))
                if full:
                    await self._held.spill()
            case TagLink(name):
                for place in self._rules.about(name):
                    self._tags[place] += 1
            case _:
                return

    async def weigh(self, number: int, sizes: Mapping[bytes, int | None]) -> None:
        """Take note of the blobs whose digests begin with a byte, once for each byte.

        Args:
            number: The byte.
            sizes: Their bytes, by digest; None where nobody has told.
        """
        looked: dict[bytes, int] = {}
        for count, entry in enumerate(await self._held.bucket(number), 1):
            if not count % _BATCH:
                await breathe(self._clock)
            digest, place = entry[:SIZE], int.from_bytes(entry[SIZE:])
            if digest not in sizes:
                continue  # a link that leads nowhere
            size = sizes[digest]
            if size is None:
                size = looked.get(digest)
                if size is None:
                    size = looked[digest] = await self._look(digest)
            self._sizes[place] += size
            self._largest[place] = max(self._largest[place], size)

    def usage(self) -> dict[str, Usage]:
        """Say what was counted, by what quotas are called."""
        return {
            quota.called: Usage(size, tags)
            for quota, size, tags in zip(
                self._rules.quotas, self._sizes, self._tags, strict=True
            )
        }

    def largest(self) -> dict[str, int]:
        """Say how large the largest blob is, likewise."""
        return {
            quota.called: size
            for quota, size in zip(self._rules.quotas, self._largest, strict=True)
        }

    def report(self) -> list[QuotaReport]:
        """Tell of each quota what was counted."""
        return [
            QuotaReport(quota.called, size, quota.size, tags, quota.tags)
            for quota, size, tags in zip(
                self._rules.quotas, self._sizes, self._tags, strict=True
            )
        ]

    async def _look(self, digest: bytes) -> int:
        try:
            found = await self._store.stat(keys.blob(Digest(CANONICAL, digest.hex())))
        except NotFound:
            return 0
        return found.size


class Tallying:
    """Counts, and what is written down of them.

    Only who has the lease of collection counts.

    Args:
        store: The store.
        rules: The quotas.
        clock: Lets others have their turn.
        blocking: Where disk work goes.
    """

    def __init__(
        self,
        store: IObjectStore,
        rules: QuotaRules,
        clock: IReactorTime,
        blocking: Blocking,
    ) -> None:
        self._store = store
        self.rules = rules
        self._clock = clock
        self._blocking = blocking

    async def is_due(self, now: float = 0.0, every: float | None = None) -> bool:
        """Say whether it is time to count.

        Args:
            now: The time by the store's clock.
            every: Seconds from one count to the next; None where one of all quotas is
                enough.
        """
        if not self.rules.quotas:
            return False
        count = await read_count(self._store)
        if any(quota.called not in count.quotas for quota in self.rules.quotas):
            return True
        return every is not None and now - count.number / _MILLISECONDS >= every

    async def prepare(self) -> None:
        """Wait until all have told what they let in up to now.

        So all know that it is in the count which begins then.
        """
        await deferLater(self._clock, _PAUSE)

    @asynccontextmanager
    async def counting(self, now: float | None) -> AsyncIterator[Tally]:
        """Count, within the block, and then write it down.

        Args:
            now: The time by the store's clock; None where nothing is written.
        """
        before = await read_count(self._store)
        # A larger number than that of any count, also if what was written is lost.
        number = max(int((now or 0) * _MILLISECONDS), before.begun + 1)
        if now is not None:
            begun = msgspec.structs.replace(before, begun=number)
            await write_count(self._store, begun)
        async with DigestBuckets(self._blocking, extra=_PLACE) as held:
            tally = Tally(self._store, self.rules, self._clock, held)
            yield tally
        if now is None or (await read_count(self._store)).begun != number:
            return  # somebody else counts
        count = Count(number, number, tally.usage(), tally.largest())
        await write_count(self._store, count)
        await self._forget(before.number)

    async def count(self, now: float) -> None:
        """Count all, and nothing else."""
        await self.prepare()
        async with self.counting(now) as tally:
            async for key in walk_keys(self._store, keys.REPOSITORIES, self._clock):
                await tally.see(recognize(key))
            async for number, sizes in walk_blobs(self._store, self._clock):
                await tally.weigh(number, sizes)

    async def _forget(self, number: int) -> None:
        """Forget what processes let in long ago that are gone: it was counted since."""
        found = await read_additions(self._store)
        await self._store.delete(
            place
            for place, additions in found.items()
            if all(each < number for each in additions)
        )
