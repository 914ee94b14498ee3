"""Blobs and images that pass, as fast as they can; and the memory that it takes."""

import os
import shutil
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.blobs import amount, curl_pulls
from tests.benchmarks.contents import MIB
from tests.benchmarks.costs import Cost, cost
from tests.benchmarks.driver import Outcome
from tests.benchmarks.report import Sample, Samples
from tests.benchmarks.table import Goal

#: The cells that tell the CPU time of a gigabyte.
_USUAL_PULLS, _USUAL_PUSHES = 8, 4
_LESS_PULLED, _LESS_PUSHED = 0.8, 0.9
_COLD = 3
_LAYERS, _LAYER = 40, 100 * 1024
#: What docker does at once, if nobody told it otherwise.
_PUSHING, _PULLING = 5, 3
_MOST = 80.0
_READERS, _WRITERS = 64, 16
_LOOKING = 0.25
_ENDLESS = 1_000_000


def pulls(bench: Bench, *, clients: int, wanted: float, tls: bool = False) -> Samples:
    """Pull a blob again and again, by Go and by curl."""
    driver, size = bench.driver, bench.scale.size
    digest = driver.run("push", size=size).digests[0]
    count = max(bench.scale.volume, clients)
    group = f"{'mTLS ' if tls else ''}pull {amount(size)}"
    done = driver.run("pull", digest=digest, size=size, clients=clients, count=count)
    less = _LESS_PULLED if clients == _USUAL_PULLS and not tls else None
    yield from _passed(group, _by(clients, "Go"), done, wanted, less)
    if not tls and shutil.which("curl"):
        url = f"{driver.url}/v2/benchmarks/go/blobs/{digest}"
        spent = cost(driver.server, partial(curl_pulls, url, clients, count))
        yield from _cost(group, _by(clients, "curl"), spent, count * size, wanted)


def first_pulls(bench: Bench, *, clients: int) -> Samples:
    """Pull a blob that nobody has pulled before, at the same time."""
    driver, size = bench.driver, bench.scale.size
    digest = driver.run("push", size=size).digests[0]
    pulling = {"digest": digest, "size": size, "verify": False}
    done = driver.run("pull", clients=clients, count=clients, **pulling)
    group = f"pull {amount(size)} for the first time"
    yield from _passed(group, _by(clients, "Go"), done, None, None)


def cold_pulls(bench: Bench) -> Samples:
    """Pull a large blob that the kernel has forgotten."""
    driver, size = bench.driver, bench.scale.large
    digest = driver.run("push", size=size).digests[0]
    done = []
    for _ in range(_COLD):
        forget(bench.data)
        done.append(driver.run("pull", digest=digest, size=size, verify=False))
    spent = Cost(
        sum(each.seconds for each in done),
        sum(each.server for each in done),
        sum(each.client for each in done),
    )
    group = f"pull {amount(size)} that is not in memory"
    yield from _cost(group, _by(1, "Go"), spent, _COLD * size)


