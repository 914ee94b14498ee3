"""Compare what the model says with what daemons do, all of them on this machine.

Nothing else of the model is about clients, balancers, stores and origins. Here they
have the same processors as what is measured, so what they take is measured first, by
one client; the model then says what many come to.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.backends import BACKENDS, Store
from tests.benchmarks.blobs import pull_all, push_all
from tests.benchmarks.capacity.costs import Costs
from tests.benchmarks.capacity.crowd import Crowd, simulate
from tests.benchmarks.capacity.measuring import mirror_of, ours
from tests.benchmarks.capacity.node import GB, Node, Work, push_cost, serve
from tests.benchmarks.connections import Connection, Listening
from tests.benchmarks.contents import MIB, Blob, Contents, push, push_chunks
from tests.benchmarks.costs import cost, together
from tests.benchmarks.load import MANIFEST
from tests.benchmarks.report import MeasureError
from tests.benchmarks.servers import HOST, Server
from tests.integration.nodes.case import Nodes

_NAME = "benchmarks/blobs"
_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 13)
_BALANCER = "haproxy"
_QUIET = {"log": {"accesslog": {"disabled": True}, "level": "error"}}
#: The tests want small buffers of sockets; real balancers have what the kernel gives.
_BUFFERS = {"log /dev/log local0": "log stdout format raw local0"}
_NODES, _STORE = "nodes", "store"
_FAST = 1e15
#: What one client does before, as a part of what many do.
_FEW = 6
_MANIFEST = b'{"schemaVersion": 2, "mediaType": "%s", "manifests": []}'
_INDEX = "application/vnd.oci.image.index.v1+json"
_PARTS = (0.5, 0.95, 1.0)


@dataclass(frozen=True)
class _Extent:
    """How much is done: bytes of a blob, how many, manifests, clients; and a crowd."""

    size: int
    blobs: int
    manifests: int
    clients: int
    hosts: int
    layer: int


_USUAL = _Extent(32 * MIB, 24, 1800, 6, 30, 20 * MIB)
_SMALL = _Extent(MIB, 6, 60, 3, 6, MIB)


def check(costs: Costs, names: Sequence[str], *, quick: bool = False) -> None:
    """Let daemons work, and print how wrong the model is.

    Args:
        costs: What the model reckons with.
        names: Some of `CHECKS`.
        quick: Whether little is done.

    Raises:
        MeasureError: Something answered what it should not.
    """
    extent = _SMALL if quick else _USUAL
    for name in names:
        title, compare = CHECKS[name]
        print(f"{title}:\n\n| what | foretold | measured | error |\n|{' --- |' * 4}")
        for what, foretold, measured in compare(costs, extent):
            error = foretold / measured - 1 if measured else 0.0
            print(f"| {what} | {foretold:.3g} | {measured:.3g} | {error:+.0%} |")
        print(flush=True)


Compared = Iterator[tuple[str, float, float]]
_Clients = Sequence[Callable[[Connection], None]]


@dataclass(frozen=True)
class _At:
    """A port that is connected to."""

    port: int

    def connect(self) -> socket.socket:
        """See `Listening`."""
        made = socket.create_connection((HOST, self.port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


def foretell(
    cpu: float, others: Mapping[str, float], processors: float, processes: int
) -> tuple[float, str]:
    """Say how much is done in a second where all share a machine's processors.

    Args:
        cpu: Seconds of the nodes' CPU for one.
        others: Those of everything else; the store is one process, of one processor.
        processors: How many the machine has.
        processes: How many processes the nodes are.

    Returns:
        How much, and what holds it up.
    """
    machine = Node(processors, _FAST, _FAST, _FAST, _FAST)
    everything = Work("all", "one", {"processors": cpu + sum(others.values())})
    limits = {"machine": serve(machine, everything).rate, "nodes": processes / cpu}
    if others.get(_STORE):
        limits[_STORE] = 1 / others[_STORE]
    bottleneck = min(limits, key=limits.__getitem__)
    return limits[bottleneck], bottleneck


@dataclass(frozen=True)
class _Task:
    """Something that clients do of which there is so much.

    Args:
        name: What it is.
        unit: What is counted, a thousand of which has a cost.
        cpu: That cost.
        few: Gives a client that takes part in a small part of it.
        many: Gives one that takes part in all of it.
        amounts: How many thousands both are.
    """

    name: str
    unit: str
    cpu: float
    few: Callable[[Connection], None]
    many: Callable[[Connection], None]
    amounts: tuple[float, float]


def _tasks(costs: Costs, extent: _Extent, path: str) -> Iterator[_Task]:
    contents = Contents()
    many = [contents.blob(extent.size) for _ in range(extent.blobs)]
    few = [contents.blob(extent.size) for _ in range(max(1, extent.blobs // _FEW))]
    amounts = (len(few) * extent.size / GB, len(many) * extent.size / GB)
    pushing = partial(push_all, push_chunks, contents=contents)
    for name, cpu, work in (
        ("push", push_cost(costs.s3_push, costs.s3_blob, extent.size), pushing),
        ("pull", costs.s3_pull + costs.verify, _pull_each),
    ):
        some, all_ = partial(work, blobs=deque(few)), partial(work, blobs=deque(many))
        yield _Task(name, "MB", cpu, some, all_, amounts)
    least, most = extent.manifests // _FEW, extent.manifests
    some = partial(_ask_each, path=path, turns=deque(range(least)))
    all_ = partial(_ask_each, path=path, turns=deque(range(most)))
    amounts = (least / 1000, most / 1000)
    yield _Task("manifest by tag", "one", costs.s3_manifest, some, all_, amounts)


def _nodes(costs: Costs, extent: _Extent, *, balanced: bool) -> Compared:
    with Store(BACKENDS[0]) as store, ExitStack() as stack:
        settings = store.backend.settings(store.service.url, store.container)
        nodes = Nodes({"s3": settings}, _QUIET, changes=_BUFFERS)
        stack.callback(nodes.discard)
        nodes.await_turns()
        pids = {_NODES: [each.pid for each in nodes.daemons]}
        pids[_STORE] = [store.service.pid]
        at = [_At(each.port) for each in nodes.daemons]
        if balanced:
            at = [_At(nodes.balancer.port)]
        for task in _tasks(costs, extent, _put_manifest(at[0])):
            few, many = task.amounts
            alone = _spend(at, [task.few], pids).used
            others = {who: used / few for who, used in alone.items() if who != _NODES}
            processors = os.cpu_count() or 1
            rate, why = foretell(task.cpu, others, processors, len(nodes.daemons))
            spent = _spend(at, [task.many] * extent.clients, pids)
            speed = many / spent.seconds
            what = f"{task.name}: {task.unit}/s, held up by the {why}"
            yield what, rate * 1000, speed * 1000
            yield f"{task.name}: CPU of nodes", task.cpu, spent.used[_NODES] / many
            whole = task.cpu + sum(others.values())
            yield f"{task.name}: CPU of all", whole, sum(spent.used.values()) / many


@dataclass(frozen=True)
class _Spent:
    """Seconds by the clock, and of the CPU by who used it."""

    seconds: float
    used: Mapping[str, float]


def _spend(
    at: Sequence[Listening], clients: _Clients, pids: Mapping[str, list[int]]
) -> _Spent:
    """Let clients work at the same time, and see who used the processors."""
    with ExitStack() as stack:
        places = islice(cycle(at), len(clients))
        work = [
            partial(each, stack.enter_context(Connection(place)))
            for each, place in zip(clients, places, strict=True)
        ]
        before, started = _uses(pids), time.perf_counter()
        together(work)
        seconds = time.perf_counter() - started
        after = _uses(pids)
    return _Spent(seconds, {who: after[who] - before[who] for who in after})


def _uses(pids: Mapping[str, list[int]]) -> dict[str, float]:
    """Return the seconds of CPU of nodes, store, balancer and clients."""
    own = os.times()
    used = dict.fromkeys((*pids, "balancer"), 0.0)
    used["clients"] = own.user + own.system
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:  # it has just ended
            continue
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        seconds = sum(map(int, fields[_TIMES])) / _TICKS
        if int(fields[_PARENT]) == os.getpid() and name == _BALANCER:
            used["balancer"] += seconds
        for who, those in pids.items():
            if int(entry.name) in those:
                used[who] += seconds
    return used


def _put_manifest(at: Listening) -> str:
    path = f"/v2/{_NAME}/manifests/latest"
    body = _MANIFEST % _INDEX.encode()
    with Connection(at) as connection:
        told = (f"Content-Type: {_INDEX}", f"Content-Length: {len(body)}")
        connection.send("PUT", path, *told, body=body)
        connection.expect(201)
    return path


def _pull_each(connection: Connection, blobs: deque[Blob]) -> None:
    while blobs:
        try:
            blob = blobs.popleft()
        except IndexError:
            return
        pull_all(connection, blob, None, deque((0,)))


def _ask_each(connection: Connection, path: str, turns: deque[int]) -> None:
    while turns:
        try:
            turns.popleft()
        except IndexError:
            return
        connection.send("GET", path, f"Accept: {MANIFEST}, {_INDEX}")
        connection.expect(200)


def _crowd(costs: Costs, extent: _Extent) -> Compared:
    contents = Contents()
    layers = [contents.blob(extent.layer) for _ in range(3)]
    with TemporaryDirectory(prefix="capacity-") as name, ExitStack() as stack:
        places = [Path(name, each) for each in ("origin", "one", "two")]
        for place in places:
            place.mkdir()
        origin = stack.enter_context(ours().start(places[0]))
        with Connection(origin) as connection:
            for blob in (*layers, *(first := [contents.blob(extent.layer)])):
                push(connection, _NAME, contents, blob)
        os.sync()
        mirrors = [
            stack.enter_context(mirror_of(origin.port).start(place))
            for place in places[1:]
        ]
        client = _client_cost(mirrors[0], first[0], extent.hosts)
        before = sum(each.cpu() for each in mirrors)
        done = _come(mirrors, layers, extent.hosts)
        used = sum(each.cpu() for each in mirrors) - before
    shared = replace(costs, follow=costs.follow + client, fill=costs.fill + costs.pull)
    processors = (os.cpu_count() or 1) / len(mirrors)
    crowd = Crowd(
        hosts=extent.hosts,
        layers=tuple(blob.size for blob in layers),
        network=_FAST,
        mirror=Node(processors, _FAST, _FAST, _FAST, _FAST, workers=1),
        mirrors=len(mirrors),
        origin=_FAST,
        spread=0.0,
        tls=False,
        chance=False,
        slots=1,
    )
    foretold = simulate(crowd, shared)
    for part in _PARTS:
        rank = max(1, round(part * len(done)))
        yield f"{part:.0%} of the hosts, seconds", foretold.after(part), done[rank - 1]
    size = crowd.size * crowd.hosts / GB
    expected = costs.follow + costs.fill * len(mirrors) / crowd.hosts
    yield "CPU of mirrors, s/GB", expected, used / size


def _client_cost(server: Server, blob: Blob, count: int) -> float:
    """Return a client's seconds of CPU for a GB."""
    with ExitStack() as stack:
        work = [
            partial(
                pull_all,
                stack.enter_context(Connection(server)),
                blob,
                None,
                deque((0,)),
            )
            for _ in range(count)
        ]
        spent = cost(server, partial(together, work))
    return spent.client / (blob.size * count / GB)


