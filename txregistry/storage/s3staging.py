"""Staging areas in S3.

An area is a folder of objects beside its key: a segment for what each request appended
(uploaded in parts if it is long), and a small object, the state, that says which
segments there are. The bytes of an upload in parts cannot be read before it is
completed, and what lists such uploads, and their parts, may lag behind; objects are
read by whoever knows their names as soon as they are written. So a request completes
its segment, then writes the state, and only then answers. What is not in the state is
not part of the area. Names of segments are never used again, since a slow writer might
still be about to write or delete one.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from zope.interface import implementer

from txregistry.storage.interfaces import (
    Held,
    IStagingArea,
    Key,
    NotFound,
    Overtaken,
    StorageUnavailable,
    TooLarge,
)
from txregistry.storage.s3appending import Appending, S3Keeper, Segment
from txregistry.storage.s3plan import Span
from txregistry.streams import IReader

_STATE_LIMIT: Final = 16 * 1024 * 1024
_MANY: Final = 16
"""Short segments that are left as they are: to make them one costs writing them again,
to leave them costs a longer state each time."""


class _State(msgspec.Struct, frozen=True):
    """What an area holds.

    Attributes:
        segments: Its bytes, in order.
        mark: What the latest append left.
    """

    segments: tuple[Segment, ...]
    mark: str = ""

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return sum(segment.size for segment in self.segments)


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_State)


@implementer(IStagingArea)
class S3StagingArea:
    """Segments, and a state that names them.

    What was read of the state once is what the object goes on with, so that what is
    committed is what was looked at.
    """

    lasting = True
    growing = False

    def __init__(self, key: Key, store: S3Keeper) -> None:
        self.key = key
        self._store = store
        self._folder = f"{key}-parts/"
        self._place_of_state = Key(f"{self._folder}state")
        self._known: _State | None = None
        self._tag = ""

    async def size(self) -> int:
        """See `IStagingArea`."""
        return (await self._read()).size

    async def held(self) -> Held:
        """See `IStagingArea`."""
        state = await self._read()
        return Held(state.size, state.mark)

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        del expected
        state = self._known
        if state is None:
            try:
                state = await self._read()
            except NotFound:
                state = _State(())
        state = await self._merge(state)
        appending = Appending(self._store, self._folder, observe)
        try:
            try:
                await appending.take(source)
            finally:
                await appending.end_segment()
        finally:  # whatever happened: what came is kept
            state = await self._write(
                _State(
                    (*state.segments, *appending.ended),
                    mark() if mark is not None else "",
                )
            )
        return state.size

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        return _SpansReader(self._store, _cut(await self._spans(), start, stop))

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        spans = await self._spans()
        if spans:
            await self._store.join(spans, key)
        else:
            await self._store.put(key, b"")

    async def discard(self) -> None:
        """See `IStagingArea`."""
        try:
            state = await self._read()
        except NotFound:
            # What a request wrote that never came to its end may be listed.
            await self._store.delete_folder(self._folder)
            return
        gone = [span.key for span in self._place(state.segments)]
        await self._store.delete([*gone, self._place_of_state])
        self._known = None

    async def _merge(self, state: _State) -> _State:
        """Make the short segments at the end one, where there are many of them."""
        segments = state.segments
        count = 0
        for segment in reversed(segments):
            if segment.size >= self._store.part_size:
                break
            count += 1
        if count < _MANY:
            return state
        kept, short = segments[:-count], segments[-count:]
        appending = Appending(self._store, self._folder, lambda _: None)
        try:
            await appending.take(_SpansReader(self._store, self._place(short)))
            await appending.end_segment()
        except BaseException:
            await appending.abort()
            raise
        state = await self._write(_State((*kept, *appending.ended), state.mark))
        await self._store.delete([span.key for span in self._place(short)])
        return state

    async def _spans(self) -> list[Span]:
        return self._place((self._known or await self._read()).segments)

    def _place(self, segments: Sequence[Segment]) -> list[Span]:
        return [
            Span(Key(self._folder + segment.name), 0, segment.size)
            for segment in segments
        ]

    async def _read(self) -> _State:
        place, self._known, self._tag = self._place_of_state, None, ""
        try:
            data, tag = await self._store.get_tagged(place, _STATE_LIMIT)
            state = _DECODER.decode(data)
        except NotFound:
            raise NotFound(self.key) from None
        except (TooLarge, msgspec.DecodeError, UnicodeDecodeError):
            raise StorageUnavailable(f"{place} is no state of an upload") from None
        self._known, self._tag = state, tag
        return state

    async def _write(self, state: _State) -> _State:
        """Let a state follow the one that was read, or that was written here before.

        What was written of one that does not follow is left to whoever expires the
        upload: a request whose answer was lost may have named it after all.

        Raises:
            Overtaken: somebody else's did.
        """
        self._known = None
        place, data = self._place_of_state, _ENCODER.encode(state)
        tag = await self._store.replace(place, data, self._tag)
        if tag is None:
            raise Overtaken(f"Somebody else writes to {self.key}")
        self._known, self._tag = state, tag
        return state


def _cut(spans: Sequence[Span], start: int, stop: int) -> list[Span]:
    """Give what of some spans, one after the other, lies within a range."""
    found, offset = [], 0
    for span in spans:
        first, last = max(start - offset, 0), min(stop - offset, span.size)
        if first < last:
            found.append(Span(span.key, span.start + first, span.start + last))
        offset += span.size
    return found


@implementer(IReader)
class _SpansReader:
    """Read parts of objects, one after the other."""

    def __init__(self, store: S3Keeper, spans: Sequence[Span]) -> None:
        self._store = store
        self._left = list(reversed(spans))
        self._reader: IReader | None = None
        self._expected = 0

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        while self._reader is not None or self._left:
            if self._reader is None:
                span = self._left.pop()
                self._expected = span.size
                try:
                    self._reader = await self._store.open(
                        span.key, span.start, span.stop
                    )
                except NotFound:
                    raise StorageUnavailable(f"{span.key} is gone") from None
            data: bytes = await self._reader.read(limit)
            self._expected -= len(data)
            if data:
                return data
            if self._expected:
                raise StorageUnavailable("A segment has another size than it had")
            await self.close()
        return b""

    async def close(self) -> None:
        """See `IReader`."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
