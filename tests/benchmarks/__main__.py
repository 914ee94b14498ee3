"""The program: its options, and what is compared."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.families import families, full_scale, quick_scale
from tests.benchmarks.report import Report
from tests.benchmarks.rounds import conditions, hear_interrupts, run, version_of
from tests.benchmarks.servers import Side, peer_command, this_command

_ROUNDS, _QUICK_ROUNDS = 5, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks.

    Returns:
        The exit status: 1 if this registry failed, whatever the numbers are.
    """
    options = _parse(arguments)
    hear_interrupts()
    sides = _sides(options)
    report = Report(
        sides[0].name,
        sides[1].name if len(sides) > 1 else None,
        _facts(options, sides),
    )
    scale = (quick_scale if options.quick else full_scale)(options.traffic << 30)
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
        good = run(chosen, sides, options.rounds, report, Path(name))
    print(report.markdown(), end="")
    if options.json:
        options.json.write_text(report.json())
    return 0 if good else 1


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
    facts = {side.name: f"`{side.command}`" for side in sides}
    if len(sides) == 1:
        facts["peer"] = "none found: this registry alone, without ratios"
    elif not options.peer:
        facts["peer"] += f", {version_of(sides[1])}, cache: {options.peer_cache}"
    return facts | conditions(options.rounds)


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