def _come(mirrors: Sequence[Server], layers: Sequence[Blob], hosts: int) -> list[float]:
    """Let hosts pull all layers at once; return when each was done, in order."""
    ended: dict[int, float] = {}
    with ExitStack() as stack:

        def pull(connection: Connection, blob: Blob, host: int) -> None:
            pull_all(connection, blob, None, deque((0,)))
            now = time.perf_counter()
            ended[host] = max(now, ended.get(host, now))

        work = [
            partial(
                pull,
                stack.enter_context(Connection(mirrors[host % len(mirrors)])),
                blob,
                host,
            )
            for host in range(hosts)
            for blob in layers
        ]
        started = time.perf_counter()
        together(work)
    if len(ended) != hosts:
        raise MeasureError("some hosts did not come to their end")
    return sorted(each - started for each in ended.values())


#: What is compared, by name: how it is called, and what does it.
CHECKS: dict[str, tuple[str, Callable[[Costs, _Extent], Compared]]] = {
    "nodes": (
        "Three nodes on S3, clients in a closed loop",
        partial(_nodes, balanced=False),
    ),
    "balancer": (
        "The same behind HAProxy",
        partial(_nodes, balanced=True),
    ),
    "crowd": ("Hosts at two mirrors, all at once", _crowd),
}
