"""Objects in OpenStack's Swift, which Rackspace calls Cloud Files.

Source: the Object Storage API, version 1. The names are those of CNCF Distribution 2:
objects lie below ``files/``, what large ones consist of below ``segments/``. Large
objects of both kinds, dynamic and static, are read like others: the server puts them
together. A dynamic one consists of what is listed at that moment, so who reads one
should know its size.

The latest request to write a name wins, by the time at which it came to the service.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from txregistry.storage.interfaces import (
    Health,
    Held,
    IObjectStore,
    IStagingArea,
    Key,
    StorageUnavailable,
)
from txregistry.storage.objects import Names, RemoteObjectSource, T, Take
from txregistry.storage.remote import Answer
from txregistry.storage.requestbody import BytesBody
from txregistry.storage.swiftanswers import Outcome
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftdirect import PLAIN_LIMIT, SwiftDirectArea
from txregistry.storage.swiftmanifests import (
    DynamicManifests,
    IJoining,
    StaticManifests,
    put_plain,
)
from txregistry.storage.swiftsegments import SwiftSegments
from txregistry.storage.swiftstaging import Staging, SwiftStagingArea
from txregistry.storage.swiftstate import SwiftStates
from txregistry.storage.swiftsweep import SwiftSweep
from txregistry.storage.swifttempurl import TempUrls
from txregistry.streams import IReader

LARGEST: Final = 64 * 1024 * 1024
"""Bytes in a segment, unless somebody says otherwise: few for a manifest, and not too
many to be lost with a connection."""
_ABSENT: Final = 404
_EXISTS: Final = 412
_CONTEST: Final = 0.25
"""Seconds in which others who began to write a name at the same time have done so."""
_WRITTEN: Final = "X-Object-Meta-Txregistry-Written"
"""What tells the same bytes apart that two write."""


class SwiftObjectSource(RemoteObjectSource):
    """Read objects in a container.

    Args:
        container: The container.
        root: What the names there begin with beside our keys.
    """

    def __init__(self, container: SwiftContainer, root: str = "") -> None:
        super().__init__(container.place, root)
        self._container = container

    async def _ask(
        self,
        method: str,
        name: str,
        query: str,
        headers: Mapping[str, str],
        take: Take[T],
    ) -> T:
        return await self._container.ask(method, name, query, headers, take)

    async def _list(
        self, prefix: str, after: str, count: int, *, delimiter: bool
    ) -> Names:
        found = await self._container.list(prefix, after, count, delimiter=delimiter)
        # Of a large object in the old form (DLO) the list says that it is empty.
        sizes = {each.name: each.size for each in found if each.size > 0}
        names = [each.name or each.subdir for each in found]
        return Names(names, len(found) >= count, sizes)

    async def _accept(self, answer: Answer, key: Key, *also: int) -> None:
        await super()._accept(answer, key, *also)
        # Only a HEAD, which has no body, leaves the size among the header fields.
        size = answer.header("Content-Length") or str(answer.body.expected)
        if size == "0" and answer.header("X-Object-Manifest"):
            # An empty object is never a large one: what it consists of is not listed.
            await answer.remark()
            raise StorageUnavailable(f"{self._place} does not list the parts of {key}")

    async def _look(self, answer: Answer) -> None:
        if answer.status == _ABSENT and not self._container.create_missing:
            raise self._container.missing()

    async def _refusal(self, answer: Answer) -> StorageUnavailable:
        await answer.remark()
        return self._container.refusal(answer.status)


@implementer(IObjectStore)
class SwiftObjectStore(SwiftObjectSource):
    """Keep objects in a container.

    Args:
        container: The container.
        clock: Tells the time.
        prefix: What all names there begin with.
        largest: Bytes in a segment at most.
        dynamic: Whether large objects are written as Distribution 2 does, which can
            neither move nor delete what is written better.
        urls: Signs URLs; None: nobody is sent elsewhere.
        most: Segments that a manifest names at most; None: as the service says.
    """

    flat = True
    folders = None

    def __init__(
        self,
        container: SwiftContainer,
        clock: IReactorTime,
        prefix: str = "",
        *,
        largest: int = LARGEST,
        dynamic: bool = False,
        urls: TempUrls | None = None,
        most: int | None = None,
    ) -> None:
        super().__init__(container, f"{prefix.strip('/')}/files")
        self._clock = clock
        self._urls = urls
        segments = SwiftSegments(container, prefix, dynamic=dynamic)
        states = SwiftStates(container, self._root)
        self._sweep = SwiftSweep(container, segments, states, clock)
        joining: IJoining = StaticManifests(container, segments, most)
        if dynamic:
            joining = DynamicManifests(container, segments, clock)
        everything = SwiftObjectSource(container)

        async def open_part(name: str, start: int, stop: int) -> IReader:
            return await everything.open(Key(name), start, stop)

        self._staging = Staging(
            container=container,
            root=self._root,
            clock=clock,
            segments=segments,
            states=states,
            joining=joining,
            sweep=self._sweep,
            open_part=open_part,
            largest=largest,
        )

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`.

        Swift cannot decide races: it looks whether there is something when a request
        begins, and of several that begin before one has ended the latest wins. So what
        is there a moment later decides, by a word that nobody else says with it; and
        who is told that something is there finds the winner's.
        """
        name = self._root + key
        if not if_absent:
            await put_plain(self._container, name, data)
            return True
        attempts = 0

        def body() -> BytesBody:
            nonlocal attempts
            attempts += 1
            return BytesBody(data)

        word = secrets.token_hex(8)
        headers = {
            "If-None-Match": "*",
            "Content-Type": "application/octet-stream",
            _WRITTEN: word,
        }
        found = await self._container.change(
            "PUT", name, headers=headers, body=body, also={_EXISTS}
        )
        await deferLater(self._clock, _CONTEST)
        if found.status == _EXISTS and attempts == 1:
            return False
        there = await self._container.head(name)
        return there is not None and there.header(_WRITTEN) == word

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        if final is None:
            return SwiftStagingArea(key, self._staging)
        direct = SwiftDirectArea(
            key, self._root + final, self._container, self._staging.open_part
        )
        return _KnownArea(key, direct, SwiftStagingArea(key, self._staging))

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        plain: list[str] = []
        for key in keys:
            name = self._root + key
            found = await self._container.head(name)
            if found is None:
                continue  # a deletion would win over whoever is writing it now
            is_state = self._staging.states.is_state(found)
            if not is_state and not _is_large(found):
                plain.append(name)
                continue
            await self._container.delete(plain)
            plain.clear()
            if is_state:
                await self.stage(self._staging.states.area_of(key)).discard()
            else:
                await self._sweep.erase(name, found)
        await self._container.delete(plain)

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        if self._urls is None:
            return None
        return await self._urls.sign(self._root + key, method, lifetime)

    async def check(self) -> Health:
        """See `IObjectStore`."""
        found = await self._container.look()
        name = f"{self._root}probe-{secrets.token_hex(8)}"
        await put_plain(self._container, name, b"probe")
        await self._container.delete([name])
        quota, used = (
            found.header(f"X-Container-{each}")
            for each in ("Meta-Quota-Bytes", "Bytes-Used")
        )
        if quota.isdecimal() and used.isdecimal():
            return Health(free=max(0, int(quota) - int(used)))
        return Health(free=None)

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`."""
        return await self._sweep.sweep(age, dry_run=dry_run)


@implementer(IStagingArea)
class _KnownArea:
    """Bytes whose final key is known: one object if they are known to be few enough."""

    lasting = False
    growing = False

    def __init__(self, key: Key, direct: IStagingArea, segments: IStagingArea) -> None:
        self.key = key
        self._area = direct
        self._segments = segments

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
        if expected is None or expected > PLAIN_LIMIT:
            self._area = self._segments
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


def _is_large(found: Outcome) -> bool:
    return bool(
        found.header("X-Static-Large-Object") or found.header("X-Object-Manifest")
    )
