"""One large blob through nodes on S3 and on Swift: what passes, and what it takes.

``python -m tests.benchmarks.volume`` prints the tables; ``--quick`` in small. Each
request of a push reaches another node. It fails where the store is written or read more
than it must be, or a node takes too much memory; never by the clock.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.backends import BACKENDS, Backend, Store
from tests.benchmarks.contents import MIB
from tests.benchmarks.meter import Count, Counts, Meter, total
from tests.benchmarks.report import MeasureError
from tests.benchmarks.rounds import conditions, hear_interrupts
from tests.benchmarks.servers import Server, Side, twistd_command
from tests.benchmarks.ways import WAYS, Nodes, Volume, Way

#: What a push may write, and a pull read, as a part of the blob.
MOST_MOVED = 1.01
#: What a push may read beside what it has to read again: small objects.
MOST_ASIDE = 0.01
MOST_MEMORY = 200 * MIB
_SIZE, _QUICK_SIZE = 5 << 30, 64 * MIB
#: How many ways are taken, the usual ones first; tests take all of them with less.
_QUICK_WAYS = 2
_NODES = 2
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Cost:
    """What a push or a pull cost.

    Args:
        seconds: By the clock.
        nodes: Seconds of the nodes' CPU.
        store: Seconds of the service's CPU.
        files: Bytes that the service wrote to its files.
        counts: What passed between the nodes and the service.
    """

    seconds: float
    nodes: float
    store: float
    files: int
    counts: Counts


@dataclass(frozen=True)
class Passage:
    """A blob that was pushed and pulled.

    Args:
        backend: How the service was used.
        way: How it was pushed.
        size: Bytes of the blob.
        push: What the push cost.
        pull: What the pull cost.
        memory: The most memory that one of the nodes ever took, in bytes.
    """

    backend: Backend
    way: Way
    size: int
    push: Cost
    pull: Cost
    memory: int

    def faults(self) -> list[str]:
        """Say what was more than it may be."""
        pushed, pulled = total(self.push.counts), total(self.pull.counts)
        checks = (
            ("written by the push", pushed.written / self.size, MOST_MOVED),
            (
                "read by the push",
                pushed.read / self.size,
                self.way.read_again + MOST_ASIDE,
            ),
            ("read by the pull", pulled.read / self.size, MOST_MOVED),
            ("MiB of memory", self.memory / MIB, MOST_MEMORY / MIB),
        )
        where = f"{self.backend.title}, {self.way.name}"
        return [
            f"{where}: {found:.3f} {what}, at most {most:g}"
            for what, found, most in checks
            if found > most
        ]


def pass_through(
    store: Store, way: Way, size: int, place: Path, settings: Mapping[str, Any] = {}
) -> Passage:
    """Push a blob and pull it.

    Args:
        store: What nodes keep it in; nobody else uses it.
        way: How the blob is pushed.
        size: Its bytes.
        place: A directory for what nodes say.
        settings: Settings of the backend, beside the usual ones.

    Raises:
        MeasureError: It could not be done.
    """
    with Meter(store.service.port) as meter, ExitStack() as stack:
        side = Side(
            "node",
            twistd_command("--config {config}"),
            storage=store.storage(meter.url, settings),
        )
        servers = []
        for number in range(_NODES):
            room = place / f"node-{number}"
            room.mkdir()
            servers.append(stack.enter_context(side.start(room)))
        nodes = Nodes(servers)
        volume = Volume(size, seed=WAYS.index(way))
        watch = _Watch(store, meter, servers)
        watch.reset()
        way.push(nodes, volume)
        pushed = watch.reset()
        nodes.find(volume, there=True)
        watch.reset()
        nodes.pull(volume)
        pulled = watch.reset()
        memory = max(server.memory() for server in servers)
        return Passage(store.backend, way, size, pushed, pulled, memory)


class _Watch:
    """Tell what was spent since this was last told."""

    def __init__(self, store: Store, meter: Meter, servers: Sequence[Server]) -> None:
        self._store = store
        self._meter = meter
        self._servers = servers
        self._before = self._now()

    def reset(self) -> Cost:
        """Tell it."""
        before, self._before = self._before, self._now()
        seconds, nodes, store, files = (
            new - old for new, old in zip(self._before, before, strict=True)
        )
        return Cost(seconds, nodes, store, int(files), self._meter.take())

    def _now(self) -> tuple[float, float, float, int]:
        nodes = sum(server.cpu() for server in self._servers)
        store = self._store
        return time.perf_counter(), nodes, store.cpu(), store.written()


def main(arguments: Sequence[str] | None = None) -> int:
    """Push and pull by every way and backend.

    Returns:
        The exit status: 1 if something was more than it may be.
    """
    options = _parse(arguments)
    hear_interrupts()
    chosen = [
        (backend, way)
        for backend in BACKENDS
        for way in WAYS[: _QUICK_WAYS if options.quick else None]
        if re.search(options.only, f"{backend.title}, {way.name}")
    ]
    passages: list[Passage] = []
    faults: list[str] = []
    for backend, way in chosen:
        print(f"{backend.title}: {way.name}", file=sys.stderr, flush=True)
        try:
            with (
                TemporaryDirectory(prefix="volume-") as place,
                Store(backend) as store,
            ):
                passage = pass_through(store, way, options.size, Path(place))
        except (MeasureError, OSError) as error:
            faults.append(f"{backend.title}, {way.name}: {error}")
            continue
        except KeyboardInterrupt:
            faults.append("interrupted: the rest is missing")
            break
        passages.append(passage)
        faults += passage.faults()
    print("\n".join(_lines(passages, options.size)))
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults or not chosen else 0


def _lines(passages: Sequence[Passage], size: int) -> Iterator[str]:
    yield f"# A blob of {size / MIB:g} MiB, each request on another of {_NODES} nodes"
    yield ""
    facts = conditions(1)
    yield from (f"- {name}: {facts[name]}" for name in ("machine", "date"))
    yield (
        "- written, read, copied: bytes that nodes sent to the service and had from it,"
        " and that it copied itself; files: bytes that it wrote to files; each as a"
        " part of the blob"
    )
    yield ""
    yield from _table(passages)
    for passage in passages:
        yield from ("", f"## {passage.backend.title}: {passage.way.name}", "")
        yield "| request | push | written | read | pull | read |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: |"
        yield from _requests(passage)


def _table(passages: Sequence[Passage]) -> Iterator[str]:
    columns = (
        *("store", "way", "written", "read", "copied", "files", "requests"),
        *("MB/s", "node CPU, s/GB", "store CPU, s/GB"),
        *("pull: read", "requests", "MB/s", "node CPU, s/GB", "store CPU, s/GB"),
        "peak memory, MiB",
    )
    yield f"| {' | '.join(columns)} |"
    yield f"| --- | --- |{' ---: |' * (len(columns) - 2)}"
    for each in passages:
        pushed, pulled = total(each.push.counts), total(each.pull.counts)
        parts = (pushed.written, pushed.read, pushed.copied, each.push.files)
        row = (
            each.backend.title,
            each.way.name,
            *(f"{part / each.size:.3f}" for part in parts),
            f"{pushed.requests}",
            *_speeds(each.push, each.size),
            f"{pulled.read / each.size:.3f}",
            f"{pulled.requests}",
            *_speeds(each.pull, each.size),
            f"{each.memory / MIB:.0f}",
        )
        yield f"| {' | '.join(row)} |"


def _speeds(cost: Cost, size: int) -> tuple[str, str, str]:
    gigabytes = size / 1e9
    return (
        f"{size / 1e6 / cost.seconds:.0f}",
        f"{cost.nodes / gigabytes:.2f}",
        f"{cost.store / gigabytes:.2f}",
    )


def _requests(passage: Passage) -> Iterator[str]:
    pushed, pulled = passage.push.counts, passage.pull.counts
    for asked in sorted({*pushed, *pulled}, key=str):
        push, pull = pushed.get(asked, Count()), pulled.get(asked, Count())
        row = (push.requests, push.written, push.read, pull.requests, pull.read)
        yield f"| {asked} | {' | '.join(map(str, row))} |"


def _size(text: str) -> int:
    found = re.fullmatch(r"([0-9]+)([KMG]?)", text)
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError("a size is a number, and maybe K, M or G")
    return int(found[1]) * _UNITS[found[2]]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.volume",
        description="Push and pull one large blob through nodes on a store.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="a blob of 64 MiB, by the usual ways")
    add("--size", type=_size, help="the size of the blob (default: 5G)")
    add("--only", metavar="PATTERN", default="", help="stores and ways that match")
    options = parser.parse_args(arguments)
    if options.size is None:
        options.size = _QUICK_SIZE if options.quick else _SIZE
    return options


if __name__ == "__main__":
    sys.exit(main())
