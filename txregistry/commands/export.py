"""``txregistry export``: write a folder that others serve images from."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.python import usage

from txregistry.assembly.stores import make_store
from txregistry.commands.breakable import BreakableOptions, start_threads
from txregistry.commands.statusline import StatusLine
from txregistry.registry.repositories import Registry
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.transfer.archives.naming import Naming
from txregistry.transfer.static.export import LAYOUT, STATIC, Export
from txregistry.transfer.static.refusals import TreeRefused
from txregistry.transfer.static.report import ExportReport
from txregistry.transfer.static.selection import Selection
from txregistry.transfer.static.serverconfig import SERVERS, write_config

_LEFT_OUT: Final = 1
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_MOST: Final = 65535
_HOST: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII
)


class ExportImages(BreakableOptions):
    """``export``: write images where a plain web server, or a medium, has them."""

    synopsis = "Usage: txregistry export --static DIR [PATTERN...] [options]"
    longdesc = (
        "DIR gets what a plain web server needs so that images can be pulled from it, "
        "by version 1 and by version 2; or it becomes an OCI layout. PATTERN says "
        "which images: 'team/**' are all of some repositories, 'team/app:1.*' those of "
        "some tags; without one it is all. Written is only what changed since the last "
        "time, and whoever reads meanwhile finds whole images; what is no longer in "
        "the registry, or not wanted, is removed last. Blobs of local files are "
        "linked, not copied, where that can be. "
        "Ends with 0 when all is there, 1 when something was left out, 2 when nothing "
        "could be done or not all of it could be tried."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["static", None, None, "The folder of a plain web server."],
        ["oci-layout", None, None, "The folder of an OCI layout."],
        ["storage", "s", None, "Where the images are: a folder."],
        ["config", "c", None, "A config.yml, whose storage has the images."],
        ["host", None, None, "What clients call the registry: names in the layout."],
        [
            "server-config",
            None,
            None,
            f"Only print what a server has to be told: {', '.join(SERVERS)}.",
        ],
        ["port", None, "5000", "Where that server listens."],
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["copy", None, "Copy all blobs, and link none to the registry's own files."],
        ["no-v1", None, "Leave out what only engines of version 1 need."],
        ["private", None, "Export also repositories that are private."],
        ["json", None, "Tell what became of it as a JSON document."],
    ]

    faults = (SettingsError, StorageUnavailable, TreeRefused)
    selection: Selection
    folder: str
    kind: str

    def parseArgs(self, *patterns: str) -> None:  # noqa: N802 - Twisted's name
        """Take which images."""
        self["patterns"] = patterns

    def postOptions(self) -> None:
        """See what is to be done."""
        given = {STATIC: self["static"], LAYOUT: self["oci-layout"]}
        chosen = [kind for kind, folder in given.items() if folder]
        if len(chosen) != 1:
            raise usage.UsageError("Give one of --static DIR and --oci-layout DIR.")
        self.kind = chosen[0]
        self.folder = os.path.abspath(given[self.kind])
        try:
            self.selection = Selection(self["patterns"])
        except ValueError as error:
            raise usage.UsageError(str(error)) from error
        if self["host"] is not None and _HOST.fullmatch(self["host"]) is None:
            raise usage.UsageError(
                f"--host: {self['host']!r} cannot be used; it must be such as "
                "registry.example or registry.example:5000."
            )
        server = self["server-config"]
        if server is not None and (server not in SERVERS or self.kind != STATIC):
            raise usage.UsageError(
                f"--server-config: {server!r} cannot be used; it must be one of "
                f"{', '.join(SERVERS)}, with --static."
            )
        if not _PORT.fullmatch(self["port"]) or int(self["port"]) > _MOST:
            raise usage.UsageError(f"--port: {self['port']!r} is no port.")

    def run(self) -> None:
        """Export, or say how to serve it.

        Raises:
            SettingsError: a setting cannot be used.
            SystemExit: at the end, with what became of it.
        """
        if self["server-config"] is not None:
            sys.stdout.write(self._config())
            return
        settings = self._settings()
        self.work_in_reactor(
            lambda reactor: self._work(reactor, settings),
            local=not settings.storage.is_remote,
        )

    def _config(self) -> str:
        try:
            return write_config(self["server-config"], self.folder, int(self["port"]))
        except ValueError as error:
            raise usage.UsageError(str(error)) from error

    def _settings(self) -> Settings:
        settings, _ = load_settings(self["config"], os.environ)
        storage, folder = settings.storage, self["storage"]
        if folder is not None:
            if not os.path.isdir(folder):  # nor is one made, as for the daemon
                raise SettingsError(
                    f"--storage: {folder!r} cannot be used; it must be a folder that "
                    "exists."
                )
            storage = storage.in_folder(folder)
        if storage.inmemory is not None:
            raise SettingsError(
                "storage.inmemory: what is in a process's memory is nowhere else."
            )
        return msgspec.structs.replace(settings, storage=storage)

    async def _work(self, reactor: Any, settings: Settings) -> int:
        """Export, tell what became of it, and say with what to end."""
        storage = settings.storage
        blocking = start_threads(reactor, storage.threads, "export")
        line = StatusLine(sys.stderr, reactor)

        def hear(report: ExportReport, image: str, passed: int) -> None:
            self.check_broken_off()
            line.show(f"{report.tags} tags, {passed >> 20} MiB: {image}")

        is_ours = not storage.is_remote and storage.ocilayout is None
        export = Export(
            Registry(
                make_store(settings, reactor, blocking),
                reactor,
                blocking,
                writes=not storage.is_readonly,
            ),
            self.folder,
            self.kind,
            blocking,
            selection=self.selection,
            naming=Naming(self["host"]),
            version1=not self["no-v1"],
            private=bool(self["private"]),
            links=is_ours and not self["copy"],
            hear=hear,
        )
        try:
            report = await export.run()
        finally:
            line.clear()
        sys.stdout.write(self._tell(report))
        return 0 if report.is_complete else _LEFT_OUT

    def _tell(self, report: ExportReport) -> str:
        if self["json"]:
            document = {
                "complete": report.is_complete,
                **msgspec.to_builtins(report),
            }
            return msgspec.json.encode(document).decode() + "\n"
        lines = [f"left out: {each.what}: {each.reason}" for each in report.left_out]
        if report.untold:
            lines.append(f"and {report.untold} more that were left out")
        if report.is_damaged:
            lines.append("something is damaged, so that nothing was removed")
        if report.private:
            lines.append(f"{report.private} private repositories passed over")
        lines.append(
            f"{report.repositories} repositories, {report.tags} tags, of which "
            f"{report.images} for version 1; {report.written} files written, "
            f"{report.copied} bytes copied, {report.removed} files removed"
        )
        return "".join(f"{line}\n" for line in lines)
