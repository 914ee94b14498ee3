"""The program: options, rounds, and an end that leaves nothing behind."""

import argparse
import os
import platform
import re
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

from tests.benchmarks.families import Family, families, full_scale, quick_scale
from tests.benchmarks.report import MeasureError, Report
from tests.benchmarks.servers import Side, peer_command, this_command

_ROUNDS, _QUICK_ROUNDS = 5, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks.

    Returns:
        The exit status: 1 if this registry failed, whatever the numbers are.
    """
    options = _parse(arguments)
    # A shell may have started us deaf to Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    sides = _sides(options)
    report = Report(
        sides[0].name,
        sides[1].name if len(sides) > 1 else None,
        _facts(options, sides),
    )
    scale = (quick_scale if options.quick else full_scale)(options.traffic << 30)
    failed = False
    with TemporaryDirectory(prefix="benchmarks-", dir=options.directory) as name:
        chosen = [
            family
            for family in families(scale, Path(name))
            if re.search(options.only, family.name)
        ]
        if not chosen:
            print("No family has such a name: see --list.", file=sys.stderr)
            return 2
        if options.list:
            print("\n".join(family.name for family in chosen))
            return 0
        try:
            for family in chosen:
                if not _run(family, sides, options.rounds, report, Path(name)):
                    failed = True
        except KeyboardInterrupt:
            report.note("interrupted: the last rounds are missing")
            failed = True
    print(report.markdown(), end="")
    if options.json:
        options.json.write_text(report.json())
    return 1 if failed else 0


def _run(
    family: Family, sides: Sequence[Side], rounds: int, report: Report, work: Path
) -> bool:
    """Measure a family on all sides in turn.

    Returns:
        Whether this registry, the first side, did all it was asked to.
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


def _sides(options: argparse.Namespace) -> list[Side]:
    sides = [
        Side(
            "txregistry" if not options.this else "this", options.this or this_command()
        )
    ]
    if command := options.peer or peer_command():
        sides.append(Side("peer", command, options.peer_cache == "inmemory"))
    else:
        print(
            "No peer: `registry` is not on the PATH and --peer is not given."
            " This registry is measured alone, without ratios.",
            file=sys.stderr,
        )
    return sides


def _facts(options: argparse.Namespace, sides: Sequence[Side]) -> dict[str, str]:
    """Tell what was compared, where, and how."""
    load = " ".join(f"{part:.2f}" for part in os.getloadavg())
    facts = {side.name: f"`{side.command}`" for side in sides}
    if len(sides) == 1:
        facts["peer"] = "none found: this registry alone, without ratios"
    elif not options.peer:
        facts["peer"] += f", {_version(sides[1])}, cache: {options.peer_cache}"
    facts["machine"] = (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} CPUs,"
        f" Python {platform.python_version()}, load {load} at the start"
    )
    facts["date"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    facts["method"] = (
        f"medians of {options.rounds} alternating rounds; ratio = first / second;"
        ' "good" says which ratios are good for the first; "rounds": the least and'
        " the greatest ratio of a round"
    )
    return facts


def _version(side: Side) -> str:
    """Ask Distribution for its version."""
    command = [shlex.split(side.command)[0], "--version"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return asked.stdout.strip().rpartition("/")[2] or "unknown version"


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Take a request to end as Ctrl-C: everything is stopped and removed."""
    raise KeyboardInterrupt


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measure this registry and a peer side by side.",
        epilog="In COMMAND, {port}, {directory} and {config} are filled in.",
    )
    add = parser.add_argument
    add("--peer", metavar="COMMAND", help="start another peer than Distribution")
    add("--this", metavar="COMMAND", help="start something else in our place")
    add(
        "--peer-cache",
        choices=("inmemory", "none"),
        default="inmemory",
        help="Distribution's cache of descriptors (default: as in its image)",
    )
    add("--only", metavar="PATTERN", default="", help="families whose name matches")
    add("--list", action="store_true", help="list the families and end")
    add("--rounds", type=int, metavar="N", help="how often each side has its turn")
    add("--quick", action="store_true", help="each kind of measurement in small")
    add("--json", type=Path, metavar="FILE", help="write all numbers there")
    add("--directory", type=Path, help="where the stores go, if not the usual place")
    add(
        "--traffic",
        type=int,
        default=8,
        metavar="GIB",
        help="the most that one cell of pushes or pulls transfers (default: 8)",
    )
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    return options


if __name__ == "__main__":
    sys.exit(main())
