"""A mirror beside its upstream, beside Distribution as a mirror, beside itself.

``python -m tests.benchmarks.mirror`` prints the ratios; ``--quick`` in small.

The upstream is always the ``registry`` on the PATH, over files on the same machine: by
a link of 1 Gbit/s and 10 ms each way, as one that is far away, and without: then it is
faster than any network, and what a mirror costs shows. Every cold blob is a new one.
"""

import argparse
import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from socket import MSG_PEEK
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.blobs import amount, pull_all
from tests.benchmarks.connections import Connection
from tests.benchmarks.contents import MIB, Blob, Contents, push
from tests.benchmarks.costs import cost, memory, together, transfer
from tests.benchmarks.families import Family
from tests.benchmarks.link import Link
from tests.benchmarks.meter import Meter, total
from tests.benchmarks.report import Measure, MeasureError, Report, Sample, Samples
from tests.benchmarks.rounds import (
    INTERRUPTED,
    conditions,
    hear_interrupts,
    run,
    version_of,
)
from tests.benchmarks.servers import HOST, Server, Side, peer_command, twistd_command

_NAME = "benchmarks/blobs"
_ROUNDS, _QUICK_ROUNDS = 3, 1
_SPEED = 125e6
_DELAY = 0.010


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Args:
        size: Bytes of a blob that one client pulls.
        count: How many such blobs there are.
        shared: Bytes of a blob that all want.
        clients: How many want it.
    """

    size: int
    count: int
    shared: int
    clients: int


_FULL = Scale(1 << 30, 3, 256 * MIB, 64)
_QUICK = Scale(16 * MIB, 2, 4 * MIB, 8)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparisons.

    Returns:
        The exit status: 1 if this registry failed, whatever the numbers are.
    """
    options = _parse(arguments)
    command = peer_command()
    if command is None:
        print("No upstream: `registry` is not on the PATH.", file=sys.stderr)
        return 2
    hear_interrupts()
    scale = _QUICK if options.quick else _FULL
    good = True
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="mirror-")))
        place = work / "upstream"
        place.mkdir()
        upstream = stack.enter_context(Side("upstream", command).start(place))
        link = stack.enter_context(Link(upstream.port, _SPEED, _DELAY))
        measuring = Measuring(upstream, link, Contents(), scale)
        for name, second, measure in measuring.comparisons(command):
            if not re.search(options.only, name):
                continue
            ours = replace(measuring.mirror(_ours()), name="txregistry")
            facts = {"upstream": f"`{command}`, {version_of(Side('', command))}"}
            report = Report(ours.name, second.name, facts | conditions(options.rounds))
            families = [Family(name, measure)]
            good &= run(families, (ours, second), options.rounds, report, work)
            print(report.markdown(), flush=True)
            if INTERRUPTED in report.notes:
                break
    return 0 if good else 1