def pushes(
    bench: Bench,
    *,
    clients: int,
    wanted: float | None,
    tls: bool = False,
    chunked: bool = True,
) -> Samples:
    """Push blobs, in chunks or with a known length."""
    size = bench.scale.size
    count = max(bench.scale.volume // 4, clients)
    how = "in chunks" if chunked else "of known length"
    group = f"{'mTLS ' if tls else ''}push {amount(size)} {how}"
    os.sync()
    done = bench.driver.run(
        "push", size=size, clients=clients, count=count, chunked=chunked
    )
    less = _LESS_PUSHED if clients == _USUAL_PUSHES and chunked and not tls else None
    yield from _passed(group, _by(clients, "Go"), done, wanted, less)


def images(bench: Bench, *, fresh: bool = False) -> Samples:
    """Push images of many layers, as docker does, and pull them.

    Args:
        bench: The side.
        fresh: Whether each request has a connection of its own, as docker's have.
    """
    wanted = None if fresh else 1.3
    count = bench.scale.images
    told = {"repository": f"benchmarks/{'fresh' if fresh else 'kept'}", "fresh": fresh}
    told |= {"size": _LAYER, "layers": _LAYERS, "count": count}
    ways = (("pushimage", "push", _PUSHING), ("pullimage", "pull", _PULLING))
    for mode, cell, parallel in ways:
        done = bench.driver.run(mode, parallel=parallel, **told)
        group = f"image of {_LAYERS} layers of {_LAYER // 1024} KiB"
        name = f"{cell}, a connection for each request" if fresh else cell
        goal = Goal(group, name, "images/s", ">1", {2: wanted} if wanted else {})
        yield Sample(goal, done.operations / done.seconds)
        cpu = Goal(group, name, "server CPU, ms each", "<1")
        yield Sample(cpu, done.server / done.operations * 1000)
        cpu = Goal(group, name, "client CPU, ms each", "")
        yield Sample(cpu, done.client / done.operations * 1000)


def memory(bench: Bench) -> Samples:
    """Let many pull and push large blobs for a while, and see what that takes."""
    driver, server, size = bench.driver, bench.driver.server, bench.scale.large
    digest = driver.run("push", size=size).digests[0]
    share = 0
    with ExitStack() as stack:
        pulling = {"digest": digest, "size": size}
        pulling |= {"clients": _READERS, "count": _ENDLESS}
        pushing = {"size": size, "clients": _WRITERS, "count": _WRITERS * 8}
        stack.enter_context(driver.running("pull", verify=False, **pulling))
        stack.enter_context(driver.running("push", chunked=True, **pushing))
        deadline = time.monotonic() + bench.scale.load
        while time.monotonic() < deadline:
            time.sleep(_LOOKING)
            share = max(share, server.share())
        peaks = server.peaks()
    group = f"{_READERS} pulls and {_WRITERS} pushes of {amount(size)}"
    whole = Goal(group, "memory", "all processes, MB", "<1", {2: 1.0})
    yield Sample(whole, share / 1e6)
    added = Goal(group, "memory", "sum of their peaks, MB", "<1", {2: 1.0})
    yield Sample(added, sum(peaks) / 1e6)
    largest = Goal(group, "memory", "the largest process, MB", "<1", most=_MOST)
    yield Sample(largest, max(peaks) / 1e6)


def forget(data: Path) -> None:
    """Make the kernel forget the content of large files."""
    for path in data.rglob("*"):
        if path.is_file() and path.stat().st_size >= MIB:
            number = os.open(path, os.O_RDONLY)
            try:
                os.fsync(number)  # what is not written cannot be forgotten
                os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(number)


def _passed(
    group: str, cell: str, done: Outcome, wanted: float | None, less: float | None
) -> Samples:
    spent = Cost(done.seconds, done.server, done.client)
    yield from _cost(group, cell, spent, done.size, wanted, less)


def _cost(
    group: str,
    cell: str,
    spent: Cost,
    size: int,
    wanted: float | None = None,
    less: float | None = None,
) -> Samples:
    """Give the rows of so many bytes.

    Args:
        group: Of which work.
        cell: By whom.
        spent: What it cost.
        size: How many bytes.
        wanted: Which ratio of speeds is wanted.
        less: Which ratio of CPU times is wanted.
    """
    gigabytes = size / 1e9
    speed = Goal(group, cell, "MB/s", ">1", {2: wanted} if wanted else {})
    yield Sample(speed, gigabytes * 1000 / spent.seconds)
    cpu = Goal(group, cell, "server CPU, s/GB", "<1", {2: less} if less else {})
    yield Sample(cpu, spent.server / gigabytes)
    yield Sample(Goal(group, cell, "client CPU, s/GB", ""), spent.client / gigabytes)


def _by(clients: int, program: str) -> str:
    """Tell who it is done by."""
    return f"{clients} {program} client{'s' if clients > 1 else ''}"
