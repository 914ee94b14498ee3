"""Works that are broken off at some of their writes, on Swift."""

from collections.abc import Coroutine
from itertools import count
from typing import Any, Final

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets

from tests.figures import tell
from tests.integration.stores import spinning, test_swift
from tests.registry.breaking import contract
from tests.registry.breaking.contract import Open
from tests.registry.breaking.seen import EVERYTHING, all_keys
from txregistry.registry.collection import lease
from txregistry.storage.kinds import Upload, recognize
from txregistry.storage.memory import MemoryObjectStore

KILLED: Final = (
    "push over a tag",
    "push by version 1",
    "deleting a manifest",
    "collecting",
    "coming back",
    "scrubbing",
)
"""Works that write in ways that differ most; in memory all of them are tried."""
FULL: Final = "push of a referrer"


class SwiftBreakingTests(
    contract.BreakingContract, test_swift.SwiftStoreCase, spinning.SpinningCase
):
    """On Swift."""

    clock = reactor
    vital = ()  # a quota makes no difference

    def setUp(self) -> None:
        super().setUp()
        self.places = count()
        self.patch(lease, "_PAUSE", 0.02)

    def make_place(self) -> Open:
        root = f"place-{next(self.places)}"
        return lambda: self.open_store(root)

    def go_on(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.outcome(work)

    async def carry(self, place: Open) -> Open:
        """Look at most of what is left in memory: here, each look takes a request."""
        store = place()
        objects = {
            key: await store.get(key, 1 << 20)
            for key in await all_keys(store, EVERYTHING)
            if not isinstance(recognize(key), Upload)  # others name their parts
        }
        memory = MemoryObjectStore(self.clock, objects)
        return lambda: memory

    def test_process_ends(self) -> None:
        tried = sum(
            self.try_kills(name, lambda writes: range(writes // 2, writes, writes))
            for name in KILLED
        )
        self.assertEqual(tried, len(KILLED))
        tell(f"Swift: ended before {tried} writes: {tried} steps tried")

    def test_no_room_is_left(self) -> None:
        tried = self.try_full_disk(FULL, lambda _: range(3, 9, 5))
        self.assertEqual(tried, 2)
        tell(f"Swift: full before {tried} writes: {tried} steps tried")
