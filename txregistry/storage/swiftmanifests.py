"""Objects made of segments in Swift: static manifests, and dynamic ones on request.

Source: OpenStack's Object Storage API, "Large objects". A static manifest names each
segment with its sum and size, so that it is either whole or not to be had. A dynamic
one takes what a listing has at the moment; CNCF Distribution 2 writes no other.
"""

import hashlib
from typing import Final
from urllib.parse import quote

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import Interface, implementer

from txregistry.storage.interfaces import Key, StorageUnavailable
from txregistry.storage.remotebody import Faltered
from txregistry.storage.swiftanswers import Outcome
from txregistry.storage.swiftcontainer import MANIFEST_PUT, SwiftContainer
from txregistry.storage.swiftsegments import Segment, SwiftSegments, folders_of

_BAD: Final = 400
_MOST: Final = 1000
_PAUSES: Final = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Seconds after which a listing is looked at again: it may lag."""


Segments = tuple[Segment, ...]


class IJoining(Interface):
    """A way to make an object of segments."""

    async def prepare(
        area: Key,  # noqa: N805 - zope's have no self
        segments: Segments,
        *,
        tidy: bool,
    ) -> Segments:
        """Make sure that an object can be made of segments.

        Args:
            area: What the segments were written for.
            segments: What it is to consist of; at least one.
            tidy: Whether nothing else can be in their folder.

        Returns:
            What it is to consist of instead, maybe the same.
        """

    async def join(name: str, segments: Segments) -> None:  # noqa: N805 - likewise
        """Make an object of such segments, in place of what was there.

        Raises:
            StorageUnavailable: it is not to be had.
        """


@implementer(IJoining)
class StaticManifests:
    """Make objects by static manifests.

    Args:
        container: Where they are.
        segments: Names manifests that are segments themselves.
        most: Segments that one manifest names at most; None: as the service says.
    """

    def __init__(
        self,
        container: SwiftContainer,
        segments: SwiftSegments,
        most: int | None = None,
    ) -> None:
        self._container = container
        self._segments = segments
        self._most = most

    async def prepare(self, area: Key, segments: Segments, *, tidy: bool) -> Segments:
        """See `IJoining`."""
        del area, tidy
        return segments

    async def join(self, name: str, segments: Segments) -> None:
        """See `IJoining`."""
        most = self._most
        if most is None:
            told = (await self._container.features()).slo.max_manifest_segments
            most = max(2, min(told, _MOST))
        size = sum(each.size for each in segments)
        while len(segments) > most:
            segments = tuple(
                [
                    await self._join_some(segments[start : start + most])
                    for start in range(0, len(segments), most)
                ]
            )
        await self._put(name, segments)
        await check(self._container, name, size)

    async def _join_some(self, segments: Segments) -> Segment:
        if len(segments) == 1:
            return segments[0]
        name = self._segments.new_name(segments[0].folder, -1)
        told = await self._put(name, segments)
        size = sum(each.size for each in segments)
        return Segment(name, told.header("Etag").strip('"'), size)

    async def _put(self, name: str, segments: Segments) -> Outcome:
        lines = [
            {
                "path": f"/{self._container.name}/{each.name}",
                "etag": each.etag,
                "size_bytes": each.size,
            }
            for each in segments
        ]
        found = await self._container.put(
            name,
            msgspec.json.encode(lines),
            query=MANIFEST_PUT,
            also={_BAD},
        )
        if found.status == _BAD:
            raise StorageUnavailable(
                f"{self._container.place} has not all segments of {name}"
            )
        return found


@implementer(IJoining)
class DynamicManifests:
    """Make objects by dynamic manifests, for Distribution 2 to read and to delete.

    Args:
        container: Where they are.
        segments: Names segments.
        clock: Tells when a listing is looked at again.
    """

    def __init__(
        self, container: SwiftContainer, segments: SwiftSegments, clock: IReactorTime
    ) -> None:
        self._container = container
        self._segments = segments
        self._clock = clock

    async def prepare(self, area: Key, segments: Segments, *, tidy: bool) -> Segments:
        """See `IJoining`: only what is listed is read, so that is waited for."""
        if (
            tidy
            and len(folders_of(each.name for each in segments)) == 1
            and await self._is_listed(segments)
        ):
            return segments
        # Something else lies there, or may come yet, and would be part of it.
        segments = await self._copy(area, segments)
        if not await self._is_listed(segments):
            raise Faltered(f"{self._container.place} does not list what it has")
        return segments

    async def join(self, name: str, segments: Segments) -> None:
        """See `IJoining`."""
        manifest = f"{self._container.name}/{segments[0].folder.rstrip('/')}"
        headers = {"X-Object-Manifest": quote(manifest, safe="/")}
        await self._container.put(name, b"", headers=headers)
        await check(self._container, name, sum(each.size for each in segments))

    async def _copy(self, area: Key, segments: Segments) -> Segments:
        folder = self._segments.new_folder(area)
        copies = []
        for number, each in enumerate(segments):
            name = self._segments.new_name(folder, number)
            source = quote(f"/{self._container.name}/{each.name}", safe="/")
            headers = {**self._segments.headers(area), "X-Copy-From": source}
            await self._container.put(name, b"", headers=headers)
            copies.append(Segment(name, each.etag, each.size))
        return tuple(copies)

    async def _is_listed(self, segments: Segments) -> bool:
        folder = segments[0].folder
        wanted = {each.name: each.size for each in segments}
        for pause in (*_PAUSES, None):
            found = {
                each.name: each.size async for each in self._container.walk(folder)
            }
            if found == wanted:
                return True
            if pause is None or not found.keys() <= wanted.keys():
                return False
            await deferLater(self._clock, pause)
        return False


async def put_plain(container: SwiftContainer, name: str, data: bytes) -> Outcome:
    """Write a small object, whose sum the service checks."""
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return await container.put(name, data, headers={"ETag": etag})


async def check(container: SwiftContainer, name: str, size: int) -> None:
    """Make sure that an object which was written is there.

    The latest request wins: where somebody deleted it meanwhile, writing it was
    answered as if all was well.

    Raises:
        StorageUnavailable: it is not there.
    """
    found = await container.head(name)
    if found is None or found.header("Content-Length") != str(size):
        raise Faltered(f"{container.place} lost what was just written to it")
