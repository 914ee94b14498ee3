"""What a staging area in Swift holds, as a small object that is never overwritten.

The latest request to write a name wins, however late its bytes are; so each state has a
name of its own: the area's key and the next number. The highest is the one that holds.
It is found by asking for names, not by a listing, which may lag behind.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Final

import msgspec

from txregistry.storage.interfaces import Key, Overtaken, StorageUnavailable
from txregistry.storage.swiftanswers import Outcome
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftsegments import Segment, folders_of

_MARK: Final = "X-Object-Meta-Txregistry"
_VALUE: Final = "state"
_LIMIT: Final = 16 * 1024 * 1024
"""Bytes in a state at most: some hundred thousand segments."""
_WEIGHT: Final = 16 * 1024 * 1024
"""Bytes of states that are remembered at most."""
_EXISTS: Final = 412
_REMEMBERED: Final = 8192
_DIGITS: Final = 6


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What an area holds.

    Attributes:
        id: Another one in each state.
        folder: Where segments go that are to come; empty while there are none.
        segments: What it holds, in order.
        tail: What follows them: too little to be a segment.
        tidy: Whether nothing but the segments can be in their folder, so that they can
            be named by a dynamic manifest.
        held: Whether it holds anything; if not, it was discarded.
        left: Folders of what was discarded, of which an object may yet be made.
        mark: What the latest append left.
    """

    id: str
    folder: str = ""
    segments: tuple[Segment, ...] = ()
    tail: bytes = b""
    tidy: bool = True
    held: bool = True
    left: tuple[str, ...] = ()
    mark: str = ""

    @property
    def folders(self) -> list[str]:
        """The folders of its segments."""
        return folders_of(each.name for each in self.segments)

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return sum(each.size for each in self.segments) + len(self.tail)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A state, its number, and what the service says of its content.

    Without any state, the number is 0.
    """

    number: int = 0
    state: State | None = None
    etag: str = ""

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes, about."""
        state = self.state
        return 0 if state is None else len(state.tail) + 256 * len(state.segments)


class SwiftStates:
    """Read and write the states of staging areas.

    Args:
        container: Where they are.
        root: What their names begin with beside the key.
    """

    def __init__(self, container: SwiftContainer, root: str) -> None:
        self._container = container
        self._root = root
        self._known: OrderedDict[Key, Numbered] = OrderedDict()
        self._weight = 0

    async def latest(self, area: Key) -> Numbered:
        """Find the state that holds."""
        known = self._known.get(area, Numbered())
        if known.number:
            found = await self._head(area, known.number)
            if found is None or found.header("Etag") != known.etag:
                known = Numbered()  # somebody else forgot it, and maybe began anew
        number = await self._highest(area, known.number)
        if number != known.number:
            known = await self._read(area, number)
        return self._know(area, known)

    async def write(self, area: Key, before: Numbered, state: State) -> Numbered:
        """Let a state follow another.

        Raises:
            Overtaken: somebody else's did.
        """
        number = before.number + 1
        name = self._name(area, number)
        data = _encode(state)
        # That is not atomic, but keeps out a request that comes late.
        headers = {"If-None-Match": "*", _MARK: _VALUE}
        found = await self._container.put(name, data, headers=headers, also={_EXISTS})
        if found.status != _EXISTS:
            return self._know(area, Numbered(number, state, found.header("Etag")))
        there = await self._read(area, number)
        if there.state is None or there.state.id != state.id:  # else we tried before
            raise Overtaken(f"Somebody else writes to {area}")
        return self._know(area, there)

    async def remove(self, area: Key, last: int) -> None:
        """Delete all states up to a number, the highest first."""
        self._know(area, Numbered())
        if last:
            names = [self._name(area, number) for number in range(last, 0, -1)]
            await self._container.delete(names)

    @staticmethod
    def is_state(found: Outcome) -> bool:
        """Whether an object is a state, by its header fields."""
        return found.header(_MARK) == _VALUE

    @staticmethod
    def area_of(key: Key) -> Key:
        """Give the area of a state's key."""
        return Key(key.rpartition("/")[0])

    async def _highest(self, area: Key, known: int) -> int:
        """Find the highest number that there is, given one that there is, or 0."""
        low, high = known, known + 1
        for high in _steps(known):
            if await self._head(area, high) is None:
                break
            low = high
        while high - low > 1:
            middle = (low + high) // 2
            if await self._head(area, middle) is None:
                high = middle
            else:
                low = middle
        return low

    async def _head(self, area: Key, number: int) -> Outcome | None:
        return await self._container.head(self._name(area, number))

    async def _read(self, area: Key, number: int) -> Numbered:
        found = await self._container.get(self._name(area, number), _LIMIT)
        if found is None:
            return Numbered()
        try:
            return Numbered(number, _decode(found.body), found.header("Etag"))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StorageUnavailable(f"The state of {area} cannot be read") from None

    def _name(self, area: Key, number: int) -> str:
        return f"{self._root}{area}/{number:0{_DIGITS}}"

    def _know(self, area: Key, found: Numbered) -> Numbered:
        old = self._known.pop(area, Numbered())
        self._weight -= old.weight
        if found.state is not None:
            self._known[area] = found
            self._weight += found.weight
        while len(self._known) > _REMEMBERED or self._weight > _WEIGHT:
            self._weight -= self._known.popitem(last=False)[1].weight
        return found


def _encode(state: State) -> bytes:
    """Write a state as a line of JSON, and its tail as it is."""
    line = msgspec.json.encode(msgspec.structs.replace(state, tail=b""))
    return line + b"\n" + state.tail


def _decode(data: bytes) -> State:
    line, _, tail = data.partition(b"\n")
    state = msgspec.json.decode(line, type=State)
    return msgspec.structs.replace(state, tail=tail)


def _steps(known: int) -> Iterator[int]:
    """Give numbers beyond a known one, each twice as far."""
    return chain((known + 2**power for power in range(20)), count(known + 2**20))
