"""How far a pass over all content is: it goes on after a restart, on whichever node."""

from typing import Annotated, Final

import msgspec

from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge

_LIMIT: Final = 64 * 1024
_MOST: Final = 100
"""Rotten blobs that are told of."""
_AFTER: Final = r"\A(?:[0-9a-f]{64})?\Z"


class ScrubState(msgspec.Struct, omit_defaults=True):
    """How far a pass is, and what the one before came to.

    Attributes:
        begun: When it began, in seconds since 1970.
        after: The last blob that was read, by its digest's hexadecimal digits.
        blobs: How many were read.
        bytes: Their bytes.
        rotten: The first of those that were not what their digest says.
        found: How many there were.
        unreadable: How many could not be read at all.
        ended: When it came to its end; 0 where it has not yet.
    """

    begun: float = 0.0
    after: Annotated[str, msgspec.Meta(pattern=_AFTER)] = ""
    blobs: int = 0
    bytes: int = 0
    rotten: list[str] = []
    found: int = 0
    unreadable: int = 0
    ended: float = 0.0

    def blame(self, encoded: str) -> None:
        """Note that a blob is rotten."""
        self.found += 1
        if len(self.rotten) < _MOST:
            self.rotten.append(encoded)


_decoder: Final = msgspec.json.Decoder(ScrubState)


async def read_state(store: IObjectStore) -> ScrubState:
    """Read how far it is; what cannot be read has not begun."""
    try:
        return _decoder.decode(await store.get(keys.scrub_state(), _LIMIT))
    except (
        NotFound,
        TooLarge,
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
    ):
        return ScrubState()


async def write_state(store: IObjectStore, state: ScrubState) -> None:
    """Write down how far it is."""
    await store.put(keys.scrub_state(), msgspec.json.encode(state))
