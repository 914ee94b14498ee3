"""Staging areas in Swift: segments, and a small object that says which.

Each append writes segments under names that nobody had before, and at its end a state
that names them. To commit is to write a manifest under the final name, which copies
nothing. Whoever deletes segments first makes sure that no such manifest names them.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.storage.interfaces import (
    Held,
    IStagingArea,
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftmanifests import IJoining, check, put_plain
from txregistry.storage.swiftreading import PartsReader
from txregistry.storage.swiftsegments import Segment, SwiftSegments, folders_of
from txregistry.storage.swiftstate import Numbered, State, SwiftStates
from txregistry.storage.swiftsweep import SwiftSweep
from txregistry.storage.swiftwriting import SegmentWriter
from txregistry.streams import CHUNK, IReader, read_pieces


@dataclass(frozen=True, slots=True)
class Staging:
    """What all areas of a store share.

    Attributes:
        container: Where they are.
        root: What the names of objects begin with beside the key.
        clock: Tells how long no bytes came.
        segments: Names segments.
        states: What areas hold.
        joining: Makes objects of segments.
        sweep: Deletes segments that nothing names.
        open_part: Opens part of an object by its whole name.
        largest: Bytes in a segment at most.
    """

    container: SwiftContainer
    root: str
    clock: IReactorTime
    segments: SwiftSegments
    states: SwiftStates
    joining: IJoining
    sweep: SwiftSweep
    open_part: Callable[[str, int, int], Awaitable[IReader]]
    largest: int


@implementer(IStagingArea)
class SwiftStagingArea:
    """Segments that may become an object; the highest state says which they are."""

    lasting = True
    growing = False

    def __init__(self, key: Key, staging: Staging) -> None:
        self.key = key
        self._staging = staging
        self._states = staging.states
        self._held: Numbered | None = None
        self._committed: Numbered | None = None

    async def size(self) -> int:
        """See `IStagingArea`."""
        self._held = await self._states.latest(self.key)
        return self._state(self._held).size

    async def held(self) -> Held:
        """See `IStagingArea`."""
        self._held = await self._states.latest(self.key)
        state = self._state(self._held)
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
        before = self._held or await self._states.latest(self.key)
        held = self._begun(before)
        writer = await self._writer(held)
        try:
            while pieces := await writer.waiting(read_pieces(source, CHUNK)):
                for piece in pieces:
                    observe(piece)
                    await writer.write(piece)
            await writer.end()
        except StorageFull:
            # Room for others: nobody was promised these bytes.
            names = [each.name for each in writer.segments]
            writer.segments.clear()
            await self._keep_what_came(before, held, writer, mark)
            await self._staging.container.delete(names)
            raise
        except BaseException:
            await self._keep_what_came(before, held, writer, mark)
            raise
        return await self._settle(before, held, writer, mark)

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        self._held = self._held or await self._states.latest(self.key)
        state = self._state(self._held)
        return PartsReader(
            [(each.name, each.size) for each in state.segments],
            state.tail,
            self._staging.open_part,
            start,
            stop,
        )

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        self._held = self._held or await self._states.latest(self.key)
        state = self._state(self._held)
        name = f"{self._staging.root}{key}"
        container, joining = self._staging.container, self._staging.joining
        if state.segments and state.tail:
            self._held = await self._end_tail(self._held, state)
            state = self._state(self._held)
        if not state.segments:
            await put_plain(container, name, state.tail)
            await check(container, name, state.size)
        else:
            joined = await joining.prepare(self.key, state.segments, tidy=state.tidy)
            await self._staging.sweep.note(folders_of(s.name for s in joined), name)
            await joining.join(name, joined)
            if joined != state.segments:
                return
        self._committed = self._held

    async def discard(self) -> None:
        """See `IStagingArea`.

        An object that may yet be made of the segments, by a request whose end nobody
        knows, keeps them for a while, and a state that says so.
        """
        held, self._held = await self._states.latest(self.key), None
        state = held.state
        if state is None:
            return
        folders = set(state.left)
        if self._committed is None or self._committed.number != held.number:
            folders |= {*state.folders, state.folder} - {""}
        names = [each.name for each in state.segments]
        left = [
            folder
            for folder in sorted(folders)
            if not await self._staging.sweep.release(folder, names)
        ]
        if not left:
            await self._states.remove(self.key, held.number)
        elif state.held:
            word = self._staging.segments.new_word()
            gone = State(id=word, held=False, left=tuple(left))
            await self._states.write(self.key, held, gone)

    def _state(self, found: Numbered) -> State:
        """Give what is held."""
        state = found.state
        if state is None or not state.held:
            raise NotFound(self.key)
        return state

    @staticmethod
    def _begun(before: Numbered) -> State:
        """Give what there is before something is appended."""
        state = before.state
        if state is None:
            return State(id="")
        return state if state.held else State(id="", left=state.left)

    async def _folder(self, held: State) -> str:
        """Give the folder where segments go that are to follow.

        What is put beside the segments of a dynamic object becomes part of it.
        """
        folder, segments = held.folder, self._staging.segments
        if not folder or not held.tidy:
            return segments.new_folder(self.key)
        if segments.dynamic and await self._staging.sweep.is_noted(folder):
            return segments.new_folder(self.key)
        return folder

    async def _writer(self, held: State) -> SegmentWriter:
        segments, first = self._staging.segments, len(held.segments)
        folder = await self._folder(held)
        return SegmentWriter(
            self._staging.container,
            self._staging.clock,
            segments.headers(self.key),
            lambda count: segments.new_name(folder, first + count),
            held.tail,
            self._staging.largest,
        )

    async def _keep_what_came(
        self,
        before: Numbered,
        held: State,
        writer: SegmentWriter,
        mark: Callable[[], str] | None,
    ) -> None:
        """Keep what can be kept where something failed."""
        with suppress(StorageUnavailable):
            await writer.end()
        await self._settle(before, held, writer, mark)

    async def _settle(
        self,
        before: Numbered,
        held: State,
        writer: SegmentWriter,
        mark: Callable[[], str] | None,
    ) -> int:
        """Write down what is held now, where that is not what was."""
        dynamic = self._staging.segments.dynamic
        tidy = held.tidy and not (dynamic and writer.failed)
        segments = (*held.segments, *writer.segments)
        self._held = before
        if writer.failed and not writer.segments and tidy == held.tidy:
            return held.size
        # What was in a segment that failed is gone, so what follows it is of no use; if
        # that was the first, what was held is held as it was.
        tail = writer.tail if not writer.failed else b""
        if writer.failed and not writer.segments:
            tail = held.tail
        state = State(
            id=self._staging.segments.new_word(),
            folder=segments[-1].folder if segments else "",
            segments=segments,
            tail=tail,
            tidy=tidy,
            left=held.left,
            mark=mark() if mark is not None else "",
        )
        if (
            before.state is None
            or not before.state.held
            or (state.size, tidy) != (held.size, held.tidy)
        ):
            self._held = await self._states.write(self.key, before, state)
        return state.size

    async def _end_tail(self, before: Numbered, state: State) -> Numbered:
        """Make a segment of what is too little for one, since it is the last."""
        segments, container = self._staging.segments, self._staging.container
        folder = await self._folder(state)
        name = segments.new_name(folder, len(state.segments))
        found = await container.put(
            name, state.tail, headers=segments.headers(self.key)
        )
        last = Segment(name, found.header("Etag").strip('"'), len(state.tail))
        state = msgspec.structs.replace(
            state,
            id=segments.new_word(),
            folder=folder,
            segments=(*state.segments, last),
            tail=b"",
        )
        return await self._states.write(self.key, before, state)
