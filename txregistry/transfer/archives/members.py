"""The members of an archive, one after the other, as they come."""

from collections import deque
from typing import Final

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.model.tarballs import (
    TarEntry,
    TarInvalid,
    TarParser,
    TooManyEntries,
)
from txregistry.streams import IPieces, IReader
from txregistry.tasks import breathe
from txregistry.transfer.archives.limits import ArchiveLimits
from txregistry.transfer.archives.refusals import (
    ArchiveMalformed,
    ArchiveRefused,
    ArchiveTooLarge,
    ArchiveTruncated,
)

FILES: Final = ("0", "\0")
"""Kinds of members that are files, and no more than that."""

_READ: Final = 128 * 1024
"""Bytes of the archive that are held at once."""
_BITE: Final = 8 * 1024
"""Bytes that are parsed at once, beyond the content of a member: 16 headers."""
_RUN: Final = 16
"""Members after which others have their turn."""


class _Heard:
    """What the parser told and nobody took yet."""

    def __init__(self) -> None:
        self.events: deque[TarEntry | memoryview] = deque()
        self.coming = 0
        """Bytes of the last member that did not come yet."""

    def entry(self, entry: TarEntry) -> None:
        """See `TarVisitor`."""
        self.coming = entry.size if entry.typeflag in FILES else 0
        self.events.append(entry)

    def content(self, data: memoryview) -> None:
        """See `TarVisitor`."""
        self.coming -= len(data)
        self.events.append(data)


class Members:
    """Give the members of an archive that cannot be read twice.

    Args:
        source: Gives the archive, unpacked; it is not closed.
        limits: How much it may have.
        clock: Lets others have their turn.
    """

    def __init__(
        self, source: IReader, limits: ArchiveLimits, clock: IReactorTime
    ) -> None:
        self._source = source
        self._limits = limits
        self._clock = clock
        self._heard = _Heard()
        self._parser = TarParser(self._heard, limits.members, limits.extended)
        self._ahead = memoryview(b"")
        self._came = 0
        self._given = 0
        self._name = ""

    async def next(self) -> TarEntry | None:
        """Give the next member, and pass over what was not read of the one before.

        Returns:
            The member; None at the end of the archive, behind which nothing is.

        Raises:
            ArchiveRefused: there is no member, nor an end.
        """
        while True:
            while self._heard.events:
                event = self._heard.events.popleft()
                if isinstance(event, TarEntry):
                    self._given += 1
                    if not self._given % _RUN:
                        await breathe(self._clock)
                    self._name = event.name
                    return event
            if self._parser.is_ended:
                await self._see_the_end()
                return None
            await self._parse()

    def open(self, size: int) -> IPieces:
        """Open the content of the member that `next` just gave.

        Args:
            size: Bytes that it has.
        """
        return _Content(self, size)

    async def take(self, limit: int) -> memoryview:
        """Give some more of a member's content, of which there is more."""
        while not self._heard.events:
            await self._parse()
        event = self._heard.events[0]
        if isinstance(event, TarEntry):
            raise ArchiveMalformed("A member of the archive is not as long as it says.")
        if len(event) > limit:
            self._heard.events[0] = event[limit:]
        else:
            self._heard.events.popleft()
        return event[:limit]

    async def _parse(self) -> None:
        if not self._ahead:
            self._ahead = await self._read()
            if not self._ahead:
                raise self._truncated()
        bite = self._ahead[: self._heard.coming + _BITE]
        try:
            used = self._parser.feed(bite)
        except TooManyEntries:
            raise ArchiveTooLarge(
                f"The archive has more than {self._limits.members} members."
            ) from None
        except TarInvalid as error:
            where = f" after {printable(self._name)}" if self._name else ""
            raise ArchiveMalformed(
                f"This is no tar archive, or it is damaged{where}: {error}."
            ) from None
        self._ahead = self._ahead[used:]

    async def _read(self) -> memoryview:
        data = await self._source.read(_READ)
        self._came += len(data)
        if self._came > self._limits.size:
            raise ArchiveTooLarge(
                f"The archive has more than {self._limits.size} bytes."
            )
        return memoryview(data)

    async def _see_the_end(self) -> None:
        """See that only zeros follow, and not many: writers fill their last record."""
        trailing = 0
        rest = self._ahead or await self._read()
        while rest:
            trailing += len(rest)
            if trailing > self._limits.trailing or rest.tobytes().strip(b"\0"):
                raise ArchiveMalformed("Something follows the end of the archive.")
            rest = await self._read()

    def _truncated(self) -> ArchiveRefused:
        if not self._came:
            return ArchiveTruncated("There is no archive: nothing came.")
        where = f" in or after {printable(self._name)}" if self._name else ""
        return ArchiveTruncated(f"The archive is cut off{where}.")


@implementer(IPieces)
class _Content:
    """Give the content of one member."""

    def __init__(self, members: Members, size: int) -> None:
        self._members = members
        self._left = size

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`."""
        pieces, size = [], 0
        while self._left and size < max(least, 1):
            piece = await self._members.take(min(limit - size, self._left))
            self._left -= len(piece)
            size += len(piece)
            pieces.append(bytes(piece))
        return pieces

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def close(self) -> None:
        """See `IReader`."""


def printable(text: str) -> str:
    """Give text of somebody else's in a form that can be shown, and not at length."""
    return ascii(text[:100])
