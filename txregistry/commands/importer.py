"""``txregistry import-v1``: take what docker-registry kept into our store."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.python import usage

from txregistry.assembly.oldplaces import OldPlace, parse_place
from txregistry.assembly.stores import make_store
from txregistry.commands.breakable import BreakableOptions, start_threads
from txregistry.commands.statusline import StatusLine
from txregistry.registry.repositories import Registry
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.transfer.damage import TreeUnavailable
from txregistry.transfer.importing import Import
from txregistry.transfer.oldtree import OldTree
from txregistry.transfer.report import Report

_LEFT_OUT: Final = 1


class ImportV1(BreakableOptions):
    """``import-v1``: read the data of the Python docker-registry, up to 0.9."""

    synopsis = "Usage: txregistry import-v1 TREE [options]"
    longdesc = (
        "TREE is where docker-registry kept its data: a folder, s3://bucket/prefix or "
        "swift://container/prefix, with images/ and repositories/ at its top. It is "
        "only read. What is imported already is not read again. "
        "For S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed, and "
        "AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL are heeded; for Swift, "
        "ST_AUTH, ST_USER and ST_KEY are needed. "
        "Ends with 0 when all tags were imported, 1 when one was left out, 2 when "
        "nothing could be done or not all of it could be tried."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["config", "c", None, "A config.yml, as of CNCF Distribution."],
        ["storage", "s", None, "Where content is kept: a folder."],
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["dry-run", "n", "Look at all but the layers, and change nothing."],
        ["json", None, "Tell what became of it as a JSON document."],
    ]

    faults = (SettingsError, StorageUnavailable, TreeUnavailable)
    place: OldPlace

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, tree: str
    ) -> None:
        """Take what is to be imported."""
        self["tree"] = tree

    def postOptions(self) -> None:
        """See that there is a way to what is to be imported."""
        try:
            self.place = parse_place(self["tree"], os.environ)
        except ValueError as error:
            raise usage.UsageError(str(error)) from error

    def run(self) -> None:
        """Import.

        Raises:
            SettingsError: a setting cannot be used.
            SystemExit: at the end, with what became of it.
        """
        settings = self._settings(os.environ)
        self.work_in_reactor(
            lambda reactor: self._work(reactor, settings),
            local=self.place.is_local and not settings.storage.is_remote,
        )

    def _settings(self, environment: Mapping[str, str]) -> Settings:
        settings, _ = load_settings(self["config"], environment)
        storage = settings.storage
        folder = self["storage"]
        if folder is not None:
            if not folder or "://" in folder:
                raise SettingsError(
                    f"--storage: {folder!r} cannot be used; it must be a folder."
                )
            storage = storage.in_folder(folder)
        if storage.ocilayout is not None:
            raise SettingsError(
                "storage.ocilayout: an OCI layout is only read; choose another folder."
            )
        if storage.inmemory is not None:
            raise SettingsError(
                "storage.inmemory: nothing would be left of what is imported; choose "
                "a folder."
            )
        return msgspec.structs.replace(settings, storage=storage)

    async def _work(self, reactor: Any, settings: Settings) -> int:
        """Import, tell what became of it, and say with what to end."""
        report = await self._import(reactor, settings)
        sys.stdout.write(self._tell(report))
        return 0 if report.is_complete else _LEFT_OUT

    async def _import(self, reactor: Any, settings: Settings) -> Report:
        """Import into the store that the settings describe."""
        files = settings.storage.filesystem or Filesystem()
        blocking = start_threads(reactor, files.maxthreads, "import")
        line = StatusLine(sys.stderr, reactor)

        def progress(report: Report, place: str, passing: int) -> None:
            self.check_broken_off()
            mebibytes = (report.copied + passing) >> 20
            line.show(f"{report.tags} tags, {mebibytes} MiB: {place}")

        async with self.place.open(reactor, blocking) as source:
            registry = Registry(
                make_store(settings, reactor, blocking),
                reactor,
                blocking,
                complete=settings.validation.enabled
                and not settings.validation.disabled,
                write_fallback=settings.referrers.fallbacktag,
            )
            try:
                return await Import(
                    OldTree(source),
                    registry,
                    dry_run=bool(self["dry-run"]),
                    progress=progress,
                ).run()
            finally:
                line.clear()

    def _tell(self, report: Report) -> str:
        if self["json"]:
            document = {
                "dry_run": bool(self["dry-run"]),
                "complete": report.is_complete,
                **msgspec.to_builtins(report),
            }
            return msgspec.json.encode(document).decode() + "\n"
        copied = "to copy" if self["dry-run"] else "copied"
        left_out = "".join(
            f"left out: {each.kind} {each.name}: {each.reason}\n"
            for each in report.left_out
        )
        return (
            f"{left_out}{report.repositories} repositories, {report.tags} tags, "
            f"{report.images} images; {report.copied} bytes {copied}; "
            f"{len(report.left_out)} left out\n"
        )
