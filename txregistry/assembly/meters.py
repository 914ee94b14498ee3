"""The figures of this process."""

import platform
from importlib.metadata import PackageNotFoundError, version

from txregistry.assembly.lateness import Lateness
from txregistry.metrics.actions import ActionTimes
from txregistry.metrics.counts import RegistryCounts
from txregistry.metrics.families import Family, Kind, Row, one
from txregistry.metrics.process import process_families
from txregistry.settings.sections import Settings
from txregistry.tls.server import ServerTls
from txregistry.web.counting import Counting


class Meters:
    """Tell what this process has counted.

    Args:
        counting: Counts requests.
        lateness: Measures the reactor.
        times: Where it is counted what is done with the store.
        counts: What the registry counts of its own work.
        tls: What speaks TLS; None where nothing does.
    """

    def __init__(
        self,
        counting: Counting,
        lateness: Lateness,
        times: ActionTimes,
        counts: RegistryCounts,
        tls: ServerTls | None,
    ) -> None:
        self._counting = counting
        self._lateness = lateness
        self._times = times
        self._counts = counts
        self._tls = tls

    def families(self) -> list[Family]:
        """Give all figures."""
        found = [
            *self._counting.families(),
            *self._times.families(),
            *self._counts.families(),
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
