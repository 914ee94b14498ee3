"""What every store must keep under many faults, while much goes on at once."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, DeferredList, gatherResults

from tests.integration.stores import spinning
from tests.integration.stores.faults import contract
from tests.integration.stores.faults.areaworks import read_area
from tests.integration.stores.faults.proxy import Rule
from tests.integration.stores.faults.table import FAULTS, KINDRED, Fault
from tests.integration.stores.faults.works import (
    KEY,
    LONG,
    Wrong,
    read,
    same,
)
from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    StorageUnavailable,
)
from txregistry.streams import BytesReader

_NAMES = count()
_AT_ONCE = 3
"""Clients that use the store at the same time."""
_STEPS = 4
"""How often each of them tries something, until it is done."""

Weather = list[tuple[Fault, int]]
"""Faults, and how many requests there are before each, since the last one."""
WEATHER: st.SearchStrategy[Weather] = st.lists(
    st.tuples(st.sampled_from(FAULTS + KINDRED), st.integers(1, 12)),
    min_size=1,
    max_size=12,
)


@dataclass
class Client:
    """Somebody who pushes a blob in pieces, makes a link to it, and deletes another.

    Attributes:
        data: What is pushed.
        committed: Whether it was said to be there.
        linked: Whether it was said that there is the link.
        deleted: Whether it was said that the other object is gone.
        held: Bytes that were said to be in the area.
    """

    name: int
    data: bytes
    committed: bool = False
    linked: bool = False
    deleted: bool = False
    held: int = 0
    keys: dict[str, Key] = field(default_factory=dict)

    def key(self, what: str) -> Key:
        """Name something of its own."""
        return Key(f"{KEY}-{self.name}/{what}")

    async def run(self, store: IObjectStore) -> None:
        """Go on until all is done, or was tried often enough."""
        area = store.stage(self.key("area"))
        edges = [0, len(self.data) // 3, len(self.data)]
        for stop in edges[1:]:
            await _try(partial(self._append, area, stop))
        if self.held == len(self.data):
            await _try(partial(self._commit, area))
        if self.committed:
            await _try(partial(self._link, store))
        await _try(partial(self._delete, store))

    async def verify(self, store: IObjectStore) -> None:
        """Expect what was said to be true, and all else to be whole or absent."""
        area = await read_area(store.stage(self.key("area"))) or b""
        same(area, self.data[: len(area)], "an area")
        if len(area) < self.held:
            raise Wrong("what was appended is gone")
        for what, said, data in (
            ("blob", self.committed, self.data),
            ("link", self.linked, b"link"),
        ):
            found = await read(store, self.key(what))
            if said or found is not None:
                same(found, data, what)
        found = await read(store, self.key("other"))
        if self.deleted or found is not None:
            same(found, None if self.deleted else b"other", "what was deleted")

    async def _append(self, area: IStagingArea, stop: int) -> None:
        start = 0
        with suppress(NotFound):
            start = await area.size()
        if start < stop:
            source = BytesReader(self.data[start:stop])
            self.held = await area.append(source, _ignore, stop - start)

    async def _commit(self, area: IStagingArea) -> None:
        await area.commit(self.key("blob"))
        self.committed = True

    async def _link(self, store: IObjectStore) -> None:
        await store.put(self.key("link"), b"link")
        self.linked = True

    async def _delete(self, store: IObjectStore) -> None:
        await store.delete([self.key("other")])
        self.deleted = True


class StormContract(contract.BehindCase, spinning.SpinningCase):
    """Inherit as ``storms.StormContract``."""

    @settings(
        max_examples=3,
        derandomize=True,
        phases=[Phase.generate],  # to look for a smaller one would take many minutes
        suppress_health_check=[*HealthCheck],
    )
    @given(WEATHER, st.integers(0, 1 << 16))
    def test_a_storm(self, weather: Weather, seed: int) -> None:
        """Whatever happens, what was said is true, and nothing is half there."""
        self.result(self._suffer(weather, Random(seed)))  # noqa: S311 - an example

    async def _suffer(self, weather: Weather, chance: Random) -> None:
        trial, plain = self.begin(f"storm {next(_NAMES)}")
        clients = [
            Client(name, chance.randbytes(chance.choice((1, 19, len(LONG)))))
            for name in range(_AT_ONCE)
        ]
        try:
            for client in clients:
                await plain.put(client.key("other"), b"other")
            place = 0
            for fault, gap in weather:
                place += gap
                trial.proxy.rules.append(Rule(fault.act, first=place))
            store = self.open_behind(trial)
            going = [Deferred.fromCoroutine(client.run(store)) for client in clients]
            await DeferredList(going)
            await gatherResults(going)
            trial.proxy.rules.clear()
            await trial.settle()
            for client in clients:
                await client.verify(plain)
                await client.run(store)  # and when it is over, all can be done
                same(
                    (client.committed, client.linked, client.deleted),
                    (True, True, True),
                    "what can be done",
                )
                await client.verify(plain)
        except BaseException as error:
            raise trial.wrong("in the storm", error) from error
        finally:
            await trial.end()


async def _try(work: Callable[[], Any]) -> None:
    for _ in range(_STEPS):
        with suppress(StorageUnavailable):
            await work()
            return


def _ignore(piece: bytes) -> None:
    del piece
