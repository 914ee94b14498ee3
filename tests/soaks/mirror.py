"""A mirror of a registry that fails in all ways, for long.

``python -m tests.soaks.mirror --minutes 15``; ``--quick`` for a few seconds. It fails
where a wrong byte was given or kept, a fetch was left behind, or memory grows.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.integration.daemon import ConfiguredDaemon
from tests.soaks import flaky
from tests.soaks.pullers import Findings, Puller, sum_of

_PREFIX = "flaky.example/"
_PATIENCE = 60.0
_GROWTH = 32
"""MiB that are no sign of a leak: caches that are bounded fill up."""
_SETTLED = 0.3
"""Of the time, after which memory is compared."""
_LEFT = 20
"""Connections to the upstream that may be kept for later, and other files."""


@dataclass(frozen=True)
class Look:
    """What a process has: MiB that are resident, and open files."""

    memory: float
    files: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Let it work.

    Returns:
        The exit status: 1 where something was found.
    """
    options = _parse(arguments)
    seconds = 8.0 if options.quick else options.minutes * 60
    registry = flaky.FlakyRegistry(every=options.every)
    findings = Findings()
    with (
        TemporaryDirectory(prefix="soak-") as place,
        _mirror(registry, place) as daemon,
    ):
        before = look(daemon.pid)
        looks = _work(options.clients, seconds, registry, daemon, findings)
        after = _settle(daemon, before)
        for each in _faults(looks, before, after, Path(place)):
            findings.blame(each)
        print(f"{seconds:.0f} s, {options.clients} clients")
        print("clients saw:", dict(sorted(findings.done.items())))
        print("the upstream did:", dict(sorted(registry.done.items())))
        shown = [f"{each.memory:.0f}" for each in looks[:: max(1, len(looks) // 20)]]
        print("memory over time, MiB:", *shown)
        print(f"open files: {before.files} before, {after.files} after")
        if "Traceback" in daemon.log or "unforeseen" in daemon.log:
            findings.blame("the log has a traceback")
    for each in findings.wrong[:50]:
        print("WRONG:", each)
    print(f"{len(findings.wrong)} things were wrong")
    return 1 if findings.wrong else 0


@contextmanager
def _mirror(registry: flaky.FlakyRegistry, place: str) -> Iterator[ConfiguredDaemon]:
    liar = flaky.start(registry)
    upstream = {
        "name": "flaky.example",
        "url": liar.url,
        "recheck": "1s",
        "absent": "1s",
        "patience": "1s",
        "timeout": "2s",
    }
    settings = {"role": "mirror", "mirror": {"upstreams": [upstream]}}
    daemon = ConfiguredDaemon(Path(place), settings)
    try:
        yield daemon
    finally:
        daemon.discard()
        liar.stop()


def look(pid: int) -> Look:
    """Look at a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    resident = next(line for line in status if line.startswith("VmRSS:"))
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Look(int(resident.split()[1]) / 1024, files)


def _work(
    clients: int,
    seconds: float,
    registry: flaky.FlakyRegistry,
    daemon: ConfiguredDaemon,
    findings: Findings,
) -> list[Look]:
    """Let clients pull, and look at the mirror time and again."""
    over = threading.Event()
    threads = [
        threading.Thread(
            target=Puller(registry, daemon.port, _PREFIX, findings, seed).work,
            args=(over,),
        )
        for seed in range(clients)
    ]
    looks = []
    end = time.monotonic() + seconds
    try:
        for thread in threads:
            thread.start()
        while (left := end - time.monotonic()) > 0:
            over.wait(min(left, max(1.0, seconds / 200)))
            looks.append(look(daemon.pid))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return looks


def _settle(daemon: ConfiguredDaemon, before: Look) -> Look:
    """Wait until the mirror has ended what it does by itself."""
    end = time.monotonic() + _PATIENCE
    idle = threading.Event()
    while time.monotonic() < end:
        now = look(daemon.pid)
        if now.files <= before.files + _LEFT and not _uploads(daemon.directory):
            break
        idle.wait(0.5)
    return look(daemon.pid)


def _uploads(place: Path) -> list[Path]:
    """List what is left of blobs on their way."""
    found = [
        *place.glob("docker/registry/v2/uploads/*/*"),
        *place.glob("**/_uploads/*"),
    ]
    return [each for each in found if each.exists()]


def _faults(
    looks: Sequence[Look], before: Look, after: Look, place: Path
) -> Iterator[str]:
    """Say what is wrong with what is left."""
    settled = looks[int(len(looks) * _SETTLED)].memory
    if looks[-1].memory - settled > _GROWTH:
        yield f"memory grew from {settled:.0f} to {looks[-1].memory:.0f} MiB"
    if after.files > before.files + _LEFT:
        yield f"{after.files - before.files} files or sockets are left open"
    for left in _uploads(place):
        yield f"a fetch left {left}"
    for data in place.glob("docker/registry/v2/blobs/sha256/*/*/data"):
        if sum_of(str(data)) != data.parent.name:
            yield f"{data.parent.name} was kept with other bytes"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soaks.mirror",
        description="Let a mirror work with an upstream that fails.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="for a few seconds")
    add("--minutes", type=float, default=15.0, help="for how long")
    add("--clients", type=int, default=16, help="how many pull")
    add("--every", type=float, default=0.2, help="seconds between two new images")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
