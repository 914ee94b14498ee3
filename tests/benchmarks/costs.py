"""What work costs: time, the server's CPU, the client's CPU."""

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Barrier, Thread

from tests.benchmarks.report import Measure, MeasureError, Sample, Samples
from tests.benchmarks.servers import Server


@dataclass(frozen=True)
class Cost:
    """Seconds: by the clock, of the server's CPU, of our own and our children's."""

    seconds: float
    server: float
    client: float


def cost(server: Server, work: Callable[[], None]) -> Cost:
    """Do the work and watch the clocks."""
    client, cpu, started = _own_cpu(), server.cpu(), time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return Cost(seconds, server.cpu() - cpu, _own_cpu() - client)


def together(clients: Sequence[Callable[[], None]]) -> None:
    """Run clients at the same time, each in a thread.

    Raises:
        MeasureError: At least one of them failed.
    """
    failures: list[Exception] = []
    barrier = Barrier(len(clients))

    def run(client: Callable[[], None]) -> None:
        try:
            barrier.wait()
            client()
        except (OSError, MeasureError) as error:
            failures.append(error)

    # Daemons: if we are interrupted, they end when the server is stopped.
    threads = [Thread(target=run, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise MeasureError(f"{len(failures)} clients failed, one by: {failures[0]}")


def transfer(
    group: str, cell: str, size: int, spent: Cost, store: float | None = None
) -> Samples:
    """Give the rows of a transfer of so many bytes.

    Args:
        group: The heading they stand below.
        cell: What was done.
        size: How many bytes.
        spent: What it cost.
        store: Seconds of the CPU of a service that keeps the bytes, if there is one.
    """
    gigabytes = size / 1e9
    speed = Measure(group, cell, "MB/s", ">1")
    yield Sample(speed, size / 1e6 / spent.seconds)
    server = Measure(group, cell, "server CPU, s/GB", "<1")
    yield Sample(server, spent.server / gigabytes)
    if store is not None:
        measure = Measure(group, cell, "store's CPU, s/GB", "<1")
        yield Sample(measure, store / gigabytes)
    client = Measure(group, cell, "client CPU, s/GB", "")
    yield Sample(client, spent.client / gigabytes)


def memory(group: str, cell: str, server: Server) -> Sample:
    """Give the row of a server's peak memory."""
    measure = Measure(group, cell, "peak memory, MiB", "<1")
    return Sample(measure, server.memory() / (1 << 20))


def _own_cpu() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
