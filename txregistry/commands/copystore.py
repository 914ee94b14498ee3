"""``txregistry copy-store``: copy all that a registry keeps to another store."""

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec

from txregistry.assembly.sparing import spare
from txregistry.assembly.stores import make_store
from txregistry.commands.breakable import BreakableOptions, start_threads
from txregistry.commands.options import parse_parallel
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem, Storage
from txregistry.storage.folder import FolderObjectSource
from txregistry.storage.folders import Folders
from txregistry.storage.interfaces import (
    IObjectSource,
    IObjectStore,
    StorageUnavailable,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import Blocking
from txregistry.transfer.copyline import CopyLine
from txregistry.transfer.copyreport import CopyReport, Position, Tally
from txregistry.transfer.storecopy import CopyStopped, StoreCopy

_FROM: Final = "FROM"
_TO: Final = "TO"
_LEFT_OUT: Final = 1
_MOST: Final = 64
"""Objects that may be on their way at the same time."""
_MANY: Final = 16
"""Names in a folder that is remembered: most have fewer, and are read once."""
_THREADS: Final = 8
_PARTS: Final = 2
"""Parts of an object on its way to S3 that are in memory at most."""


class CopyStore(BreakableOptions):
    """``copy-store``: copy a store, while its registry runs."""

    synopsis = "Usage: txregistry copy-store FROM TO [options]"
    longdesc = (
        "FROM and TO are each a config.yml, of which the section 'storage' counts, or "
        "a folder, as storage.filesystem.rootdirectory is one. REGISTRY_... variables "
        "are not heeded, since they would be about both. FROM is only read. What TO "
        "has already is not copied again, so a copy that was broken off can be begun "
        "anew; what is deleted at FROM stays at TO. "
        "Ends with 0 when all that is sound was copied, 1 when something is damaged or "
        "could not be read or written, 2 when nothing could be done or not all of it "
        "could be tried."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["parallel", "p", "4", f"Objects on their way at the same time, to {_MOST}."],
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["verify", None, "Read and hash also what TO has already, and mend it."],
        ["dry-run", "n", "Say what there is to copy, and change nothing."],
        ["json", None, "Tell what became of it as a JSON document."],
    ]

    faults = (SettingsError, CopyStopped)
    parallel: int

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, source: str, target: str
    ) -> None:
        """Take from where to where."""
        self["from"], self["to"] = source, target

    def postOptions(self) -> None:
        """See how much is to be done at the same time."""
        self.parallel = parse_parallel(self["parallel"], _MOST)

    def run(self) -> None:
        """Copy.

        Raises:
            SettingsError: a setting cannot be used.
            SystemExit: at the end, with what became of it.
        """
        place = _read_place(_FROM, self["from"])
        destination = _read_place(_TO, self["to"])
        if _is_same(place.storage, destination.storage):
            raise SettingsError("FROM and TO are the same place.")
        remote = place.storage.is_remote or destination.storage.is_remote
        self.work_in_reactor(
            lambda reactor: self._work(reactor, place, destination), local=not remote
        )

    async def _work(self, reactor: Any, place: Settings, destination: Settings) -> int:
        """Copy, tell what became of it, and say with what to end."""
        report = await self._copy(reactor, place, destination)
        sys.stdout.write(self._tell(report))
        return 0 if report.is_complete else _LEFT_OUT

    async def _copy(
        self, reactor: Any, place: Settings, destination: Settings
    ) -> CopyReport:
        """Copy from what some settings describe to what others do."""
        blocking = start_threads(reactor, _THREADS + 2 * self.parallel, "copy")
        line = CopyLine(sys.stderr, reactor)

        def hear(position: Position) -> None:
            self.check_broken_off()
            line.show(position)

        source = _open_source(_FROM, place, reactor, blocking)
        target = None
        if self["dry-run"]:
            there = _open_source(_TO, destination, reactor, blocking)
        else:
            there = target = _open_target(destination, self.parallel, reactor, blocking)
        copy = StoreCopy(
            source,
            there,
            target,
            reactor,
            blocking,
            parallel=self.parallel,
            verify=bool(self["verify"]),
            hear=hear,
        )
        try:
            return await copy.run()
        except CopyStopped:
            if copy.report.stopped is not None:
                line.clear()
                sys.stdout.write(self._tell(copy.report))
            raise
        finally:
            line.clear()

    def _tell(self, report: CopyReport) -> str:
        if self["json"]:
            document = {
                "dry_run": bool(self["dry-run"]),
                "complete": report.is_complete,
                **msgspec.to_builtins(report),
            }
            return msgspec.json.encode(document).decode() + "\n"
        lines = [
            f"{each.trouble}: {each.key}: {each.reason}" for each in report.left_out
        ]
        if report.untold:
            lines.append(f"and {report.untold} more that were left out")
        lines += [f"not of a registry: {key}" for key in report.examples]
        if report.foreign > len(report.examples):
            more = report.foreign - len(report.examples)
            lines.append(f"and {more} more that are not of a registry")
        copied = "to copy" if self["dry-run"] else "copied"
        lines.append(f"{_count(report.copied)} {copied}; {report.bytes} bytes")
        lines.append(f"{_count(report.present)} there already; {report.mended} mended")
        lines.append(
            f"{sum(report.troubles.values())} left out; {report.uploads} uploads on "
            f"their way and {report.foreign} other objects passed over"
        )
        return "".join(f"{line}\n" for line in lines)


