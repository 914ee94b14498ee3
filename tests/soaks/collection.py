"""Garbage, collected again and again while clients work.

``python -m tests.soaks.collection --minutes 30``; ``--quick`` for a few seconds. It
fails where a tagged image could not be pulled, a manifest was taken whose blob is gone,
a push was refused without need, or space did not come back.
"""

import argparse
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.integration.daemon import ConfiguredDaemon
from tests.soaks.keepers import Keeper
from tests.soaks.mirror import look
from tests.soaks.pullers import Findings

_SLACK: Final = 0.01
"""Of what is reachable, what may be left beside it."""
_ROUNDS: Final = 8
"""Rounds in which all that is unneeded goes, with some to spare."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Let it work.

    Returns:
        The exit status: 1 where something was found.
    """
    options = _parse(arguments)
    seconds = 12.0 if options.quick else options.minutes * 60
    interval, floor = (2.0, 2.0) if options.quick else (60.0, options.floor)
    findings = Findings()
    with TemporaryDirectory(prefix="soak-") as place:
        settings = {
            "collection": {"interval": f"{interval:g}s", "floor": f"{floor:g}s"},
            "audit": {"enabled": False},
        }
        daemon = ConfiguredDaemon(Path(place), settings)
        try:
            before = look(daemon.pid)
            keepers = [
                Keeper(daemon.port, findings, seed, floor)
                for seed in range(options.clients)
            ]
            peak = _work(keepers, seconds, daemon)
            for keeper in keepers:
                keeper.pull_all()
            largest = _size(daemon.directory)
            needed = _needed(daemon.directory)
            left = _settle(daemon.directory, needed, interval + floor)
            print(
                f"{seconds:.0f} s, {options.clients} clients; a round every "
                f"{interval:g} s, floor {floor:g} s"
            )
            print("clients saw:", dict(sorted(findings.done.items())))
            print(f"rounds: {daemon.log.count('Collection looked through')}")
            print(
                f"bytes at the end of work: {largest}; needed: {needed}; left: {left}"
            )
            print(f"memory, MiB: {before.memory:.0f} before, {peak:.0f} at most")
            if left > needed * (1 + _SLACK):
                findings.blame(f"{left - needed} bytes are left that nobody needs")
            if "Traceback" in daemon.log or "unforeseen" in daemon.log:
                findings.blame("the log has a traceback")
                print(daemon.log[-3000:])
        finally:
            daemon.discard()
    for each in findings.wrong[:50]:
        print("WRONG:", each)
    print(f"{len(findings.wrong)} things were wrong")
    return 1 if findings.wrong else 0


def _work(keepers: Sequence[Keeper], seconds: float, daemon: ConfiguredDaemon) -> float:
    """Let clients work, and give the most memory that there was."""
    over = threading.Event()
    threads = [threading.Thread(target=keeper.work, args=(over,)) for keeper in keepers]
    peak = 0.0
    end = time.monotonic() + seconds
    try:
        for thread in threads:
            thread.start()
        while (left := end - time.monotonic()) > 0:
            over.wait(min(left, 1.0))
            peak = max(peak, look(daemon.pid).memory)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return peak


def _size(place: Path) -> int:
    """Give the bytes of all blobs."""
    total = 0
    for folder, _, files in os.walk(place / "docker/registry/v2/blobs"):
        for name in files:
            with contextlib.suppress(FileNotFoundError):  # it was just collected
                total += os.stat(os.path.join(folder, name)).st_size
    return total


def _needed(place: Path) -> int:
    """Give the bytes of all manifests, and of what they name."""
    sizes: dict[str, int] = {}
    links = place.glob(
        "docker/registry/v2/repositories/**/_manifests/revisions/sha256/*/link"
    )
    for link in links:
        encoded = link.parent.name
        blob = place / f"docker/registry/v2/blobs/sha256/{encoded[:2]}/{encoded}/data"
        data = blob.read_bytes()
        sizes[encoded] = len(data)
        document = json.loads(data)
        for each in (document["config"], *document["layers"]):
            sizes[each["digest"].removeprefix("sha256:")] = each["size"]
    return sum(sizes.values())


def _settle(place: Path, needed: int, pause: float) -> int:
    """Wait until what nobody needs is gone, and give the bytes that are left."""
    idle = threading.Event()
    end = time.monotonic() + _ROUNDS * pause
    while _size(place) > needed and time.monotonic() < end:
        idle.wait(1.0)
    return _size(place)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soaks.collection",
        description="Collect garbage while clients work.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="for a few seconds")
    add("--minutes", type=float, default=30.0, help="for how long")
    add("--clients", type=int, default=16, help="how many work")
    add("--floor", type=float, default=10.0, help="the age floor, in seconds")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
