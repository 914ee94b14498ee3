"""``txregistry warm``: fetch images ahead into the store of a mirror."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.python import usage

from txregistry.assembly.registries import make_registry
from txregistry.commands.breakable import BreakableOptions, start_threads
from txregistry.commands.options import parse_parallel
from txregistry.model.errors import RegistryError
from txregistry.registry.mirror.platforms import Platforms
from txregistry.registry.mirror.rules import MirrorRules
from txregistry.registry.mirror.warming import Warming
from txregistry.registry.mirror.warmreport import WarmProgress, WarmReport
from txregistry.registry.mirror.wishes import Wish, parse_wish
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.transfer.copyline import CopyLine
from txregistry.transfer.copyreport import Position

_LEFT_OUT: Final = 1
_MOST: Final = 64
"""Blobs that may be on their way at the same time."""
_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a list."""
_STANDARD: Final = "-"


class Warm(BreakableOptions):
    """``warm``: fetch images ahead, while the mirror runs."""

    synopsis = "Usage: txregistry warm LIST [options]"
    longdesc = (
        "LIST is a file, or - for what is piped in, with a name in each line, as a "
        "client would pull it: docker.io/library/alpine:3.20, or alpine:3.20 where "
        "Docker Hub is mirrored; team/app@sha256:... for a digest, and alpine:3.* for "
        "all tags of that pattern. What follows a # is passed over. Each image is "
        "fetched into the store of the settings with all that it names, unless it is "
        "there. "
        "Ends with 0 when all is there, 1 when something was left out, 2 when nothing "
        "could be done or not all of it could be tried."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["config", "c", None, "The mirror's config.yml."],
        ["parallel", "p", "4", f"Blobs on their way at the same time, to {_MOST}."],
        ["json", None, None, "A file (or -) for a document of what became of it."],
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["referrers", None, "Fetch also what refers to images, such as signatures."],
    ]

    faults = (SettingsError, StorageUnavailable)
    parallel: int
    platforms: Platforms

    def __init__(self) -> None:
        super().__init__()
        self._platforms: list[str] = []

    def opt_platform(self, text: str) -> None:
        """Only this of what is for several, as linux/amd64; may be repeated."""
        self._platforms.append(text)

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, path: str
    ) -> None:
        """Take where the names are."""
        self["list"] = path

    def postOptions(self) -> None:
        """See what is wanted, and how much at the same time."""
        self.parallel = parse_parallel(self["parallel"], _MOST)
        try:
            self.platforms = Platforms(self._platforms)
        except ValueError as error:
            raise usage.UsageError(f"--platform: {error}") from error

    def run(self) -> None:
        """Fetch.

        Raises:
            SettingsError: a setting cannot be used, or the list cannot be read.
            SystemExit: at the end, with what became of it.
        """
        settings = _read_settings(self["config"], os.environ)
        names = _read_names(self["list"])
        if self["json"] not in {None, _STANDARD}:
            _write(self["json"], "")  # before there is much to tell
        self.work_in_reactor(lambda reactor: self._work(reactor, settings, names))

    async def _work(self, reactor: Any, settings: Settings, names: list[str]) -> int:
        """Fetch, tell what became of it, and say with what to end."""
        report = await self._warm(reactor, settings, names)
        found = {"complete": report.is_complete, **msgspec.to_builtins(report)}
        document = msgspec.json.encode(found).decode() + "\n"
        if self["json"] == _STANDARD:
            sys.stdout.write(document)
        else:
            sys.stdout.write(_tell(report))
            if self["json"] is not None:
                _write(self["json"], document)
        return 0 if report.is_complete else _LEFT_OUT

    async def _warm(
        self, reactor: Any, settings: Settings, names: list[str]
    ) -> WarmReport:
        """Fetch what some names mean."""
        files = settings.storage.filesystem or Filesystem()
        blocking = start_threads(reactor, files.maxthreads, "warm")
        line = CopyLine(sys.stderr, reactor)

        def hear(progress: WarmProgress) -> None:
            self.check_broken_off()
            stage = "listing" if progress.fraction is None else "fetching"
            line.show(
                Position(stage, progress.objects, progress.passed, progress.fraction)
            )

        registry = make_registry(settings, reactor, blocking)
        warming = Warming(
            registry.mirror,
            registry.referrers,
            blocking,
            parallel=self.parallel,
            platforms=self.platforms,
            with_referrers=bool(self["referrers"]),
            hear=hear,
        )
        try:
            return await warming.run(
                _wishes(registry.mirror.rules, names, warming.report)
            )
        except StorageUnavailable:
            line.clear()
            sys.stdout.write(_tell(warming.report))
            raise
        finally:
            line.clear()
            await registry.mirror.close()


def _wishes(rules: MirrorRules, names: list[str], report: WarmReport) -> list[Wish]:
    """Read names; what is none of a mirrored registry's is reported."""
    wishes = []
    for name in names:
        try:
            wishes.append(parse_wish(rules, name))
        except RegistryError as error:
            report.fail(name, error.message)
    return wishes


def _read_settings(path: str | None, environment: Mapping[str, str]) -> Settings:
    """Read the settings of a mirror.

    Raises:
        SettingsError: they cannot be used, or are none of a mirror.
    """
    settings, _ = load_settings(path, environment)
    if settings.storage.inmemory is not None:
        raise SettingsError(
            "storage.inmemory: what is in a process's memory is nowhere else."
        )
    if not settings.mirror.upstreams and settings.proxy is None:
        raise SettingsError(
            "mirror.upstreams: there is none from which anything could be fetched."
        )
    if settings.mirror.offline:
        raise SettingsError("mirror.offline: no other registry may be asked.")
    return settings


def _read_names(path: str) -> list[str]:
    """Read a list of names.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        if path == _STANDARD:
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(_LARGEST + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"LIST: {path!r} cannot be read: {error}.") from error
    if len(data) > _LARGEST:
        raise SettingsError(f"LIST: {path!r} has more than {_LARGEST} bytes.")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(f"--json: {path!r} cannot be written: {error}.") from error


def _tell(report: WarmReport) -> str:
    lines = [f"left out: {each.image}: {each.reason}" for each in report.faults]
    if report.failed > len(report.faults):
        lines.append(f"and {report.failed - len(report.faults)} more")
    lines.append(
        f"{report.images} images are here; {report.blobs} blobs, {report.bytes} bytes "
        f"fetched; {report.present} blobs here already; {report.failed} left out"
    )
    return "".join(f"{line}\n" for line in lines)
