"""Lists of what nobody needs any more, which goes unless somebody says otherwise.

A list is written when something was found to be unneeded, and stays for the age floor
at least. So whoever relies on something, or is about to tell a client that it is there,
knows the list in time, and leaves a note; see `txregistry.registry.collection.sparing`.
"""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from twisted.logger import Logger

from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge

MOST: Final = 20_000
"""Things in a list; what is more waits for the next one."""
_LIMIT: Final = 8 * 1024 * 1024

LinkRole = Literal["layers", "revisions"]

_log = Logger()


class _Document(msgspec.Struct, frozen=True):
    number: str
    items: list[str]


@dataclass(frozen=True, slots=True)
class CondemnedList:
    """What nobody needs, of one repository, or of the blobs that begin with a byte.

    Attributes:
        number: Differs from one list to the next at a place.
        items: What goes.
    """

    number: str = ""
    items: frozenset[str] = frozenset()


def link_item(role: LinkRole, digest: Digest) -> str:
    """Name a link of a repository in its list."""
    return f"{role}/{digest.algorithm}/{digest.encoded}"


def image_item(image_id: ImageId) -> str:
    """Name the record of an image of version 1 in a repository's list."""
    return f"images/{image_id}"


async def read_list(store: IObjectStore, place: Key) -> CondemnedList:
    """Read a list; one that is absent, or cannot be understood, condemns nothing."""
    try:
        data = await store.get(place, _LIMIT)
        found = msgspec.json.decode(data, type=_Document)
    except NotFound:
        return CondemnedList()
    except (TooLarge, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _log.warn("The list {place} cannot be read; it condemns nothing", place=place)
        return CondemnedList()
    return CondemnedList(found.number, frozenset(found.items))


async def write_list(
    store: IObjectStore, place: Key, number: str, items: list[str]
) -> None:
    """Write a list.

    Args:
        store: Where.
        place: Its key.
        number: Another than that of any list that was there.
        items: What goes; `MOST` at most.
    """
    await store.put(place, msgspec.json.encode(_Document(number, items)))
