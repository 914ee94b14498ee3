"""Pushing a whole blob, whatever breaks off on the way."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.client.downstreams.interfaces import OpenBlob
from txregistry.client.downstreams.sessions import Session, Sessions
from txregistry.client.upstreams.interfaces import UpstreamUnavailable, UpstreamWrong
from txregistry.client.upstreams.resuming import Resumption, Setbacks
from txregistry.model.digest import Digest
from txregistry.streams import IPieces, IReader, read_pieces

STEP: Final = 32 << 20
"""Bytes that are sent at once to who keeps nothing of what breaks off."""
_MOST: Final = 100
"""How often a push may break off, however much came through in between."""
_REMEMBERED: Final = 1000

HasBlob = Callable[[str, Digest, int], Awaitable[bool]]


class Pushing:
    """Push blobs.

    A blob is one request, as all registries understand it. Where that breaks off, the
    registry is asked how much it has; one that has nothing, after it was given much,
    gets the blob in steps. Sessions that were given up are remembered, for the next
    time that the blob is pushed.

    Args:
        sessions: The registry's.
        has_blob: Asks whether there is a blob.
        clock: What measures the time.
        resumption: How often it may break off.
        chance: A number from 0 to 1, another each time.
        step: Bytes of a step.
    """

    _log = Logger()

    def __init__(
        self,
        sessions: Sessions,
        has_blob: HasBlob,
        clock: IReactorTime,
        resumption: Resumption,
        chance: Callable[[], float],
        step: int = STEP,
    ) -> None:
        self._sessions = sessions
        self._has_blob = has_blob
        self._clock = clock
        self._resumption = resumption
        self._chance = chance
        self._step = step
        self._given_up: OrderedDict[tuple[str, Digest], Session] = OrderedDict()

    async def push(
        self, repository: str, digest: Digest, size: int, open_blob: OpenBlob
    ) -> None:
        """Push a blob; see `IDownstream.push_blob`."""
        push = _Push(self._sessions, self._has_blob, repository, digest, size)
        push.session = self._given_up.pop((repository, digest), None)
        push.is_old = push.session is not None
        offset = push.session.offset if push.session is not None else 0
        setbacks = Setbacks(self._resumption, self._clock, self._chance, offset)
        times = 0
        try:
            while not push.done:
                try:
                    await push.go_on(open_blob, self._step)
                except UpstreamUnavailable as fault:
                    push.is_old = True
                    times += 1
                    if times >= _MOST:
                        raise
                    setbacks.note(fault, push.offset)
                    self._log.info(
                        "Going on with a push of {digest} after {place}: {reason}",
                        digest=str(digest),
                        place=push.offset,
                        reason=fault.what,
                    )
                    await setbacks.pause(fault)
        finally:
            if not push.done and push.session is not None:
                self._remember(repository, digest, push.session)

    def _remember(self, repository: str, digest: Digest, session: Session) -> None:
        self._given_up[repository, digest] = session
        if len(self._given_up) > _REMEMBERED:
            self._given_up.popitem(last=False)


class _Push:
    """Pushing one blob.

    Attributes:
        session: Where it goes; None where none was begun.
        is_old: Whether it has to be found out how far that is.
        done: Whether the blob is there.
    """

    def __init__(
        self,
        sessions: Sessions,
        has_blob: HasBlob,
        repository: str,
        digest: Digest,
        size: int,
    ) -> None:
        self.session: Session | None = None
        self.is_old = False
        self.done = False
        self._sessions = sessions
        self._has_blob = has_blob
        self._repository = repository
        self._digest = digest
        self._size = size
        self._was_resumed = False
        self._in_steps = False
        self._given = 0

    @property
    def offset(self) -> int:
        """The bytes that the registry has, as far as is known."""
        return 0 if self.session is None else self.session.offset

    async def go_on(self, open_blob: OpenBlob, step: int) -> None:
        """Send a further part of the blob, or all that is left of it.

        Raises:
            UpstreamUnavailable: it broke off.
        """
        if self.is_old:
            await self._look(step)
        if self.done:
            return
        if self.session is None:
            self.session = await self._sessions.begin(self._repository)
        session = self.session
        left = self._size - session.offset
        self._given = 0
        if self._in_steps and left > step:
            reader = _Counted(await open_blob(session.offset), self._count)
            self.session = await self._sessions.append(session, reader, step)
            return
        last = None
        if left:
            last = _Counted(await open_blob(session.offset), self._count)
        try:
            await self._sessions.finish(session, self._digest, last, left)
        except UpstreamWrong:
            self.session = None
            if not self._was_resumed:
                raise
            self._was_resumed = False  # what it had may have been something else
            return
        self.done = True

    async def _look(self, step: int) -> None:
        """Find out how far the session is; there may be none any more."""
        before = self.session
        found = None if before is None else await self._sessions.find(before)
        if found is not None and found.offset <= self._size:
            self._was_resumed = True
        else:
            # It is gone, or is of no use: maybe as the blob is there, and only the
            # answer that says so was lost.
            self.done = await self._has_blob(self._repository, self._digest, self._size)
            if before is not None and not self.done:
                await self._sessions.cancel(before)
            found = None
        self.session, self.is_old = found, False
        kept = self.offset - (0 if before is None else before.offset)
        if kept <= 0 and self._given > step:
            self._in_steps = True

    def _count(self, size: int) -> None:
        self._given += size


@implementer(IPieces)
class _Counted:
    """Tell how much is read of another reader."""

    def __init__(self, reader: IReader, count: Callable[[int], None]) -> None:
        self._reader = reader
        self._count = count

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`."""
        pieces = await read_pieces(self._reader, limit, least)
        self._count(sum(map(len, pieces)))
        return pieces

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
