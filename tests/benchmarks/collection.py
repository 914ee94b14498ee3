"""Collection of vast stores: time, memory and requests, which must grow in line.

``python -m tests.benchmarks.collection``; ``--quick`` for a small one.
"""

import argparse
import gc
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from twisted.internet.task import react
from twisted.python.threadpool import ThreadPool

from tests.benchmarks.vast import IMAGES, LAYERS, VastStore
from txregistry.registry.collection.collector import Collector
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.collection.report import CollectionReport
from txregistry.registry.repositories import Registry
from txregistry.tasks import in_threads

_FLOOR: Final = 100.0
_BLOBS: Final = IMAGES * (LAYERS + 3)
"""Of a repository."""
_MIB: Final = 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect, and tell what it took."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.collection",
        description="Collect vast stores, which are played.",
    )
    parser.add_argument("--quick", action="store_true", help="a small store")
    options = parser.parse_args(arguments)
    sizes = (10_000,) if options.quick else (10_000, 100_000, 1_000_000)
    react(_run, [sizes])


async def _run(reactor: Any, sizes: Sequence[int]) -> None:
    pool = ThreadPool(1, 4, "collection")
    pool.start()
    reactor.addSystemEventTrigger("during", "shutdown", pool.stop)
    blocking = in_threads(reactor, pool)
    print(
        "| blobs | round | seconds | CPU seconds | more memory, MiB | list | get | put "
        "| stat | delete | blobs removed |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for size in sizes:
        store = VastStore(size // _BLOBS)
        registry = Registry(store, reactor, blocking, floor=None)
        contents = Contents(store, blocking)
        collector = Collector(
            registry, blocking, _FLOOR, "benchmark", contents, KeepingAll()
        )
        for number in (1, 2, 3):
            report = await _measure(store, collector, number)
            if not report.finished:
                sys.exit("it did not come to its end")
            store.pass_time(_FLOOR)


async def _measure(
    store: VastStore, collector: Collector, number: int
) -> CollectionReport:
    store.asked.clear()
    gc.collect()
    before, began, cpu = _memory(), time.monotonic(), _cpu()
    peak = before

    def hear(report: CollectionReport) -> None:
        nonlocal peak
        if not (report.repositories + report.blobs) % 64:
            peak = max(peak, _memory())

    report = await collector.collect(hear)
    asked = store.asked
    print(
        f"| {report.blobs} | {number} | {time.monotonic() - began:.1f} | "
        f"{_cpu() - cpu:.1f} | {peak - before:.0f} | {asked['list']} | {asked['get']} "
        f"| {asked['put']} | {asked['stat']} | {asked['delete']} | "
        f"{report.blobs_removed} |",
        flush=True,
    )
    return report


def _memory() -> float:
    """Give what is resident now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / _MIB


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
