"""Small requests: alone, beside large transfers, on new connections, for lists."""

from collections.abc import Mapping
from urllib.parse import quote

from tests.benchmarks.bench import Bench, push_image
from tests.benchmarks.lists import Pages, Tree
from tests.benchmarks.load import MANIFEST
from tests.benchmarks.report import MeasureError, Sample, Samples
from tests.benchmarks.table import Goal

_CONNECTIONS = 32
_LAYERS = 8
_ACCEPT = f"Accept: {MANIFEST}"
_IMAGE = "benchmarks/small"
_PULLS, _PUSHES = 8, 4
_ENDLESS = 1_000_000
_COMING = 8
_PAGE = 100


def manifests(bench: Bench, *, by: str, wanted: Mapping[int, float]) -> Samples:
    """Ask for a manifest over and over, by its tag or its digest."""
    digest = push_image(bench, _IMAGE, _LAYERS)
    path = f"/v2/{_IMAGE}/manifests/{'v0' if by == 'tag' else digest}"
    cell = f"by {by}, {_CONNECTIONS} connections"
    yield from _requests(bench, "manifest GET", cell, "GET", path, wanted)


def heads(bench: Bench, *, wanted: Mapping[int, float]) -> Samples:
    """Ask for the head of a blob over and over."""
    pushed = bench.driver.run("push", repository=_IMAGE, size=1024)
    path = f"/v2/{_IMAGE}/blobs/{pushed.digests[0]}"
    cell = f"{_CONNECTIONS} connections"
    yield from _requests(bench, "blob HEAD", cell, "HEAD", path, wanted)


def beside(bench: Bench, *, pushing: bool) -> Samples:
    """Ask for a manifest while large blobs pass."""
    driver, size = bench.driver, bench.scale.large
    push_image(bench, _IMAGE, _LAYERS)
    told: dict[str, object] = {"size": size}
    if pushing:
        cell, wanted = f"{_PUSHES} large pushes", 1.0
        told |= {"clients": _PUSHES, "count": _PUSHES * 64, "chunked": True}
    else:
        cell, wanted = f"{_PULLS} large pulls", 0.25
        told |= {"clients": _PULLS, "count": _ENDLESS}
        told["digest"] = driver.run("push", size=size).digests[0]
    with driver.running("push" if pushing else "pull", **told):
        done = driver.run(
            "requests",
            path=f"/v2/{_IMAGE}/manifests/v0",
            header=_ACCEPT,
            clients=_CONNECTIONS,
            seconds=bench.scale.seconds,
        )
    group = f"manifest GET, {_CONNECTIONS} connections, beside"
    yield Sample(Goal(group, cell, "p99, ms", "<1", {2: wanted}), done.p99 * 1000)
    yield Sample(Goal(group, cell, "p50, ms", "<1"), done.p50 * 1000)
    rate = Goal(group, cell, "requests/s", ">1")
    yield Sample(rate, done.operations / done.seconds)


def handshakes(bench: Bench, *, resumed: bool) -> Samples:
    """Connect, ask one thing and leave, over and over."""
    done = bench.driver.run(
        "handshakes", clients=_COMING, seconds=bench.scale.seconds, resumed=resumed
    )
    group, cell = "mTLS, new connections", "resumed" if resumed else "in full"
    cell = f"{cell}, {_COMING} clients"
    rate = Goal(group, cell, "connections/s", ">1", {2: 0.9})
    yield Sample(rate, done.operations / done.seconds)
    thousands = done.operations / 1000
    yield Sample(
        Goal(group, cell, "server CPU, ms each", "<1"), done.server / thousands
    )
    yield Sample(Goal(group, cell, "client CPU, ms each", ""), done.client / thousands)


def pages(bench: Bench, *, tree: Tree) -> Samples:
    """Ask for a page of a list: the first one, and one from the middle."""
    kind, entries = tree.kind, tree.entries()
    middle = len(entries) // 2
    first = f"{kind.target}?n={_PAGE}"
    last = quote(entries[middle - 1], safe="")
    group = f"{kind.name}, {len(entries)} entries"
    reading = Pages(bench.driver.server.port, kind.member)
    for cell, path, expected in (
        (f"first {_PAGE}", first, entries[:_PAGE]),
        (f"{_PAGE} from the middle", f"{first}&last={last}", entries[middle:][:_PAGE]),
    ):
        if reading.entries(reading.one(path)) != expected:
            raise MeasureError(f"not the entries that are there: {path}")
        done = bench.driver.run("requests", path=path, seconds=bench.scale.seconds)
        rate = Goal(group, cell, "pages/s", ">1", {2: 10.0})
        yield Sample(rate, done.operations / done.seconds)
        cpu = Goal(group, cell, "server CPU, ms each", "<1")
        yield Sample(cpu, done.server / done.operations * 1000)


def _requests(
    bench: Bench,
    group: str,
    cell: str,
    method: str,
    path: str,
    wanted: Mapping[int, float],
) -> Samples:
    done = bench.driver.run(
        "requests",
        method=method,
        path=path,
        header=_ACCEPT,
        clients=_CONNECTIONS,
        seconds=bench.scale.seconds,
    )
    rate = Goal(group, cell, "requests/s", ">1", wanted)
    yield Sample(rate, done.operations / done.seconds)
    yield Sample(Goal(group, cell, "p99, ms", "<1"), done.p99 * 1000)
    thousands = done.operations / 1000
    cpu = Goal(group, cell, "server CPU, s/1000", "<1")
    yield Sample(cpu, done.server / thousands)
    cpu = Goal(group, cell, "client CPU, s/1000", "")
    yield Sample(cpu, done.client / thousands)
