"""What every store must do about requests that come when nobody waits for them."""

from collections.abc import Callable
from functools import partial

from tests.integration.stores.faults import contract
from tests.integration.stores.faults.acts import HoldBack
from tests.integration.stores.faults.areaworks import Direct, read_area
from tests.integration.stores.faults.exchange import Exchange
from tests.integration.stores.faults.proxy import Rule
from tests.integration.stores.faults.works import (
    KEY,
    LONG,
    OTHER,
    SMALL,
    Work,
    read,
    same,
)
from txregistry.storage.interfaces import IObjectStore, IStagingArea, StorageUnavailable
from txregistry.streams import BytesReader

WHOLE = SMALL + LONG


class Upload(Work):
    """Append twice, going on from where it is after a failure.

    Args:
        exact: Whether a late request takes nothing away that was acknowledged.
    """

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        area = store.stage(KEY)
        await self._append(area, 0, len(SMALL))
        await self._append(area, len(SMALL), len(WHOLE))

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        del done
        found = await read_area(store.stage(KEY)) or b""
        same(found, WHOLE[: len(found)], "what there is of it")
        if self._exact:
            same(len(found), len(WHOLE), "the size")

    async def _append(self, area: IStagingArea, start: int, stop: int) -> None:
        try:
            await area.append(BytesReader(WHOLE[start:stop]), _ignore, None)
        except StorageUnavailable:
            rest = WHOLE[await area.size() : stop]
            await area.append(BytesReader(rest), _ignore, None)


class Finish(Work):
    """Commit, again if need be, and forget the area."""

    tries = 2

    async def prepare(self, store: IObjectStore) -> None:
        """See `Work`."""
        area = store.stage(KEY)
        for data in (SMALL, LONG):
            await area.append(BytesReader(data), _ignore, None)

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        area = store.stage(KEY)
        for left in reversed(range(self.tries)):
            try:
                await area.commit(OTHER)
            except StorageUnavailable:
                if not left:
                    raise
            else:
                break
        await area.discard()

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        del done
        same(await read(store, OTHER), WHOLE, "the object")


class GiveUp(Finish):
    """Commit once, and forget the area even if that failed, as it seems."""

    tries = 1

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        try:
            await super().run(store)
        except StorageUnavailable:
            await store.stage(KEY).discard()

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        del done
        found = await read(store, OTHER)
        if found is not None:
            same(found, WHOLE, "the object")


class LateContract(contract.BehindCase):
    """Inherit as ``late.LateContract``.

    Each request that changes something is held back in turn, until the client has given
    up and made it again, or something else. It comes when all is over.
    """

    exact = True
    """Whether nothing that was acknowledged to an upload can be undone so."""

    async def test_append(self) -> None:
        await self.come_late(partial(Upload, exact=self.exact))

    async def test_commit(self) -> None:
        await self.come_late(Finish)

    async def test_a_commit_that_seems_to_fail(self) -> None:
        await self.come_late(GiveUp)

    async def test_go_straight(self) -> None:
        await self.come_late(partial(Direct, self.much, tries=2))

    async def come_late(self, make: Callable[[], Work]) -> None:
        """Do something while one request after the other is late."""
        trial, plain = self.begin("count")
        await make().prepare(plain)
        try:
            await make().run(self.open_behind(trial))
            count = len(list(filter(_changes, trial.proxy.exchanges)))
        finally:
            await trial.end()
        self.assertGreater(count, 0)
        turns = range(1, count + 1)
        await self.in_turns([partial(self._try, make, first) for first in turns])

    async def _try(self, make: Callable[[], Work], first: int) -> None:
        trial, plain = self.begin(f"trial {first}")
        work, hold = make(), HoldBack()
        done = True
        try:
            await work.prepare(plain)
            trial.proxy.rules.append(Rule(hold, _changes, first=first))
            try:
                await work.run(self.open_behind(trial))
            except StorageUnavailable:
                done = False
            await work.verify(plain, done=done)
            assert hold.held is not None
            await hold.held.release()
            await work.verify(plain, done=done)
            await trial.settle()
        except BaseException as error:
            raise trial.wrong(f"late: request {first}", error) from error
        finally:
            await trial.end()


def _changes(exchange: Exchange) -> bool:
    return exchange.method not in {"GET", "HEAD"}


def _ignore(piece: bytes) -> None:
    del piece
