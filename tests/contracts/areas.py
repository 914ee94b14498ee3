"""A staging area that passes everything on, for what differs in one thing."""

from collections.abc import Callable

from zope.interface import implementer

from txregistry.storage.interfaces import Held, IStagingArea, Key
from txregistry.streams import IReader


@implementer(IStagingArea)
class PassingArea:
    """A staging area that is another one.

    Args:
        area: The other one.
    """

    def __init__(self, area: IStagingArea) -> None:
        self.key = area.key
        self.lasting = area.lasting
        self.growing = area.growing
        self._area = area

    async def size(self) -> int:
        """See `IStagingArea`."""
        return await self._area.size()

    async def held(self) -> Held:
        """See `IStagingArea`."""
        return await self._area.held()

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        return await self._area.append(source, observe, expected, mark)

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        return await self._area.open(start, stop)

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        await self._area.commit(key)

    async def discard(self) -> None:
        """See `IStagingArea`."""
        await self._area.discard()