def _read_place(end: str, path: str) -> Settings:
    """Read what is said of one end.

    Raises:
        SettingsError: it cannot be used.
    """
    if os.path.isdir(path):
        return _check_end(end, Settings(storage=Storage().in_folder(path)))
    if not os.path.exists(path):
        raise SettingsError(
            f"{end}: {path!r} is not there; it must be a config.yml or a folder."
        )
    try:
        settings, _ = load_settings(path, {})
    except SettingsError as error:
        raise SettingsError(f"{end}: {error}") from error
    if settings.storage.inmemory is not None:
        raise SettingsError(
            f"{end}: storage.inmemory: what is in a process's memory is nowhere else."
        )
    return _check_end(end, settings)


def _check_end(end: str, settings: Settings) -> Settings:
    if end == _TO and settings.storage.ocilayout is not None:
        raise SettingsError(f"{end}: storage.ocilayout: an OCI layout is only read.")
    return settings


def _is_same(one: Storage, other: Storage) -> bool:
    """Whether two places are the same, as far as one can tell without going there."""
    if one.is_remote or other.is_remote:
        return (one.s3, one.swift) == (other.s3, other.swift)
    return os.path.realpath(_folder(one)) == os.path.realpath(_folder(other))


def _folder(storage: Storage) -> str:
    return (storage.ocilayout or storage.filesystem or Filesystem()).rootdirectory


def _open_source(
    end: str, settings: Settings, reactor: Any, blocking: Blocking
) -> IObjectSource:
    """Open what is only read.

    Raises:
        SettingsError: it cannot be used.
    """
    if settings.storage.is_remote or settings.storage.ocilayout is not None:
        return _make_store(end, settings, reactor, blocking)
    folder = _folder(settings.storage)
    if end == _TO and not os.path.exists(folder):
        return MemoryObjectStore(reactor)  # it would be made, and there is nothing yet
    try:
        return FolderObjectSource(folder, blocking, Folders(_MANY))
    except StorageUnavailable as fault:
        raise SettingsError(f"{end}: the folder cannot be read: {fault}.") from fault


def _open_target(
    settings: Settings, parallel: int, reactor: Any, blocking: Blocking
) -> IObjectStore:
    """Open what is written.

    Raises:
        SettingsError: it cannot be used.
    """
    s3 = settings.storage.s3
    if s3 is not None:
        # A blob for which there is no memory would be written twice.
        needed = -(-parallel * _PARTS * s3.chunksize * 4 // 3)
        s3 = msgspec.structs.replace(s3, memory=max(s3.memory, needed))
        storage = msgspec.structs.replace(settings.storage, s3=s3)
        settings = msgspec.structs.replace(settings, storage=storage)
    store = _make_store(_TO, settings, reactor, blocking)
    return spare(settings, store, reactor)  # a registry may collect there


def _make_store(
    end: str, settings: Settings, reactor: Any, blocking: Blocking
) -> IObjectStore:
    try:
        return make_store(settings, reactor, blocking)
    except SettingsError as error:
        raise SettingsError(f"{end}: {error}") from error


def _count(tally: Tally) -> str:
    return (
        f"{tally.blobs} blobs, {tally.links} links, {tally.tags} tags, "
        f"{tally.documents} documents"
    )
