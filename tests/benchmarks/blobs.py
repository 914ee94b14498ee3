"""Pushes and pulls of blobs by one or many clients."""

import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.benchmarks.connections import Connection
from tests.benchmarks.contents import (
    MIB,
    Blob,
    Contents,
    push,
    push_beginning,
    push_chunks,
)
from tests.benchmarks.costs import cost, memory, together, transfer
from tests.benchmarks.report import MeasureError, Samples
from tests.benchmarks.servers import HOST, Side

_NAME = "benchmarks/blobs"
_BUFFER = MIB
#: Below this, curl mostly measures its own start.
_CURL_SIZE = 16 * MIB


@dataclass(frozen=True)
class Traffic:
    """How much is transferred in one cell.

    Args:
        usual: Bytes that are enough for a measurement.
        most: Bytes that are never exceeded.
    """

    usual: int
    most: int

    def requests(self, size: int, clients: int) -> int:
        """Return how many blobs of a size to transfer: at least one for each client."""
        return max(clients, min(self.usual, self.most) // size)

    def exceeded(self, size: int, clients: int) -> bool:
        """Return whether one blob for each client is too much."""
        return size * clients > self.most

    def share(self, clients: int) -> int:
        """Return the bytes each client may transfer, in whole MiB."""
        return max(MIB, self.most // clients // MIB * MIB)


def amount(size: int) -> str:
    """Show a size as people write it."""
    return f"{size >> 30} GiB" if size >= 1 << 30 else f"{size // MIB} MiB"


def measure_pushes(
    contents: Contents,
    size: int,
    clients: int,
    traffic: Traffic,
    *,
    chunked: bool,
    side: Side,
    place: Path,
) -> Samples:
    """Push new blobs. Those that would be too much are begun and not ended."""
    cut = traffic.exceeded(size, clients)
    how = "chunked" if chunked else "known length"
    cell = f"{amount(size)}, {how}, {_count(clients)}"
    with side.start(place) as server, ExitStack() as stack:
        connections = [stack.enter_context(Connection(server)) for _ in range(clients)]
        if cut:
            share = traffic.share(clients)
            cell += f", the first {amount(share)}"
            total = share * clients
            work = [
                partial(push_beginning, connection, _NAME, contents, share)
                for connection in connections
            ]
        else:
            count = traffic.requests(size, clients)
            total = count * size
            blobs = deque(contents.blob(size) for _ in range(count))
            pushing = partial(push_all, push_chunks if chunked else push)
            work = [
                partial(pushing, connection, contents, blobs)
                for connection in connections
            ]
        spent = cost(server, partial(together, work))
        yield from transfer("push", cell, total, spent)
        yield memory("push", cell, server)


def measure_pulls(
    contents: Contents,
    size: int,
    clients: tuple[int, ...],
    traffic: Traffic,
    *,
    side: Side,
    place: Path,
) -> Samples:
    """Pull a blob over and over, by our own client and by curl."""
    blob = contents.blob(size)
    with side.start(place) as server, Connection(server) as connection:
        push(connection, _NAME, contents, blob)
    curl = None
    if size >= _CURL_SIZE and side.certificates is None:
        curl = shutil.which("curl")
    with side.start(place) as server:
        for number in clients:
            part = traffic.share(number) if traffic.exceeded(size, number) else None
            count = traffic.requests(size, number)
            cell = f"{amount(size)}, {_count(number)}"
            if part is not None:
                cell += f", the first {amount(part)}"
            total = count * (part or size)
            with ExitStack() as stack:
                connections = [
                    stack.enter_context(Connection(server)) for _ in range(number)
                ]
                turns = deque(range(count))
                work = [
                    partial(pull_all, connection, blob, part, turns)
                    for connection in connections
                ]
                spent = cost(server, partial(together, work))
            yield from transfer("pull", cell, total, spent)
            if curl:
                url = f"http://{HOST}:{server.port}/v2/{_NAME}/blobs/{blob.digest}"
                pulling = partial(curl_pulls, url, number, count, part)
                spent = cost(server, pulling)
                yield from transfer("pull", f"{cell}, curl", total, spent)
        yield memory("pull", f"{amount(size)}, all of these", server)


def push_all(
    pushing: Callable[[Connection, str, Contents, Blob], None],
    connection: Connection,
    contents: Contents,
    blobs: deque[Blob],
) -> None:
    """Push blobs in one way, as long as there are any."""
    while blobs:
        try:
            blob = blobs.popleft()
        except IndexError:
            return
        pushing(connection, _NAME, contents, blob)


def pull_all(
    connection: Connection, blob: Blob, part: int | None, turns: deque[int]
) -> None:
    """Pull a blob, or its first part, as long as there are turns."""
    headers = () if part is None else (f"Range: bytes=0-{part - 1}",)
    buffer = bytearray(_BUFFER)
    while turns:
        try:
            turns.popleft()
        except IndexError:
            return
        connection.send("GET", f"/v2/{_NAME}/blobs/{blob.digest}", *headers)
        response = connection.receive()
        if response.status != (200 if part is None else 206):
            raise MeasureError(f"a pull was answered {response.status}")
        if connection.discard(response, buffer) != (part or blob.size):
            raise MeasureError(f"a blob of {response.length} bytes")


def curl_pulls(url: str, clients: int, count: int, part: int | None = None) -> None:
    """Pull by curl.

    Args:
        url: What to pull.
        clients: How many at the same time.
        count: How often in all.
        part: How many bytes of it; None for all.

    Raises:
        MeasureError: One of them failed.
    """
    options = ["--silent", "--show-error", "--fail"]
    options += [] if part is None else ["--range", f"0-{part - 1}"]
    shares = [
        count // clients + (number < count % clients) for number in range(clients)
    ]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    ["curl", *options, *(["--output", "/dev/null", url] * share)],
                    stderr=subprocess.PIPE,
                )
            )
            for share in shares
        ]
        for process in running:
            stack.callback(process.kill)
        for process in running:
            _, said = process.communicate()
            if process.returncode:
                raise MeasureError(f"curl: {said.decode(errors='replace').strip()}")


def _count(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"
