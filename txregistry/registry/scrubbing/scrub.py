"""A pass over all content: what is not what its digest says is taken away.

So clients are not told that the registry has it, and push it again; and a mirror
fetches it again.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.digest import CANONICAL, Digest, new_hashing
from txregistry.registry.pacing import Paced, Pacing
from txregistry.registry.quarantine import Quarantine
from txregistry.registry.scrubbing.state import ScrubState, read_state, write_state
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.kinds import Blob, recognize
from txregistry.streams import read_through
from txregistry.tasks import Blocking

_PAGE: Final = 500
_OFTEN: Final = 30.0
"""Seconds after which it is written down how far it is."""
_LOOK: Final = 8 * 1024
"""Bytes as which it counts to look at a blob, however small that is."""
_IN_A_ROW: Final = 5
"""Blobs one after the other of which none can be read: then it is the store's fault."""


class Scrub:
    """Read everything that is stored.

    Args:
        store: The store.
        quarantine: Takes away what is rotten.
        clock: Tells the time.
        blocking: Where hashing goes.
        rate: Bytes that are read in a second; None for as many as can be.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        quarantine: Quarantine,
        clock: IReactorTime,
        blocking: Blocking,
        rate: int | None,
    ) -> None:
        self._store = store
        self._quarantine = quarantine
        self._clock = clock
        self._blocking = blocking
        self._pacing = Pacing(clock, rate)
        self._in_a_row = 0

    async def due(self, every: float) -> float:
        """Say in how many seconds a pass is to go on, or to begin."""
        state = await read_state(self._store)
        now = self._clock.seconds()
        if not state.ended or not 0 <= now - state.begun < every:
            return 0.0  # it is in its middle, or a clock was wrong
        return state.begun + every - now

    async def run(self, tend: Callable[[], Awaitable[None]]) -> ScrubState:
        """Go on with a pass, or begin one, and come to its end.

        Args:
            tend: Is called time and again; what it raises ends this.

        Returns:
            What it came to.

        Raises:
            StorageUnavailable: the store broke it off; it goes on another time.
        """
        self._in_a_row = 0
        state = await read_state(self._store)
        if state.ended or not state.begun:
            state = ScrubState(begun=self._clock.seconds())
        written = self._clock.seconds()
        prefix = f"{keys.BLOBS}{CANONICAL}/"
        after, more = "", True
        if state.after:
            after = keys.blob(Digest(CANONICAL, state.after))
        while more:
            page = await self._store.list(prefix, after=after, limit=_PAGE)
            for key in map(Key, page.names):
                kind = recognize(key)
                if not isinstance(kind, Blob):
                    continue  # somebody else's file
                await self._look_at(kind.digest, state)
                if self._clock.seconds() - written > _OFTEN:
                    await tend()
                    await write_state(self._store, state)
                    written = self._clock.seconds()
            after, more = (page.names or [""])[-1], page.more
        state.ended = self._clock.seconds()
        await tend()
        await write_state(self._store, state)
        return state

    async def _look_at(self, digest: Digest, state: ScrubState) -> None:
        """Read a blob.

        Raises:
            StorageUnavailable: the store cannot be asked, or much of it not be read.
        """
        try:
            await self._read(digest, state)
        except NotFound:
            return  # it was just collected
        except StorageUnavailable as error:
            await self._note_unreadable(digest, state, error)
        else:
            self._in_a_row = 0
        state.after = digest.encoded

    async def _read(self, digest: Digest, state: ScrubState) -> None:
        """Read a blob, and take it away if it is rotten.

        Raises:
            NotFound: it was just collected.
            StorageUnavailable: it cannot be read.
        """
        key = keys.blob(digest)
        hashing = new_hashing()
        await self._pacing.take(_LOOK)
        stat = await self._store.stat(key)
        if stat.size:
            reader = await self._store.open(key, 0, stat.size)
            paced = Paced(reader, self._pacing)
            await read_through(paced, self._blocking, hashing.update)
        state.blobs += 1
        state.bytes += stat.size
        if hashing.hexdigest() == digest.encoded:
            return
        try:
            # It is looked at once more before it is taken away.
            if not await self._quarantine.take(digest):
                return
        except StorageFull as error:
            state.blame(digest.encoded)
            self._log.error(
                "The content of {digest} has rotted in the store, and lies there "
                "still, since there is no room to keep it apart: {reason}",
                digest=str(digest),
                reason=str(error),
            )
            return
        state.blame(digest.encoded)
        self._log.error(
            "The content of {digest} has rotted in the store, and was taken away: push "
            "it again. `txregistry gc --explain {digest}` says who needs it; what was "
            "there is kept at {place}",
            digest=str(digest),
            place=keys.quarantined(digest),
        )

    async def _note_unreadable(
        self, digest: Digest, state: ScrubState, error: StorageUnavailable
    ) -> None:
        """Note that a blob cannot be read, and go on, as others may be.

        Raises:
            StorageUnavailable: nothing can, as it seems.
        """
        try:
            await self._store.stat(keys.blob(digest))
        except NotFound:
            return  # that is why
        self._in_a_row += 1
        if self._in_a_row > _IN_A_ROW:
            raise error
        state.unreadable += 1
        self._log.error(
            "The content of {digest} cannot be read: {reason}. If that goes on, move "
            "its file away, and push it again. `txregistry gc --explain {digest}` says "
            "who needs it",
            digest=str(digest),
            reason=str(error),
        )
