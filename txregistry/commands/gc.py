"""``txregistry gc``: collect what nobody needs."""

import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.internet.task import deferLater
from twisted.python import usage

from txregistry.assembly.collection import make_collector
from txregistry.assembly.registries import make_registry
from txregistry.auth.patterns import Patterns
from txregistry.commands.breakable import start_threads
from txregistry.commands.quotas import spell_quota
from txregistry.commands.storeoptions import STORE_PARAMETERS, StoreOptions
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.printable import printable
from txregistry.registry.collection.collector import Collector, NotOurTurn
from txregistry.registry.collection.lease import LIFE
from txregistry.registry.collection.reasons import Reasons
from txregistry.registry.collection.report import CollectionReport
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem
from txregistry.transfer.copyline import CopyLine
from txregistry.transfer.copyreport import Position

_BUSY: Final = 1
_PAUSE: Final = 10.0


class Gc(StoreOptions):
    """``gc``: collect garbage, while the registry runs or not."""

    synopsis = "Usage: txregistry gc [options]"
    longdesc = (
        "Do a round of collection, as the registry does by itself. What nobody needs "
        "is condemned in a round, and removed in one that begins at least the age "
        "floor later (collection.floor, a day), unless somebody needs it by then. "
        "With --now it is removed at once: no registry may run on the store then. "
        "Ends with 0 when the round came to its end, 1 when another process is "
        "collecting, 2 when it could not be done."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        *STORE_PARAMETERS,
        ["repository", "r", None, "Only of repositories of this pattern; no blobs."],
        ["explain", "e", None, "Say why this digest stays, or that it goes."],
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["dry-run", "n", "Change nothing; say what nobody needs."],
        ["yes", "y", "Follow rules that remove every tag that they are about."],
        ["now", None, "Remove at once. The registry must not run meanwhile."],
        ["json", None, "Tell what became of it as a JSON document."],
    ]

    patterns: Patterns | None = None
    wanted: Digest | None = None

    def postOptions(self) -> None:
        """See what is meant.

        Raises:
            UsageError: that cannot be understood.
        """
        try:
            if self["repository"] is not None:
                self.patterns = Patterns([self["repository"]])
            if self["explain"] is not None:
                self.wanted = Digest.parse(self["explain"])
        except ValueError as error:
            raise usage.UsageError(f"--repository: {error}") from error
        except DigestInvalid as error:
            raise usage.UsageError(f"--explain: {error.message}") from error
        if self["now"] and (self["dry-run"] or self.wanted is not None):
            raise usage.UsageError("--now cannot be used with --dry-run or --explain.")

    @property
    def changes(self) -> bool:
        """Whether it writes."""
        return not self["dry-run"]

    async def work(self, reactor: Any, settings: Settings) -> int:
        """Collect, tell what became of it, and say with what to end."""
        files = settings.storage.filesystem or Filesystem()
        blocking = start_threads(reactor, files.maxthreads, "gc")
        if self["now"]:
            collection = msgspec.structs.replace(settings.collection, floor=0.0)
            settings = msgspec.structs.replace(settings, collection=collection)
        registry = make_registry(settings, reactor, blocking)
        reasons = None if self.wanted is None else Reasons(self.wanted)
        collector = make_collector(
            settings,
            registry,
            reactor,
            blocking,
            reasons,
            sweeping=bool(self["yes"]),
        )
        try:
            if reasons is not None:
                await self._collect(reactor, collector, dry_run=True)
                sys.stdout.write("".join(f"{line}\n" for line in reasons.tell()))
                return 0
            report = await self._collect(reactor, collector, dry_run=self["dry-run"])
            if self["now"]:
                report = await self._collect(reactor, collector, dry_run=False)
        except NotOurTurn:
            sys.stderr.write(
                "txregistry: another process is collecting this store; try again when "
                "it has ended.\n"
            )
            return _BUSY
        finally:
            await registry.mirror.close()
        uploads = 0
        if not self["dry-run"] and self.patterns is None:
            # Those of programs that were killed, where no daemon looks after them.
            age = settings.storage.maintenance.uploadpurging.age
            for each in (registry.uploads, registry.image_states):
                uploads += await each.expire(age)
        sys.stdout.write(self._tell(report, uploads))
        return 0

    async def _collect(
        self, reactor: Any, collector: Collector, *, dry_run: bool
    ) -> CollectionReport:
        """Do a round, as soon as nobody else does."""
        line = CopyLine(sys.stderr, reactor)

        def hear(report: CollectionReport) -> None:
            self.check_broken_off()
            stage = "sweeping" if report.blobs else "marking"
            objects = report.manifests + report.blobs
            line.show(Position(stage, objects, report.bytes_removed, None))

        only = None if self.patterns is None else self.patterns.match
        begun = reactor.seconds()
        told = False
        while True:
            try:
                return await collector.collect(hear, only=only, dry_run=dry_run)
            except NotOurTurn:
                if reactor.seconds() - begun > LIFE + _PAUSE:
                    raise
                if not told:
                    told = True
                    sys.stderr.write(
                        "txregistry: another process is collecting, or was broken off "
                        "in the middle; waiting to see which.\n"
                    )
                await deferLater(reactor, _PAUSE)
            finally:
                line.clear()

    def _tell(self, report: CollectionReport, uploads: int) -> str:
        if self["json"]:
            document = {**msgspec.to_builtins(report), "uploads_removed": uploads}
            return msgspec.json.encode(document).decode() + "\n"
        looked = (
            f"{report.repositories} repositories, {report.manifests} manifests, "
            f"{report.blobs} blobs, in {report.seconds:.1f} s"
        )
        lines = [looked]
        if not report.dry_run:
            lines.append(
                f"removed: {report.tags_removed} tags, {report.links_removed} links, "
                f"{report.blobs_removed} blobs ({report.bytes_removed} bytes)"
            )
        going = "will go" if report.dry_run else "gone"
        lines += [f"{going}: {printable(tag)}" for tag in report.tags]
        if report.tags_removed > len(report.tags) > 0:
            lines.append(f"and {report.tags_removed - len(report.tags)} tags more")
        if uploads:
            lines.append(f"{uploads} abandoned uploads removed")
        said = "unneeded" if report.dry_run else "condemned, and removed a floor later"
        lines.append(
            f"{said}: {report.links_condemned} links, {report.blobs_condemned} blobs"
        )
        lines += [
            f"nothing of {printable(name)} is collected: a manifest there is damaged"
            for name in report.blind
        ]
        lines += [f"used by {spell_quota(each)}" for each in report.quotas]
        return "".join(f"{line}\n" for line in lines)
