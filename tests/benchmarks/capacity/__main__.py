"""The program: what a node serves, how a crowd fares, and what the costs are."""

import argparse
import math
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.capacity.checking import CHECKS, check
from tests.benchmarks.capacity.costs import DEFAULTS, Costs, CostsError, keep, load
from tests.benchmarks.capacity.crowd import Crowd, Outcome, simulate
from tests.benchmarks.capacity.measuring import SMALL, USUAL, Measuring
from tests.benchmarks.capacity.node import (
    GB,
    Node,
    Served,
    Work,
    cold_part,
    nodes_for,
    serve,
    works,
    worthwhile_redirect,
    worthwhile_workers,
)
from tests.benchmarks.contents import MIB
from tests.benchmarks.driver import NoGoError, build
from tests.benchmarks.report import MeasureError
from tests.benchmarks.rounds import conditions, hear_interrupts

#: The layers of an image, as parts of it: a system, what it needs, and a large one.
SHAPE = (0.009, 0.001, 0.06, 0.1, 0.36, 0.2, 0.12, 0.07, 0.04, 0.025, 0.012, 0.003)
_MIRRORS = (0, 1, 2, 4, 8, 16)
#: How much of what it could do a node should do, so that nobody has to wait long.
_LOAD = 0.7


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute, simulate, measure or check.

    Returns:
        The exit status: 1 where something could not be measured, 2 for bad costs.
    """
    options = _parse(arguments)
    if options.measure or options.check:
        hear_interrupts()
    try:
        if options.measure:
            _measure(options)
            return 0
        costs = load(options.costs)
        if options.check:
            check(costs, options.parts or list(CHECKS), quick=options.quick)
            return 0
    except CostsError as error:
        print(error, file=sys.stderr)
        return 2
    except NoGoError:
        print("No client: `go`, which builds it, is not there.", file=sys.stderr)
        return 1
    except MeasureError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Costs: {costs.machine}\n")
    show = _show_crowd if options.crowd else _show_node
    print("\n".join(show(options, costs)))
    return 0


def _show_node(options: argparse.Namespace, costs: Costs) -> Iterator[str]:
    """Give lines of what a node serves."""
    node = _node(options)
    image, layers = options.image * MIB, options.layers
    asked = {"hot": options.hot * GB, "blob": options.blob * MIB}
    found = {
        work.name: (work, serve(node, work))
        for work in works(node, costs, image=image, layers=layers, **asked)
    }
    yield (
        f"{node.cores:g} processors, {node.processes} processes,"
        f" {node.network / 1e9:g} Gbit/s, disk {node.disk / 1e6:g} MB/s and"
        f" {node.iops:g} durable writes/s, {node.memory / GB:g} GB of memory"
    )
    cold = cold_part(node, costs, asked["hot"])
    yield f"From the disk come {cold:.0%} of what is pulled of {options.hot:g} GB."
    yield ""
    heads = ("work", "at most", "bottleneck", "processors", "network", "disk")
    yield from _table(heads, (_row(work, served) for work, served in found.values()))
    yield ""
    size = worthwhile_redirect(costs) / 1e6
    yield f"- A redirect costs less CPU than passing a blob on from {size:.2f} MB on."
    for name in ("pull, files", "pull, files, TLS", "push, files", "manifest by tag"):
        wanted = worthwhile_workers(node, found[name][0])
        yield f"- Worthwhile processes for '{name}': {wanted}."
    if options.demand:
        yield f"- For {options.demand:g} images a minute, at {_LOAD:.0%} of the most:"
        for name, (_, served) in found.items():
            if name.startswith("image"):
                count = nodes_for(options.demand / 60, served, _LOAD)
                yield f"  - {name}: {count} nodes, one of which may be down."


def _row(work: Work, served: Served) -> tuple[str, ...]:
    """Show what a node does of a work."""
    loads = served.loads
    network = max(loads.get("network in", 0.0), loads.get("network out", 0.0))
    disk = max(loads.get("disk", 0.0), loads.get("durable writes", 0.0))
    parts = (f"{part:.0%}" for part in (loads["processors"], network, disk))
    return (work.name, _rate(work, served.rate), served.bottleneck, *parts)


def _rate(work: Work, rate: float) -> str:
    if work.unit == "GB":
        return f"{rate * 1000:.0f} MB/s ({rate * 8:.1f} Gbit/s)"
    if work.unit == "thousand":
        return f"{rate * 1000:.0f}/s"
    return f"{rate * 60:.1f}/min"


def _show_crowd(options: argparse.Namespace, costs: Costs) -> Iterator[str]:
    """Give lines of how a crowd fares with some numbers of mirrors."""
    node, image = _node(options), options.image * MIB
    crowd = Crowd(
        hosts=options.crowd,
        layers=shape(image, options.layers),
        network=options.host_network * 1e9,
        keeps=options.host_disk * 1e6,
        mirror=node,
        mirrors=0,
        parent=replace(node, workers=1) if options.parent else None,
        origin=options.origin * 1e9,
        connection=options.connection * 1e6,
        tls=not options.plain,
        warm=options.warm,
        spread=options.spread,
        seed=options.seed,
    )
    yield (
        f"{crowd.hosts} hosts of {options.host_network:g} Gbit/s pull"
        f" {crowd.size / GB:.2f} GB in {len(crowd.layers)} layers; the origin gives"
        f" {options.origin:g} Gbit/s"
    )
    yield (
        f"Each mirror: {node.cores:g} processors, {node.processes} processes,"
        f" {node.network / 1e9:g} Gbit/s, {node.memory / GB:g} GB of memory"
    )
    yield ""
    heads = ("mirrors", "50 %", "95 %", "all", "from the origin", "bottleneck", "CPU")
    yield from _table(heads, (_fared(crowd, n, costs) for n in options.mirrors))


def _fared(crowd: Crowd, mirrors: int, costs: Costs) -> tuple[str, ...]:
    if not mirrors:
        crowd = replace(crowd, parent=None)
    out = simulate(replace(crowd, mirrors=mirrors), costs)
    times = (f"{out.after(part):.0f} s" for part in (0.5, 0.95, 1))
    fetched = f"{out.fetched / GB:.0f} GB"
    return (str(mirrors), *times, fetched, _bound(out), _cpu(out))


def _bound(out: Outcome) -> str:
    return f"{out.bottleneck} {out.busy[out.bottleneck]:.0%}"


def _cpu(out: Outcome) -> str:
    return f"{out.busy.get('processors', 0.0):.0%}"


def shape(image: float, layers: int) -> tuple[int, ...]:
    """Give the bytes of the layers of an image: a few are most of it."""
    parts = [SHAPE[place % len(SHAPE)] for place in range(layers)]
    whole = sum(parts)
    return tuple(max(1, round(image * part / whole)) for part in parts)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _measure(options: argparse.Namespace) -> None:
    """Measure parts, and write down each number when it is there."""
    with TemporaryDirectory(prefix="capacity-") as name:
        program, folder = build(Path(name)), Path(name, "places")
        folder.mkdir()
        extent = SMALL if options.quick else USUAL
        parts = Measuring(program, folder, extent).parts()
        told = conditions(1)
        machine = f"{platform.machine()}, {told['machine']}, {told['date']}"
        keep(options.measure, {"machine": machine})
        for part, measure in parts.items():
            if part in (options.parts or parts):
                for cost, value in measure():
                    print(f"{part}: {cost} {value:.4g}", flush=True)
                    keep(options.measure, {cost: float(f"{value:.4g}")})


def _node(options: argparse.Namespace) -> Node:
    return Node(
        cores=options.cores,
        network=options.network * 1e9,
        disk=options.disk * 1e6,
        iops=options.iops,
        memory=options.memory * GB,
        workers=options.workers,
    )


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.capacity",
        description="What a node serves, and how long a crowd waits at mirrors.",
    )
    node = parser.add_argument_group("a node, or each mirror").add_argument
    node("--cores", type=_positive, default=4, help="processors (4)")
    node("--network", type=_positive, default=10, help="Gbit/s, each way (10)")
    node("--disk", type=_positive, default=1000, help="MB/s of the disk (1000)")
    node("--iops", type=_positive, default=5000, help="durable writes/s (5000)")
    node("--memory", type=_positive, default=16, help="GB of memory (16)")
    node("--workers", type=int, default=0, help="processes (one a processor)")
    asked = parser.add_argument_group("what is asked for").add_argument
    asked("--hot", type=float, default=10, help="GB that are pulled again and again")
    asked("--blob", type=_positive, default=20, help="MiB of a blob pushed (20)")
    asked("--image", type=_positive, default=500, help="MiB of an image (500)")
    asked("--layers", type=int, default=12, help="its layers (12)")
    asked("--demand", type=_positive, help="images pulled a minute: how many nodes?")
    crowd = parser.add_argument_group("a crowd").add_argument
    crowd("--crowd", type=int, metavar="HOSTS", help="so many pull one image at once")
    crowd("--mirrors", type=int, nargs="+", default=_MIRRORS, help="how many")
    crowd("--host-network", type=_positive, default=1, help="Gbit/s of a host (1)")
    crowd("--host-disk", type=_positive, default=math.inf, help="MB/s a host writes")
    crowd("--origin", type=_positive, default=10, help="Gbit/s of the origin (10)")
    crowd("--connection", type=_positive, default=math.inf, help="MB/s from the origin")
    crowd("--parent", action="store_true", help="mirrors fetch from one more of them")
    crowd("--warm", action="store_true", help="the image is at the mirrors before")
    crowd("--plain", action="store_true", help="hosts speak no TLS")
    crowd("--spread", type=float, default=5, help="seconds in which all begin (5)")
    crowd("--seed", type=int, default=1, help="what chance begins with (1)")
    other = parser.add_argument_group("costs").add_argument
    other(
        "--costs", type=Path, default=DEFAULTS, metavar="FILE", help="read them there"
    )
    other("--measure", type=Path, metavar="FILE", help="measure and write them")
    parts = (*Measuring(Path(), Path(), SMALL).parts(), *CHECKS)
    other("--parts", nargs="+", choices=parts, help="measure or check these only")
    other("--check", action="store_true", help="compare with daemons at work")
    other("--quick", action="store_true", help="measure or check in small")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
