"""All that is measured, in families: what one fresh server is asked to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from tests.benchmarks import lists, load
from tests.benchmarks.blobs import Traffic, amount, measure_pulls, measure_pushes
from tests.benchmarks.contents import MIB, Contents
from tests.benchmarks.costs import memory
from tests.benchmarks.report import Measure, Sample, Samples
from tests.benchmarks.servers import Side


class Measuring(Protocol):
    """Measure one side, on a directory of its own."""

    def __call__(self, *, side: Side, place: Path) -> Samples:
        """Give the samples as they are taken."""


@dataclass(frozen=True)
class Family:
    """A part of the benchmark that can be asked for by name.

    Args:
        name: Its name.
        measure: What to do with each side.
        left_out: Why it is not measured, if it is not.
        shared: What both sides read and the last round leaves behind.
    """

    name: str
    measure: Measuring
    left_out: str = ""
    shared: Path | None = None


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Args:
        sizes: Sizes of blobs.
        clients: Numbers of clients for blobs.
        connections: Numbers of connections for small requests.
        entries: Lengths of lists.
        seconds: How long small requests and lists go on.
        traffic: What a cell of pushes or pulls may transfer.
    """

    sizes: tuple[int, ...]
    clients: tuple[int, ...]
    connections: tuple[int, ...]
    entries: tuple[int, ...]
    seconds: float
    traffic: Traffic


def full_scale(most: int) -> Scale:
    """Return everything, with so many bytes of traffic a cell."""
    return Scale(
        sizes=(MIB, 100 * MIB, 1024 * MIB),
        clients=(1, 8, 64),
        connections=(1, 32, 256),
        entries=(10, 1000, 100_000),
        seconds=5.0,
        traffic=Traffic(usual=1024 * MIB, most=most),
    )


def quick_scale(most: int) -> Scale:
    """Return the same kinds of measurement in small."""
    return Scale(
        sizes=(MIB, 16 * MIB),
        clients=(1, 8),
        connections=(1, 32),
        entries=(10, 1000),
        seconds=0.3,
        traffic=Traffic(usual=32 * MIB, most=min(most, 128 * MIB)),
    )


def families(scale: Scale, work: Path) -> Iterator[Family]:
    """Yield the families, in the order of the report.

    Args:
        scale: How much each does.
        work: A directory for what both sides read.
    """
    contents = Contents()
    yield Family("start-up", measure_startup)
    for size in scale.sizes:
        for chunked in (False, True):
            yield from _pushes(scale, contents, size, chunked=chunked)
    for size in scale.sizes:
        pulls = partial(measure_pulls, contents, size, scale.clients, scale.traffic)
        yield Family(f"pull {amount(size)}", pulls)
    for kind in load.KINDS:
        requests = partial(
            load.measure_requests, contents, kind, scale.connections, scale.seconds
        )
        yield Family(f"requests {kind}", requests)
    for listed in lists.KINDS:
        for count in scale.entries:
            name = f"{listed.name} {count}"
            tree = lists.Tree(work / name.replace(" ", "-"), listed, count)
            listing = partial(lists.measure_lists, tree, scale.seconds)
            yield Family(name, listing, shared=tree.directory)


def measure_startup(*, side: Side, place: Path) -> Samples:
    """Start with nothing and take the time to the first answer."""
    with side.start(place) as server:
        measure = Measure("start-up", "empty store", "first answer, ms", "<1")
        yield Sample(measure, server.startup * 1000)
        cpu = Measure("start-up", "empty store", "server CPU, ms", "<1")
        yield Sample(cpu, server.cpu() * 1000)
        yield memory("start-up", "empty store", server)


def _pushes(
    scale: Scale, contents: Contents, size: int, *, chunked: bool
) -> Iterator[Family]:
    """Yield a family for each number of clients, as each fills a disk."""
    traffic = scale.traffic
    for clients in scale.clients:
        how = "chunked" if chunked else "known length"
        left_out = ""
        if traffic.exceeded(size, clients) and not chunked:
            # It cannot be begun and left: a registry may reserve the whole length.
            left_out = (
                f"left out: it needs {amount(size * clients)} of disk;"
                f" `--traffic {-(-size * clients >> 30)}` takes it in"
            )
        yield Family(
            f"push {amount(size)} {how} {clients}",
            partial(measure_pushes, contents, size, clients, traffic, chunked=chunked),
            left_out,
        )
