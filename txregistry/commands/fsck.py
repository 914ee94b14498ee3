"""``txregistry fsck``: find what is wrong in a store, and mend it."""

import re
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.python import usage

from txregistry.assembly.mirror import make_rules
from txregistry.assembly.sparing import spare
from txregistry.assembly.stores import make_store
from txregistry.auth.patterns import Patterns
from txregistry.commands.breakable import start_threads
from txregistry.commands.storeoptions import (
    STORE_PARAMETERS,
    TOP,
    StoreOptions,
    local_folder,
)
from txregistry.model.printable import printable
from txregistry.registry.checking.findings import NOTES, Finding, Findings
from txregistry.registry.checking.storecheck import StoreCheck, Wanted
from txregistry.registry.checking.tree import Position
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem
from txregistry.storage.folder import FolderObjectSource
from txregistry.storage.folders import Folders
from txregistry.storage.interfaces import (
    IObjectSource,
    IObjectStore,
    StorageUnavailable,
)
from txregistry.tasks import Blocking
from txregistry.transfer.copyline import CopyLine
from txregistry.transfer.copyreport import Position as CopyPosition

_FOUND: Final = 1
_RATE: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_MANY: Final = 16
"""Names in a folder that is remembered: most have fewer, and are read once."""
_MEGABYTE: Final = 1024 * 1024
_STATES: Final = {
    "told": "",
    "mendable": "",
    "mended": " [mended]",
    "changed": " [it changed meanwhile]",
    "failed": " [could not be mended]",
}


class Fsck(StoreOptions):
    """``fsck``: check a store, while its registry runs or not."""

    synopsis = "Usage: txregistry fsck [options] [PATTERN...]"
    longdesc = (
        "The store is that of a config.yml, or a folder, as storage.filesystem."
        "rootdirectory is one; whichever registry wrote it. With patterns, as "
        "'team/**', only those repositories are looked at, and the blobs that they "
        "link. Nothing is changed without --repair. "
        "Ends with 0 when nothing does harm, be it since it was mended, 1 when "
        "something does, 2 when the store cannot be checked."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        *STORE_PARAMETERS,
        ["rate", None, "100", "MiB that are hashed in a second; 0 for all that can."],
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["repair", None, "Mend what can be mended."],
        ["quick", "q", "Do not hash what blobs contain."],
        ["json", None, "Tell each finding as a JSON document, in a line."],
    ]

    rate: int | None = None
    patterns: Patterns | None = None

    def parseArgs(self, *patterns: str) -> None:  # noqa: N802 - Twisted's name
        """Take which repositories are meant."""
        self["patterns"] = patterns

    def postOptions(self) -> None:
        """See what is to be checked, and how fast.

        Raises:
            UsageError: that cannot be understood.
        """
        if _RATE.fullmatch(self["rate"]) is None:
            raise usage.UsageError(
                f"--rate: {self['rate']!r} cannot be used; it must be a number of MiB."
            )
        self.rate = int(self["rate"]) * _MEGABYTE or None
        try:
            if self["patterns"]:
                self.patterns = Patterns(self["patterns"])
        except ValueError as error:
            raise usage.UsageError(str(error)) from error

    @property
    def changes(self) -> bool:
        """Whether it writes."""
        return bool(self["repair"])

    async def work(self, reactor: Any, settings: Settings) -> int:
        """Check, tell what became of it, and say with what to end."""
        files = settings.storage.filesystem or Filesystem()
        blocking = start_threads(reactor, files.maxthreads, "fsck")
        line = CopyLine(sys.stderr, reactor)

        def hear(position: Position) -> None:
            self.check_broken_off()
            line.show(
                CopyPosition(position.stage, position.objects, position.passed, None)
            )

        def tell(finding: Finding) -> None:
            line.clear()
            sys.stdout.write(self._spell(finding))

        rules = make_rules(settings, reactor, blocking)
        source, target, flat = self._open(settings, reactor, blocking)
        if not (await source.list(f"{TOP}/", limit=1, delimiter=True)).names:
            raise SettingsError(
                f"There is nothing below {TOP}: it is no registry's, or not its top."
            )
        check = StoreCheck(
            source,
            target,
            reactor,
            blocking,
            tell,
            hear,
            flat=flat,
            wanted=Wanted(
                hashing=not self["quick"],
                rate=self.rate,
                chosen=self.patterns.match if self.patterns else None,
                partial=lambda name: rules.find(name) is not None,
                folder=local_folder(settings),
            ),
        )
        try:
            await check.run()
        except StorageUnavailable:
            line.clear()
            sys.stdout.write(self._summarize(check.findings, complete=False))
            raise
        finally:
            line.clear()
        sys.stdout.write(self._summarize(check.findings, complete=True))
        return _FOUND if check.findings.faults else 0

    def _open(
        self, settings: Settings, reactor: Any, blocking: Blocking
    ) -> tuple[IObjectSource, IObjectStore | None, bool]:
        """Open a store: only to be read, unless it is to be mended.

        Returns:
            What is read, what is written, and whether it has no folders.

        Raises:
            SettingsError: it cannot be used.
        """
        folder = local_folder(settings)
        if folder is not None and not self["repair"]:
            try:
                return FolderObjectSource(folder, blocking, Folders(_MANY)), None, False
            except StorageUnavailable as fault:
                raise SettingsError(f"The folder cannot be read: {fault}.") from fault
        store = spare(settings, make_store(settings, reactor, blocking), reactor)
        return store, store if self["repair"] else None, store.flat

    def _spell(self, finding: Finding) -> str:
        """Write a finding in one line."""
        if self["json"]:
            document = {
                "kind": finding.sort,
                "key": printable(finding.key),
                "fault": finding.is_fault,
                "text": printable(finding.text),
                "advice": printable(finding.advice),
                "state": finding.state,
            }
            return msgspec.json.encode(document).decode() + "\n"
        text = f"{finding.sort}: {finding.key}: {finding.text}"
        return (
            f"{printable(text)} ({printable(finding.advice)}){_STATES[finding.state]}\n"
        )

    def _summarize(self, findings: Findings, *, complete: bool) -> str:
        """Count what was found."""
        if self["json"]:
            document = {
                "complete": complete,
                "faults": findings.faults,
                "counts": msgspec.to_builtins(findings.counts),
            }
            return msgspec.json.encode(document).decode() + "\n"
        if not findings.counts:
            return "Nothing is wrong.\n" if complete else ""
        lines = [f"{'':20} {'found':>8} {'mendable':>8} {'mended':>8}"]
        for sort, count in sorted(findings.counts.items()):
            note = "  (does no harm)" if sort in NOTES else ""
            lines.append(
                f"{sort:20} {count.found:8} {count.mendable:8} {count.mended:8}{note}"
            )
        if complete:
            lines.append(_conclude(findings))
        return "".join(f"{line}\n" for line in lines)


def _conclude(findings: Findings) -> str:
    if not findings.faults:
        return "Nothing that does harm is left."
    mendable = sum(
        count.mendable for sort, count in findings.counts.items() if sort not in NOTES
    )
    if mendable:
        return f"{findings.faults} do harm; --repair mends {mendable} of them."
    return f"{findings.faults} do harm; see above what can be done about them."