@dataclass(frozen=True)
class Measuring:
    """What is measured of mirrors of one registry.

    Args:
        upstream: The registry.
        link: How it is reached where it is far away.
        contents: Makes blobs.
        scale: How much.
    """

    upstream: Server
    link: Link
    contents: Contents
    scale: Scale

    def mirror(self, side: Side, port: int | None = None) -> Side:
        """Make a registry the upstream's mirror."""
        url = f"http://{HOST}:{port or self.upstream.port}"
        return replace(side, more=f'proxy: {{remoteurl: "{url}"}}')

    def comparisons(
        self, command: str
    ) -> list[tuple[str, Side, Callable[..., Samples]]]:
        """Give what the mirror is compared with, and how."""
        peer = self.mirror(Side("Distribution", command))
        return [
            ("direct, far", Side("direct", ""), partial(self.pulls, self.link)),
            ("direct, near", Side("direct", ""), partial(self.pulls, self.upstream)),
            ("Distribution, far", peer, partial(self.pulls, self.link)),
            ("Distribution, near", peer, partial(self.pulls, self.upstream)),
            ("many", peer, self.joins),
            ("warm", replace(_ours(), name="its own"), self.warm),
        ]

    def pulls(self, upstream: Server | Link, *, side: Side, place: Path) -> Samples:
        """Pull blobs that the mirror does not have, and then once more."""
        blobs = self._new_blobs(self.scale.size, self.scale.count)
        size = amount(self.scale.size)
        with ExitStack() as stack:
            server, asked = self.upstream, upstream
            if side.command:
                mirror = self.mirror(side, upstream.port)
                server = asked = stack.enter_context(mirror.start(place))
            for temperature in ("cold", "warm"):
                firsts: list[float] = []
                with Connection(asked) as connection:
                    pull = partial(_pull_each, connection, blobs, firsts)
                    spent = cost(server, pull)
                cell = f"{size}, {temperature}"
                first = Measure("pull", cell, "first byte, ms", "<1")
                yield Sample(first, median(firsts) * 1000)
                yield from transfer("pull", cell, self.scale.size * len(blobs), spent)
            yield memory("pull", f"{size}, all of these", server)

    def joins(self, *, side: Side, place: Path) -> Samples:
        """Let many clients pull one blob that the mirror does not have."""
        (blob,) = self._new_blobs(self.scale.shared, 1)
        cell = f"{amount(blob.size)} for {self.scale.clients} clients"
        with ExitStack() as stack:
            meter = stack.enter_context(Meter(self.upstream.port))
            port = int(meter.url.rpartition(":")[2])
            server = stack.enter_context(self.mirror(side, port).start(place))
            meter.take()
            connections = [
                stack.enter_context(Connection(server))
                for _ in range(self.scale.clients)
            ]
            work = [
                partial(pull_all, connection, blob, None, deque((0,)))
                for connection in connections
            ]
            spent = cost(server, partial(together, work))
            read = total(meter.take()).read
            fetched = Measure("many", cell, "fetched from upstream, times", "<1")
            yield Sample(fetched, read / blob.size)
            size = blob.size * self.scale.clients
            yield from transfer("many", cell, size, spent)
            yield memory("many", cell, server)

    def warm(self, *, side: Side, place: Path) -> Samples:
        """Pull what was mirrored, and what was pushed."""
        mirrored = bool(side.more)
        with side.start(place) as server, Connection(server) as connection:
            if mirrored:
                blobs = self._new_blobs(self.scale.size, self.scale.count)
                _pull_each(connection, blobs, [])
            else:
                blobs = self._new_blobs(self.scale.size, self.scale.count, server)
                _pull_each(connection, blobs, [])
            firsts: list[float] = []
            spent = cost(server, partial(_pull_each, connection, blobs, firsts))
            cell = f"{amount(self.scale.size)}, again"
            first = Measure("warm", cell, "first byte, ms", "<1")
            yield Sample(first, median(firsts) * 1000)
            yield from transfer("warm", cell, self.scale.size * len(blobs), spent)

    def _new_blobs(
        self, size: int, count: int, server: Server | None = None
    ) -> list[Blob]:
        """Push blobs to the upstream, or to another registry."""
        blobs = [self.contents.blob(size) for _ in range(count)]
        with Connection(server or self.upstream) as connection:
            for blob in blobs:
                push(connection, _NAME, self.contents, blob)
        # What the upstream took is not to be flushed while others are timed.
        os.sync()
        return blobs


def _ours() -> Side:
    return Side("txregistry", twistd_command("--config {config}"))


def _pull_each(
    connection: Connection, blobs: Sequence[Blob], firsts: list[float]
) -> None:
    """Pull blobs, and take down how long each took to its first byte."""
    buffer = bytearray(MIB)
    for blob in blobs:
        started = time.perf_counter()
        connection.send("GET", f"/v2/{_NAME}/blobs/{blob.digest}")
        response = connection.receive()
        if response.status != 200:
            raise MeasureError(f"a pull was answered {response.status}")
        if not response.body:
            connection.socket.recv(1, MSG_PEEK)
        firsts.append(time.perf_counter() - started)
        if connection.discard(response, buffer) != blob.size:
            raise MeasureError(f"a blob of {response.length} bytes")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.mirror",
        description="Measure a mirror.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="each kind of measurement in small")
    add("--rounds", type=int, metavar="N", help="how often each side has its turn")
    add("--only", metavar="PATTERN", default="", help="comparisons that match")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    return options


if __name__ == "__main__":
    sys.exit(main())
