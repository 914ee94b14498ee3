"""The goals of speed: this registry beside others, work by work.

Run it from the top of a checkout::

    python -m tests.benchmarks.goals                    # everything: about an hour
    python -m tests.benchmarks.goals --quick            # all of it once, in small
    python -m tests.benchmarks.goals --only 'push' --json push.json --svg push.svg
    python -m tests.benchmarks.goals --join push.json pull.json --svg both.svg

The client of everything is a program in Go, ``goclient``, which is built first: it does
what clients of registries do that are written in Go, and needs little of the machine.
Peers are programs on the PATH: Distribution 3 (``registry``), to which what is wanted
refers, and zot, beside which we want to be no slower::

    go install github.com/distribution/distribution/v3/cmd/registry@latest
    go install zotregistry.dev/zot/v2/cmd/zot@latest

Each side begins anew for each work, on an empty directory, and sides take turns. We
have two workers, unless a row says otherwise. The servers' processor time and memory
are those of all their processes. Nothing here passes or fails by the clock: the exit
status is 1 only if this registry gave a wrong answer, or did not start.
"""

import argparse
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import bars
from tests.benchmarks.bench import FULL, QUICK, Bench, Scale
from tests.benchmarks.certificates import Certificates
from tests.benchmarks.contenders import DISTRIBUTION, OURS, PEERS, ZOT, sides
from tests.benchmarks.driver import Driver, NoGoError, build
from tests.benchmarks.families import Family
from tests.benchmarks.report import Samples
from tests.benchmarks.rounds import (
    INTERRUPTED,
    conditions,
    hear_interrupts,
    run,
    version_of,
)
from tests.benchmarks.servers import Side
from tests.benchmarks.table import Table
from tests.benchmarks.works import Work, merged, works

_ROUNDS, _QUICK_ROUNDS = 5, 1
_OURS = {name: number for number, name in OURS.items()}
_USUAL = f"{DISTRIBUTION},{ZOT}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Let everyone do the works.

    Returns:
        The exit status: 1 if this registry failed, whatever the numbers are; 2 if
        there is nothing to do, or nothing to do it with.
    """
    options = _parse(arguments)
    if options.join:
        table = Table(_OURS, options.peers, {})
        for file in options.join:
            table.join(file.read_text())
        _write(table, options)
        return 0
    hear_interrupts()
    scale = QUICK if options.quick else FULL
    with TemporaryDirectory(prefix="goals-", dir=options.directory) as name:
        folder = Path(name)
        chosen = [
            work
            for work in works(scale, folder)
            if re.search(options.only, work.name) and (work.short or not options.quick)
        ]
        if not chosen:
            print("No work has such a name: see --list.", file=sys.stderr)
            return 2
        if options.list:
            print("\n".join(work.name for work in chosen))
            return 0
        try:
            program = build(folder)
        except NoGoError:
            print("No client: `go`, which builds it, is not there.", file=sys.stderr)
            return 2
        facts = dict(_facts(options.rounds, options.peers))
        table = Table(_OURS, options.peers, facts)
        good = True
        for work in merged(chosen) if options.quick else chosen:
            good &= _take_turns(work, program, scale, options.rounds, table, folder)
            if INTERRUPTED in table.notes:
                break
    _write(table, options)
    return 0 if good else 1


def _write(table: Table, options: argparse.Namespace) -> None:
    """Print the tables, and write them where we were told to."""
    print(table.markdown(), end="")
    if options.json:
        options.json.write_text(table.json())
    if options.svg:
        title = "How many times faster txregistry is, or how many times less it needs"
        options.svg.write_text(bars.draw(bars.rows(table), table.peers, title))


def _take_turns(
    work: Work, program: Path, scale: Scale, rounds: int, table: Table, folder: Path
) -> bool:
    """Let everyone do one work, as often as there are rounds.

    Returns:
        Whether we could do it.
    """
    certificates = Certificates(folder) if work.tls else None
    left_out = dict(work.left_out)
    for peer in table.peers:
        if peer in left_out:
            table.note(f"{work.name}: {peer} is left out: {left_out[peer]}")
    family = Family(
        work.name,
        partial(_measure, work, program, scale),
        shared=work.tree.directory if work.tree else None,
    )
    others = tuple(peer for peer in table.peers if peer not in left_out)
    taking = list(sides(work.workers, others, certificates))
    return run([family], taking, rounds, table, folder)


def _measure(
    work: Work, program: Path, scale: Scale, *, side: Side, place: Path
) -> Samples:
    """Start a side, and let it do a work."""
    data = place / "data"
    if work.tree is not None:
        work.tree.entries()
        data = work.tree.directory
    with side.start(place, data) as server:
        driver = Driver(program, server, side.certificates)
        yield from work.measure(Bench(driver, scale, data))


def _facts(rounds: int, peers: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Tell where, when, how and with whom it is measured."""
    told = conditions(rounds)
    yield "machine", f"{told['machine']}; {_processor()}"
    yield "date", told["date"]
    method = (
        f"medians of {rounds} alternating rounds; two workers where nothing is said of"
        " them; ratio = txregistry / peer; wanted: at least (≥) or at most (≤) that"
        " ratio; rounds: the least and the greatest ratio of a round"
    )
    yield "method", method
    here = {side.name: side for side in sides((), tuple(peers))}
    for peer in peers:
        if peer == DISTRIBUTION and peer in here:
            yield peer, version_of(here[peer])
        elif peer not in here:
            yield peer, f"left out: `{PEERS[peer]}` is not on the PATH"


def _processor() -> str:
    """Tell the processor's model and the memory there is."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    model = found[1] if found else platform.machine()
    return f"{model}, {int(memory[1]) >> 20} GiB" if memory else model


def _peers(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(PEERS):
        raise argparse.ArgumentTypeError(f"there is no {' and no '.join(unknown)}")
    return names


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.goals",
        description="Measure what the goals are about, beside other registries.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="each kind of measurement in small")
    add("--rounds", type=int, metavar="N", help="how often each side has its turn")
    add("--only", metavar="PATTERN", default="", help="works whose name matches")
    add("--list", action="store_true", help="list the works and end")
    add(
        "--peers",
        type=_peers,
        default=_USUAL,
        metavar="NAMES",
        help=f"some of {','.join(PEERS)} (default: {_USUAL})",
    )
    add("--json", type=Path, metavar="FILE", help="write all numbers there")
    add("--svg", type=Path, metavar="FILE", help="draw the ratios there")
    add(
        "--join",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="measure nothing: show what earlier runs wrote by --json",
    )
    add("--directory", type=Path, help="where the stores go, if not the usual place")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    return options


if __name__ == "__main__":
    sys.exit(main())
