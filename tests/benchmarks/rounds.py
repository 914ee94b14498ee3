"""Rounds: all sides measured in turn, and an end that leaves nothing behind."""

import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Protocol

from tests.benchmarks.families import Family
from tests.benchmarks.report import MeasureError, Sample
from tests.benchmarks.servers import Side

#: What a report notes that was not to come to its end.
INTERRUPTED = "interrupted: the last rounds are missing"


class Collecting(Protocol):
    """What takes what was measured."""

    def add(self, side: str, number: int, sample: Sample) -> None:
        """Keep what a side did in a round."""

    def note(self, text: str) -> None:
        """Keep a remark."""


def hear_interrupts() -> None:
    """End as after Ctrl-C when asked to: everything is stopped and removed."""
    # A shell may have started us deaf to it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def run(
    families: Sequence[Family],
    sides: Sequence[Side],
    rounds: int,
    report: Collecting,
    work: Path,
) -> bool:
    """Measure families until the end, or until we are interrupted.

    Returns:
        Whether the first side did all that it was asked to.
    """
    good = True
    try:
        for family in families:
            good &= _measure(family, sides, rounds, report, work)
    except KeyboardInterrupt:
        report.note(INTERRUPTED)
        return False
    return good


def conditions(rounds: int) -> dict[str, str]:
    """Tell where, when and how it is measured."""
    load = " ".join(f"{part:.2f}" for part in os.getloadavg())
    return {
        "machine": f"{platform.system()} {platform.release()}, {os.cpu_count()} CPUs,"
        f" Python {platform.python_version()}, load {load} at the start",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "method": f"medians of {rounds} alternating rounds; ratio = first / second;"
        ' "good" says which ratios are good for the first; "rounds": the least and'
        " the greatest ratio of a round",
    }


def version_of(peer: Side) -> str:
    """Ask Distribution for its version."""
    command = [shlex.split(peer.command)[0], "--version"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return asked.stdout.strip().rpartition("/")[2] or "unknown version"


def _measure(
    family: Family, sides: Sequence[Side], rounds: int, report: Collecting, work: Path
) -> bool:
    """Measure a family on all sides in turn.

    Returns:
        Whether the first side did all that it was asked to.
    """
    if family.left_out:
        report.note(f"{family.name}: {family.left_out}")
        return True
    failed: set[str] = set()
    for number in range(rounds):
        for side in sides:
            if side.name in failed:
                continue
            shown = f"{family.name}: round {number + 1} of {rounds}, {side.name}"
            print(shown, file=sys.stderr, flush=True)
            # What the other side wrote is not to be flushed on this side's time.
            os.sync()
            try:
                with (
                    TemporaryDirectory(prefix="place-", dir=work) as place,
                    closing(family.measure(side=side, place=Path(place))) as samples,
                ):
                    for sample in samples:
                        report.add(side.name, number, sample)
            except (MeasureError, OSError) as error:
                failed.add(side.name)
                report.note(f"{family.name}: {side.name} failed: {error}")
                print(f"{side.name} failed: {error}", file=sys.stderr, flush=True)
    if family.shared is not None:
        shutil.rmtree(family.shared, ignore_errors=True)
    return sides[0].name not in failed


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
