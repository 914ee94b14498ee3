"""The figures of this process, and of those that serve in its place."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.assembly.lateness import Lateness
from txregistry.assembly.watching import Workers
from txregistry.metrics.actions import ActionTimes
from txregistry.metrics.families import Family, Kind, Row, add_up, one
from txregistry.metrics.mirroring import MirrorCounts
from txregistry.metrics.process import process_families
from txregistry.settings.sections import Settings
from txregistry.tls.server import ServerTls
from txregistry.web.counting import Counting

_SELF: Final = "0"
"""Who has workers, or none, among these."""


class Meters:
    """Tell what this process has counted.

    Args:
        counting: Counts requests.
        lateness: Measures the reactor.
        times: Where it is counted what is done with the store.
        mirror: Where it is counted what is asked of mirrored repositories.
        tls: What speaks TLS; None where nothing does.
    """

    def __init__(
        self,
        counting: Counting,
        lateness: Lateness,
        times: ActionTimes,
        mirror: MirrorCounts,
        tls: ServerTls | None,
    ) -> None:
        self._counting = counting
        self._lateness = lateness
        self._times = times
        self._mirror = mirror
        self._tls = tls

    def families(self) -> list[Family]:
        """Give all figures."""
        found = [
            *self._counting.families(),
            *self._times.families(),
            *self._mirror.families(),
            self._lateness.family(),
            *process_families(),
            _build(),
        ]
        if self._tls is not None:
            found.append(_expiries(self._tls))
            found.append(
                one(
                    "txregistry_tls_handshake_failures_total",
                    Kind.COUNTER,
                    "Handshakes that failed: wrong certificates, and what is no TLS.",
                    self._tls.failures,
                )
            )
        return found


class Figures:
    """Give the figures of all processes together, as text.

    Args:
        meters: Those of this one.
        workers: The others; None where there are none.
        clock: Gives turns to others between two pieces of the text.
    """

    def __init__(
        self, meters: Meters, workers: Workers | None, clock: IReactorTime
    ) -> None:
        self._meters = meters
        self._workers = workers
        self._clock: Any = clock
        # It takes a while to load: now, while nobody waits, and where it is needed.
        from txregistry.metrics import text  # noqa: PLC0415 - as said

        self._text = text

    async def __call__(self) -> tuple[str, bytes]:
        """Give what kind of text it is, and the text."""
        pieces = []
        for piece in self._text.write(await self._families()):
            pieces.append(piece)
            await deferLater(self._clock, 0)
        return self._text.TYPE, b"".join(pieces)

    async def _families(self) -> Iterable[Family]:
        ours = self._meters.families()
        if self._workers is None:
            return add_up({_SELF: ours})
        others = await self._workers.figures()
        away = one(
            "txregistry_workers_away",
            Kind.SUM,
            "Workers that do not serve.",
            len(self._workers.away()),
        )
        return add_up({_SELF: [*ours, away], **others})


def make_times(settings: Settings) -> ActionTimes | None:
    """Make where actions of the store are counted; None where nobody counts."""
    if not settings.http.debug.counts:
        return None
    storage = settings.storage
    names = {
        "inmemory": storage.inmemory,
        "s3aws": storage.s3,
        "swift": storage.swift,
        "ocilayout": storage.ocilayout,
    }
    given = [name for name, each in names.items() if each is not None]
    return ActionTimes(given[0] if given else "filesystem")


def _expiries(tls: ServerTls) -> Family:
    now = tls.now()
    found: dict[tuple[str, ...], float] = {}
    for each in tls.expiries():
        labels = (each.setting, each.path)
        left = (each.moment - now).total_seconds()
        found[labels] = min(left, found.get(labels, left))
    return Family(
        "txregistry_tls_expiry_seconds",
        Kind.LEAST,
        "Seconds until something in a file is good no longer: negative since then.",
        ("setting", "path"),
        tuple(Row(labels, (left,)) for labels, left in found.items()),
    )


def _build() -> Family:
    try:
        ours = version("txregistry")
    except PackageNotFoundError:
        ours = "unknown"
    return Family(
        "txregistry_build_info",
        Kind.LEAST,
        "What runs: always 1.",
        ("version", "twisted", "python"),
        (Row((ours, version("twisted"), platform.python_version()), (1.0,)),),
    )
