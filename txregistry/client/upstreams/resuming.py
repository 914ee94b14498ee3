"""A whole blob, whatever breaks off on the way."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    IUpstream,
    Opened,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.digest import Digest
from txregistry.streams import IPieces, IReader, read_pieces

_PROGRESS: Final = 1 << 20
"""Bytes after which a further failure is a new one."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """How often an upstream may break off.

    Attributes:
        attempts: How often in a row, with less than a MiB in between.
        pause: Seconds before it is asked for the rest, doubled each time in a row; a
            part of them, up to half, is left to chance.
        longest_pause: Seconds that such a pause has at most.
    """

    attempts: int = 5
    pause: float = 1.0
    longest_pause: float = 30.0


async def open_resuming(
    upstream: IUpstream,
    repository: str,
    digest: Digest,
    clock: IReactorTime,
    *,
    start: int = 0,
    size: int | None = None,
    caller: Credentials | None = None,
    resumption: Resumption = Resumption(),
    chance: Callable[[], float] = random.random,
) -> Opened | None:
    """Open a blob of which the rest is asked for again when it breaks off.

    Args:
        upstream: Who has it.
        repository: In which repository there.
        digest: Its digest, which whoever reads it has to verify.
        clock: What measures the time.
        start: The first byte that is wanted.
        size: How many bytes it has, where a manifest says that.
        caller: On whose behalf.
        resumption: How often it may break off.
        chance: A number from 0 to 1, another each time.

    Raises:
        UpstreamFault: it cannot be had from the start.
    """

    async def reopen(place: int, known: int | None) -> Opened | None:
        opened: Opened | None = await upstream.open_blob(
            repository, digest, place, caller, known
        )
        return opened

    opened = await reopen(start, size)
    if opened is None:
        return None
    reader = ResumingReader(upstream.name, reopen, opened, clock, resumption, chance)
    return replace(opened, reader=reader)


class Setbacks:
    """Bear failures in a row, each with a longer pause after it, up to a number.

    Args:
        resumption: How many, and how long.
        clock: What measures the time.
        chance: A number from 0 to 1, another each time.
        place: How many bytes are there at first.
    """

    def __init__(
        self,
        resumption: Resumption,
        clock: IReactorTime,
        chance: Callable[[], float],
        place: int,
    ) -> None:
        self._resumption = resumption
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._since = place

    def note(self, fault: UpstreamUnavailable, place: int) -> None:
        """Take in a failure.

        Args:
            fault: What happened.
            place: How many bytes were there by then.

        Raises:
            UpstreamUnavailable: that was one too many.
        """
        if place - self._since >= _PROGRESS:
            self._failures = 0
        self._since = place
        self._failures += 1
        if self._failures >= self._resumption.attempts:
            raise fault

    async def pause(self, fault: UpstreamUnavailable) -> None:
        """Wait until it may be tried again."""
        pause = self._resumption.pause * 2.0 ** (self._failures - 1)
        pause = max(pause * (0.5 + self._chance() / 2), fault.retry_after or 0.0)
        await deferLater(self._clock, min(pause, self._resumption.longest_pause))


@implementer(IPieces)
class ResumingReader:
    """Read a blob, and go on with the rest of it when it breaks off.

    Args:
        name: What the upstream is called.
        reopen: Opens the blob at a byte; it is told the size as well, where that is
            known.
        opened: What was opened already.
        clock: What measures the time.
        resumption: How often it may break off.
        chance: A number from 0 to 1, another each time.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        reopen: Callable[[int, int | None], Awaitable[Opened | None]],
        opened: Opened,
        clock: IReactorTime,
        resumption: Resumption,
        chance: Callable[[], float],
    ) -> None:
        self._name = name
        self._reopen = reopen
        self._size = opened.size
        self._place = opened.start
        self._reader: IReader | None = opened.reader
        self._setbacks = Setbacks(resumption, clock, chance, opened.start)
        self._closed = False

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`.

        Raises:
            UpstreamUnavailable: the rest cannot be had, for all that was tried.
            UpstreamWrong: the blob is none that can be.
        """
        while True:
            if self._closed:
                raise UpstreamUnavailable(self._name, "is not read any more")
            try:
                if self._reader is None:
                    self._reader = await self._resume()
                pieces = await read_pieces(self._reader, limit, least)
            except UpstreamUnavailable as fault:
                await self._fail(fault)
                continue
            self._place += sum(map(len, pieces))
            return pieces

    async def close(self) -> None:
        """See `IReader`."""
        self._closed = True
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _resume(self) -> IReader:
        opened = await self._reopen(self._place, self._size)
        if opened is None:
            raise UpstreamWrong(self._name, "has a blob no longer that it gave half of")
        self._size = opened.size
        reader: IReader = opened.reader
        return reader

    async def _fail(self, fault: UpstreamUnavailable) -> None:
        """Wait until it may be tried again."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
        self._setbacks.note(fault, self._place)
        self._log.info(
            "Going on with a blob at {place}: {reason}",
            place=self._place,
            reason=fault.reason,
        )
        await self._setbacks.pause(fault)
