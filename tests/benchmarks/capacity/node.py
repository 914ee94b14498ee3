"""What a node serves: for each resource, how much it lets through; the least counts."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tests.benchmarks.capacity.costs import Costs

#: What of a link is payload: 1448 of 1538 bytes of a frame that TCP fills.
PAYLOAD = 1448 / 1538
#: How often a push in chunks waits for the disk to have something: counted, for a blob.
DURABLE = 7
#: Connections that docker makes for an image: one, and as it pulls three layers.
CONNECTIONS = 4
#: What docker asks for before layers: /v2/, a tag, a manifest, a configuration.
QUESTIONS = 4
#: Bytes of the blobs by which pushes were measured.
MEASURED = 100 * (1 << 20)
#: Bytes in the same time as a thousand of anything small: one GB is 10⁹ bytes.
GB = 1e9


@dataclass(frozen=True)
class Node:
    """A machine.

    Args:
        cores: Its processors, as the kernel counts them.
        network: Bits a second, each way.
        disk: Bytes a second that the disk reads or writes.
        iops: Writes a second that the disk makes durable.
        memory: Bytes.
        workers: Processes that serve; 0 for as many as there are processors.
    """

    cores: float
    network: float
    disk: float
    iops: float
    memory: float
    workers: int = 0

    @property
    def processes(self) -> int:
        """How many processes serve."""
        return self.workers or max(1, math.floor(self.cores))

    @property
    def processors(self) -> float:
        """How many processors they can use: each process about one."""
        return min(self.cores, self.processes)

    @property
    def payload(self) -> float:
        """Bytes a second that the network takes each way, without headers."""
        return self.network / 8 * PAYLOAD

    def cache(self, costs: Costs, transfers: float = 0) -> float:
        """Return the bytes that are left for files that the kernel keeps."""
        alone = self.processes == 1
        processes = costs.process * (1 if alone else self.processes + 1)
        return max(0.0, self.memory - processes - transfers * costs.pusher)

    def resources(self) -> Mapping[str, float]:
        """Return what there is of everything in a second."""
        return {
            "processors": self.processors,
            "network out": self.payload,
            "network in": self.payload,
            "disk": self.disk,
            "durable writes": self.iops,
        }


@dataclass(frozen=True)
class Work:
    """Something that a node does, and what one of it takes of each resource.

    Args:
        name: What it is.
        unit: What is counted.
        takes: Seconds of CPU, bytes of network and disk, durable writes.
    """

    name: str
    unit: str
    takes: Mapping[str, float]

    def beside(self, cpu: float) -> "Work":
        """The same, where somebody else on the machine needs CPU for it too."""
        takes = {**self.takes, "processors": self.takes["processors"] + cpu}
        return replace(self, takes=takes)


@dataclass(frozen=True)
class Served:
    """How much of a work a node does.

    Args:
        rate: How much of it in a second.
        bottleneck: What holds it up.
        loads: Which part of each resource is in use then.
    """

    rate: float
    bottleneck: str
    loads: Mapping[str, float]


def serve(node: Node, work: Work) -> Served:
    """Compute what a node does of one work, if it does nothing else."""
    there = node.resources()
    limits = {name: there[name] / used for name, used in work.takes.items() if used}
    bottleneck = min(limits, key=limits.__getitem__)
    rate = limits[bottleneck]
    loads = {name: rate * used / there[name] for name, used in work.takes.items()}
    return Served(rate, bottleneck, loads)


def mix(name: str, unit: str, parts: Iterable[tuple[Work, float]]) -> Work:
    """Make one work of several: so much of each for one of it."""
    takes: dict[str, float] = {}
    for part, count in parts:
        for resource, used in part.takes.items():
            takes[resource] = takes.get(resource, 0.0) + used * count
    return Work(name, unit, takes)


def pull(cpu: float, *, cold: float = 0.0, through: bool = False) -> Work:
    """A GB that is pulled.

    Args:
        cpu: What it costs.
        cold: Which part of it comes from the disk.
        through: Whether it comes from an object store by the network.
    """
    takes = {"processors": cpu, "network out": GB, "disk": cold * GB}
    return Work("pull", "GB", takes | ({"network in": GB} if through else {}))


def push_cost(cpu: float, each: float, size: float) -> float:
    """Return what a GB costs that is pushed in blobs of some size.

    Args:
        cpu: What it costs in large ones.
        each: What a thousand small blobs cost.
        size: Bytes of a blob.
    """
    return max(cpu + each / 1000 * (GB / size - GB / MEASURED), cpu / 2)


def push(cpu: float, size: float, *, through: bool = False) -> Work:
    """A GB that is pushed.

    Args:
        cpu: What it costs, in blobs of this size.
        size: Bytes of a blob.
        through: Whether it goes to an object store by the network.
    """
    takes = {"processors": cpu, "network in": GB}
    if through:
        return Work("push", "GB", takes | {"network out": GB})
    kept = {"disk": GB, "durable writes": DURABLE * GB / size}
    return Work("push", "GB", takes | kept)


def small(cpu: float) -> Work:
    """A thousand small requests, or connections: all that they need is in memory."""
    return Work("small", "thousand", {"processors": cpu})


def cold_part(node: Node, costs: Costs, hot: float) -> float:
    """Return which part of what is pulled comes from the disk.

    Args:
        node: The node.
        costs: What processes need of its memory.
        hot: Bytes of content that is pulled, all of it as often.
    """
    return max(0.0, 1 - node.cache(costs) / hot) if hot else 0.0


def works(
    node: Node, costs: Costs, *, hot: float, blob: float, image: float, layers: int
) -> Iterator[Work]:
    """Give everything that a node is asked to do.

    Args:
        node: The node, whose memory decides what comes from its disk.
        costs: What things cost.
        hot: Bytes of content that is pulled.
        blob: Bytes of a blob that is pushed.
        image: Bytes of an image.
        layers: How many layers it has.
    """
    cold = cold_part(node, costs, hot)
    colder = max(costs.pull, costs.pull_cold) - costs.pull
    plain = pull(costs.pull + cold * colder, cold=cold)
    secret = pull(costs.tls_pull + cold * colder, cold=cold)
    through = pull(costs.s3_pull, through=True)
    redirect, manifest = small(costs.redirect), small(costs.manifest)
    connect, remote = small(costs.connect), small(costs.s3_manifest)
    yield replace(plain, name="pull, files")
    yield replace(secret, name="pull, files, TLS")
    yield replace(through, name="pull, through S3")
    swift = pull(costs.swift_pull, through=True)
    yield replace(swift, name="pull, through Swift")
    for name, cpu, each, remote_ in (
        ("files", costs.push, costs.blob, False),
        ("files, TLS", costs.tls_push, costs.blob, False),
        ("to S3", costs.s3_push, costs.s3_blob, True),
    ):
        cost = push_cost(cpu, each, blob)
        yield replace(push(cost, blob, through=remote_), name=f"push, {name}")
    # A blob costs about as much by either interface.
    cost = push_cost(costs.swift_push, costs.s3_blob, blob)
    swift = push(cost, blob, through=True)
    yield replace(swift, name="push, to Swift")
    filled = {"processors": costs.fill + costs.follow, "disk": GB}
    filled |= {"network in": GB, "network out": GB}
    yield Work("mirror, first pull", "GB", filled)
    followed = {"processors": costs.follow, "network out": GB}
    yield Work("mirror, while it comes", "GB", followed)
    yield replace(manifest, name="manifest by tag")
    yield replace(small(costs.head), name="blob HEAD")
    yield replace(redirect, name="redirect to S3")
    yield replace(connect, name="new mTLS connection")
    yield replace(small(costs.resume), name="resumed mTLS connection")
    hello = (connect, CONNECTIONS / 1000)
    asked = QUESTIONS / 1000
    bytes_ = image / GB
    secret_through = pull(costs.s3_pull + costs.tls_pull - costs.pull, through=True)
    for how, parts in (
        ("files", ((manifest, asked), (secret, bytes_))),
        ("through S3", ((remote, asked), (secret_through, bytes_))),
        ("redirected", ((remote, asked), (redirect, layers / 1000))),
    ):
        yield mix(f"image, {how}, TLS", "image", (hello, *parts))


def worthwhile_redirect(costs: Costs) -> float:
    """Return the bytes of a blob above which a redirect costs less than passing it."""
    return costs.redirect / 1000 / costs.s3_pull * GB


def worthwhile_workers(node: Node, work: Work) -> int:
    """Return how many processes do all of a work that anything else lets through."""
    there = node.resources()
    limits = [
        there[name] / used
        for name, used in work.takes.items()
        if used and name != "processors"
    ]
    if not limits:
        return max(1, math.floor(node.cores))
    wanted = math.ceil(min(limits) * work.takes["processors"] - 1e-9)
    return max(1, min(wanted, math.floor(node.cores)))


def nodes_for(demand: float, served: Served, load: float, spare: int = 1) -> int:
    """Return how many nodes do so much in a second.

    Args:
        demand: How much is asked for in a second.
        served: What one does.
        load: How much of that they are to do at most, so that nobody waits.
        spare: How many may be down.
    """
    return math.ceil(demand / (served.rate * load) - 1e-9) + spare
