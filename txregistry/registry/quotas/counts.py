"""What the repositories of each quota hold, as it is written down in the store.

One document says what was counted exactly. Beside it each process writes what it let in
since. A count has a number, larger than that of any before, which is told before the
counting begins: so all know what may not be in it, whatever their clocks say.
"""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from twisted.logger import Logger

from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge

_LIMIT: Final = 4 * 1024 * 1024
_NODES: Final = 100
"""Processes of whose additions something is known."""
_MOST: Final = 2**53

_BROKEN: Final = (TooLarge, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Number = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
Change = Annotated[int, msgspec.Meta(ge=-_MOST, le=_MOST)]

_log = Logger()


class Usage(msgspec.Struct, frozen=True):
    """What repositories hold together, or by how much that has changed.

    Attributes:
        bytes: Of their content, each blob once.
        tags: How many they have.
    """

    bytes: Change = 0
    tags: Change = 0

    def plus(self, other: "Usage") -> "Usage":
        """Add to it."""
        return Usage(self.bytes + other.bytes, self.tags + other.tags)


class Count(msgspec.Struct, frozen=True):
    """What was counted.

    Attributes:
        number: The number of the count; that is about when it began, by the store's
            clock, in thousandths of a second since 1970. Nought where nothing was.
        begun: The number of the latest count that has begun, which may be this one.
        quotas: By what quotas are called.
        largest: How large the largest blob was of each, likewise.
    """

    number: Number = 0
    begun: Number = 0
    quotas: dict[str, Usage] = {}
    largest: dict[str, Number] = {}


Additions = Mapping[int, Mapping[str, Usage]]
"""What was let in, by the number of the latest count that it may not be in, and by what
quotas are called."""

_additions: Final = msgspec.json.Decoder(dict[Number, dict[str, Usage]])
_count: Final = msgspec.json.Decoder(Count)


async def read_count(store: IObjectStore) -> Count:
    """Read what was counted last; nothing, where that cannot be understood."""
    place = keys.quota_count()
    try:
        return _count.decode(await store.get(place, _LIMIT))
    except NotFound:
        return Count()
    except _BROKEN:
        _log.warn("The count {place} cannot be read; it is made anew", place=place)
        return Count()


async def write_count(store: IObjectStore, count: Count) -> None:
    """Write down what was counted."""
    await store.put(keys.quota_count(), msgspec.json.encode(count))


async def read_additions(store: IObjectStore) -> dict[Key, Additions]:
    """Read what processes let in, by where that is written."""
    page = await store.list(keys.quota_additions(), limit=_NODES)
    found: dict[Key, Additions] = {}
    for place in map(Key, page.names):
        try:
            found[place] = _additions.decode(await store.get(place, _LIMIT))
        except (NotFound, *_BROKEN):
            found[place] = {}
    return found


async def write_additions(store: IObjectStore, node: str, additions: Additions) -> None:
    """Write down what a process let in."""
    await store.put(keys.quota_addition(node), msgspec.json.encode(additions))


def total(additions: Additions, since: int, quota: str) -> Usage:
    """Add up what may not be in the count of a number, or a later one."""
    usage = Usage()
    for number, changes in additions.items():
        if number >= since and quota in changes:
            usage = usage.plus(changes[quota])
    return usage
