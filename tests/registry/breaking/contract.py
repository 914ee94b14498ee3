"""Break work off, and see what is left: the same on every store."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.registry.breaking.breakable import BreakableStore
from tests.registry.breaking.node import Node
from tests.registry.breaking.seen import (
    EVERYTHING,
    Seen,
    all_keys,
    check_clean,
    check_whole,
    lies_between,
    look,
)
from tests.registry.breaking.works import WORKS, Work, fill
from tests.registry.faulty import Killed
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, StorageFull
from txregistry.storage.memory import MemoryObjectStore

_OFTEN: Final = 3
"""Of so many places where there is no room, one is cleaned up."""

Open = Callable[[], IObjectStore]
"""Opens a store at its place: each time it is another process that does."""


class BreakingContract:
    """Break off all works. Inherit as ``contract.BreakingContract``, with a clock."""

    clock: Any
    vital: tuple[str, ...] = (keys.COLLECTION, keys.USES)
    """What is written where there is no room left for anything else."""

    def make_place(self) -> Open:
        """Make an empty place for a store."""
        raise NotImplementedError

    async def carry(self, place: Open) -> Open:
        """Give what is at a place, where it can be looked at faster, if need be."""
        return place

    def go_on(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what some work comes to, whose time passes."""
        raise NotImplementedError

    def run_to_death(self, work: Work, node: Node, write: int) -> bool:
        """Do some work in a process that ends before a write; say whether it did."""
        store = node.store
        assert isinstance(store, BreakableStore)
        store.stop_before(write)
        try:
            self.go_on(work.run(node))
        except Killed:
            return True
        assert not store.broken
        return False

    def foresee(self, work: Work) -> tuple[dict[Key, bytes], Seen, Seen, int]:
        """Do some work in memory.

        Returns:
            What a store has before it, what is seen before and after it, and how many
            writes it takes.
        """

        async def do() -> tuple[dict[Key, bytes], Seen, Seen, int]:
            store = BreakableStore(MemoryObjectStore(self.clock))
            node = Node(store, self.clock)
            await fill(node)
            await work.prepare(node)
            found = await all_keys(store, EVERYTHING)
            snapshot = {key: await store.get(key, 1 << 20) for key in found}
            before, store.writes = await look(node), 0
            await work.run(node)
            return snapshot, before, await look(node), store.writes

        found: tuple[dict[Key, bytes], Seen, Seen, int] = self.go_on(do())
        return found

    def try_kills(self, name: str, writes: Callable[[int], range]) -> int:
        """End the process before some writes of a work, and say how many it was."""
        work = WORKS[name]
        snapshot, before, after, count = self.foresee(work)
        tried = 0
        for write in writes(count):
            place = self.make_place()
            node = self.go_on(self._begin(place, snapshot))
            if not self.run_to_death(work, node, write):
                break
            tried += 1
            with _naming(name, write):
                place = self.go_on(self.carry(place))
                left = self.go_on(self._check(work, place(), before, after))
                self.go_on(self._clean_up(work, place, left, after))
        return tried

    def try_full_disk(self, name: str, writes: Callable[[int], range]) -> int:
        """Have no room from some write of a work on, and say how many it was."""
        work = WORKS[name]
        snapshot, before, after, count = self.foresee(work)
        tried = 0
        for write in writes(count):
            place = self.make_place()
            node = self.go_on(self._begin(place, snapshot))
            failed, full = self.run_out_of_room(work, node, write)
            if not full:
                break
            tried += 1
            with _naming(name, write):
                # It goes on serving what it has, though there is no room.
                left = self.go_on(self._check(work, node.store, before, after))
                assert failed or left == after
                self.make_room(node)
                if not write % _OFTEN:
                    self.go_on(self._clean_up(work, place, left, after))
        return tried

    def run_out_of_room(self, work: Work, node: Node, write: int) -> tuple[bool, bool]:
        """Do some work where there is no room from a write on.

        Returns:
            Whether it failed, and whether it came to that write.
        """
        store = node.store
        assert isinstance(store, BreakableStore)
        store.fill_before(write, self.vital)
        try:
            self.go_on(work.run(node))
        except StorageFull:
            return True, True
        return False, store.broken

    def make_room(self, node: Node) -> None:
        """Let there be room again."""
        assert isinstance(node.store, BreakableStore)
        node.store.empty()

    async def _begin(self, place: Open, snapshot: dict[Key, bytes]) -> Node:
        store = place()
        for key, data in snapshot.items():
            await store.put(key, data)
        return Node(BreakableStore(store), self.clock)

    async def _check(
        self, work: Work, store: IObjectStore, before: Seen, after: Seen
    ) -> Seen:
        """See that what is left is whole, and neither more nor less than it may be."""
        node = Node(store, self.clock)
        now = await look(node)
        odd = lies_between(now, before, after)
        assert not odd, odd
        await check_whole(node, now, rots=work.rots)
        return now

    async def _clean_up(self, work: Work, place: Open, left: Seen, after: Seen) -> None:
        """See that what nobody needs goes, and nothing else; then do the work again."""
        node = Node(place(), self.clock)
        await node.tidy()
        await node.collect(work.rounds)
        now = await look(node)
        for seen in left:
            if seen[0] in {"tag", "manifest", "referrer"}:
                assert now.get(seen) == left[seen], seen
        await check_whole(node, now, rots=work.rots)
        await check_clean(node)
        if work.lost:
            return
        node = Node(place(), self.clock)
        await work.run(node)
        again = await look(node)
        for seen in {*again, *after}:
            if seen[0] in {"tag", "manifest", "referrer", "image"}:
                assert again.get(seen) == after.get(seen), seen


@contextmanager
def _naming(name: str, write: int) -> Iterator[None]:
    """Say what was broken off, and where, if that did harm."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"{name}, broken off before write {write}")
        raise
