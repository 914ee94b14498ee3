"""What may be deleted of the segments in Swift, and what may not.

Before an object is made of segments, a note says which: so whoever deletes them can ask
that object. Without this, what a crash left of an upload would take with it the blob
that the upload had become.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.swiftanswers import Outcome
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftsegments import SwiftSegments, folder_of, folders_of
from txregistry.storage.swiftstate import SwiftStates

_LIMIT: Final = 1024 * 1024
_DOUBT: Final = 3600.0
"""Seconds in which a manifest may still come that was on its way."""


@dataclass(frozen=True, slots=True)
class _Note:
    """What is, or may be, made of a folder's segments, and since when."""

    finals: tuple[str, ...] = ()
    modified: float = 0.0


class SwiftSweep:
    """Delete segments that no object consists of.

    Args:
        container: Where they are.
        segments: Knows their names, and what manifests name.
        states: Know what areas hold.
        clock: Tells how old something is.
    """

    _log = Logger()

    def __init__(
        self,
        container: SwiftContainer,
        segments: SwiftSegments,
        states: SwiftStates,
        clock: IReactorTime,
    ) -> None:
        self._container = container
        self._segments = segments
        self._states = states
        self._clock = clock

    async def note(self, folders: Iterable[str], final: str) -> None:
        """Write down that an object may be made of what is in some folders."""
        for folder in folders:
            known = (await self._note(folder)).finals
            if final not in known:
                data = msgspec.json.encode([*known, final])
                await self._container.put(self._segments.final_name(folder), data)

    async def is_noted(self, folder: str) -> bool:
        """Whether an object is, or may be, made of what is in a folder."""
        return bool((await self._note(folder)).finals)

    async def release(self, folder: str, known: Iterable[str] = ()) -> bool:
        """Delete what is in a folder, unless an object consists of it.

        Args:
            folder: The folder.
            known: What is in it, beside what is listed.

        Returns:
            Whether that is done; if not, an object may yet be made of it.
        """
        note = await self._note(folder)
        names = {each for each in known if folder_of(each) == folder}
        names |= await self._listed(folder)
        used = await self._used(folder, names, note.finals)
        if note.finals and not used:
            if self._clock.seconds() - note.modified < _DOUBT:
                return False
            self._log.info(
                "Nothing was made of the segments in {folder}", folder=folder
            )
        await self._container.delete(sorted(names - used))
        if note.finals and not used:
            await self._container.delete([self._segments.final_name(folder)])
        return True

    async def erase(self, name: str, found: Outcome) -> None:
        """Delete a large object with its segments.

        The manifest goes first: what can be seen is whole. Whoever reads it at the
        moment is broken off.

        Args:
            name: Its name.
            found: Its header fields.
        """
        names = await self._segments.named_by(name)
        await self._container.delete([name])
        folder = self._segments.dynamic_folder(found)
        if folder is not None:
            # Distribution 2 moves an object by writing its manifest anew elsewhere.
            # Where that broke off, a blob consists of what an upload has, too.
            if name.endswith(self._segments.written_to(folder)):
                return
            names = await self._listed(folder)
        for each in folders_of(sorted(names)):
            note = await self._note(each)
            others = [final for final in note.finals if final != name]
            here = {inner for inner in names if folder_of(inner) == each}
            used = await self._used(each, here, others)
            await self._container.delete(sorted(here - used))
            if note.finals and not used:
                await self._container.delete([self._segments.final_name(each)])

    async def sweep(self, age: float, *, dry_run: bool) -> int:
        """Delete old segments that nothing leads to.

        Returns:
            How many folders there were of them.
        """
        count = 0
        names: set[str] = set()
        latest, folder = 0.0, ""
        async for entry in self._container.walk(self._segments.root):
            if folder_of(entry.name) != folder:
                if names and self._clock.seconds() - latest >= age:
                    count += await self._sweep(folder, names, dry_run=dry_run)
                names, latest, folder = set(), 0.0, folder_of(entry.name)
            names.add(entry.name)
            latest = max(latest, entry.modified)
        if names and self._clock.seconds() - latest >= age:
            count += await self._sweep(folder, names, dry_run=dry_run)
        return count

    async def _sweep(self, folder: str, names: set[str], *, dry_run: bool) -> bool:
        area = await self._segments.area_of(min(names))
        if area is None:
            return False  # Distribution 2 wrote it, and alone knows what for
        state = (await self._states.latest(area)).state
        if state is not None and folder in {state.folder, *state.folders}:
            return False
        note = await self._note(folder)
        unused = names - await self._used(folder, names, note.finals)
        if not unused or dry_run:
            return bool(unused)
        return await self.release(folder)

    async def _used(
        self, folder: str, names: set[str], finals: Iterable[str]
    ) -> set[str]:
        """Find which segments in a folder objects consist of."""
        used: set[str] = set()
        for final in finals:
            found = await self._segments.named_by(final)
            if folder in found:
                return names  # a dynamic object consists of all that is there
            used |= names & found
        return used

    async def _listed(self, folder: str) -> set[str]:
        return {each.name async for each in self._container.walk(folder)}

    async def _note(self, folder: str) -> _Note:
        found = await self._container.get(self._segments.final_name(folder), _LIMIT)
        if found is None:
            return _Note()
        try:
            finals = msgspec.json.decode(found.body, type=tuple[str, ...])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StorageUnavailable(
                f"{self._container.place} has a note of {folder} that cannot be read"
            ) from None
        return _Note(finals, modified(found))


def modified(found: Outcome) -> float:
    """Read when an object was written."""
    exact = found.header("X-Timestamp")
    if re.fullmatch(r"[0-9]{1,12}\.[0-9]{1,9}", exact):
        return float(exact)
    try:
        return parsedate_to_datetime(found.header("Last-Modified")).timestamp()
    except (ValueError, OverflowError):
        return float("inf")
