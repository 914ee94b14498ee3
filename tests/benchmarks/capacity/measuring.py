"""Measure what work costs: CPU time of the server, and its memory."""

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from pathlib import Path

from tests.benchmarks.backends import BACKENDS, Backend, Store
from tests.benchmarks.bench import FULL, Bench, push_image
from tests.benchmarks.blobs import pull_all, push_all
from tests.benchmarks.certificates import Certificates
from tests.benchmarks.connections import Connection
from tests.benchmarks.contents import BLOCK, MIB, Blob, Contents, push, push_chunks
from tests.benchmarks.costs import cost, together
from tests.benchmarks.driver import Driver
from tests.benchmarks.load import MANIFEST
from tests.benchmarks.servers import HOST, Server, Side, twistd_command
from tests.benchmarks.transfers import forget

Measured = Iterator[tuple[str, float]]

_NAME = "benchmarks/blobs"
_IMAGE = "benchmarks/small"
_ACCEPT = f"Accept: {MANIFEST}"
_REDIRECT = 307
#: Transfers at a time, where memory is looked at.
_MANY = 32


@dataclass(frozen=True)
class Extent:
    """How much is done.

    Args:
        size: Bytes of a blob.
        pulls: How many are pulled.
        pushes: How many are pushed.
        clients: How many pull or push at a time.
        crowd: How many want one blob of a mirror.
        stored: How many blobs go to an object store.
        seconds: How long small things go on.
        redirects: How many redirects are asked for.
    """

    size: int
    pulls: int
    pushes: int
    clients: int
    crowd: int
    stored: int
    seconds: float
    redirects: int


USUAL = Extent(100 * MIB, 64, 24, 8, 32, 6, 3.0, 2000)
SMALL = Extent(4 * MIB, 4, 2, 2, 4, 1, 0.1, 20)


@dataclass(frozen=True)
class Measuring:
    """Everything that is measured, in parts.

    Args:
        program: The client, built.
        folder: Where stores and certificates go.
        extent: How much is done.
    """

    program: Path
    folder: Path
    extent: Extent

    def parts(self) -> dict[str, Callable[[], Measured]]:
        """Give the parts by name."""
        return {
            "plain": self.plain,
            "tls": self.tls,
            "s3": partial(self.stored, BACKENDS[0]),
            "swift": partial(self.stored, BACKENDS[1]),
            "mirror": partial(self.mirror, secret=False),
            "mirror-tls": partial(self.mirror, secret=True),
        }

    def plain(self) -> Measured:
        """Measure without TLS, on local files."""
        extent = self.extent
        with self._serving(ours()) as (server, data):
            idle = server.share()
            yield "process", idle
            yield "verify", _hashed(extent.size)
            driver = Driver(self.program, server)
            bench = Bench(driver, FULL, data)
            push_image(bench, _IMAGE, 8)
            path = f"/v2/{_IMAGE}/manifests/v0"
            yield "manifest", self._asked(driver, "GET", path)
            digest = driver.run("push", repository=_IMAGE, size=1024).digests[0]
            yield "head", self._asked(driver, "HEAD", f"/v2/{_IMAGE}/blobs/{digest}")
            yield "push", self._pushed(driver)
            yield "blob", self._little(server, 30)
            digest = driver.run("push", size=extent.size).digests[0]
            yield "pull", self._pulled(driver, digest)
            spent, size = 0.0, 0
            for _ in range(max(1, extent.pulls // 16)):
                forget(data)
                # A client at a time, as the second one would find it in memory.
                done = driver.run("pull", digest=digest, size=extent.size, verify=False)
                spent, size = spent + done.server, size + done.size
            yield "pull_cold", spent / (size / 1e9)
        for name, mode in (("puller", "pull"), ("pusher", "push")):
            with self._serving(ours()) as (server, _):
                yield name, self._grows(server, mode)

    def tls(self) -> Measured:
        """Measure with client certificates."""
        certificates = Certificates(self.folder)
        side = replace(ours(), certificates=certificates)
        with self._serving(side) as (server, _):
            driver = Driver(self.program, server, certificates)
            for name, resumed in (("connect", False), ("resume", True)):
                done = driver.run(
                    "handshakes",
                    clients=self.extent.clients,
                    seconds=self.extent.seconds,
                    resumed=resumed,
                )
                yield name, done.server / done.operations * 1000
            yield "tls_push", self._pushed(driver)
            digest = driver.run("push", size=self.extent.size).digests[0]
            yield "tls_pull", self._pulled(driver, digest)

    def stored(self, backend: Backend) -> Measured:
        """Measure with an object store, whose own CPU is not counted."""
        extent, contents = self.extent, Contents()
        with Store(backend) as store:
            through = replace(ours(), storage=store.storage())
            blobs = [contents.blob(extent.size) for _ in range(extent.stored)]
            with self._serving(through) as (server, _):
                pushing = partial(push_all, push_chunks)
                spent = _served(
                    server,
                    [
                        partial(pushing, contents=contents, blobs=deque((blob,)))
                        for blob in blobs
                    ],
                )
                size = sum(blob.size for blob in blobs) / 1e9
                yield f"{backend.name}_push", spent / size
                pulling = [
                    partial(pull_all, blob=blob, part=None, turns=deque((0,)))
                    for blob in blobs
                ]
                yield f"{backend.name}_pull", _served(server, pulling) / size
                if backend.name != "s3":
                    return
                driver = Driver(self.program, server)
                push_image(Bench(driver, FULL, self.folder), _IMAGE, 2)
                path = f"/v2/{_IMAGE}/manifests/v0"
                yield "s3_blob", self._little(server, 6)
                yield "s3_manifest", self._asked(driver, "GET", path)
            redirected = replace(through, storage=store.storage(redirects=True))
            with self._serving(redirected) as (server, _):
                each = extent.redirects // extent.clients
                asking = [partial(_redirects, blob=blobs[0], times=each)]
                count = each * extent.clients
                spent = _served(server, asking * extent.clients)
                yield "redirect", spent / count * 1000

    def mirror(self, *, secret: bool) -> Measured:
        """Measure a mirror of a registry of ours.

        Args:
            secret: Whether its clients speak TLS.
        """
        extent, contents = self.extent, Contents()
        certificates = Certificates(self.folder) if secret else None
        blobs = [contents.blob(extent.size) for _ in range(8)]
        with self._serving(ours()) as (upstream, _):
            with Connection(upstream) as connection:
                for blob in blobs:
                    push(connection, _NAME, contents, blob)
            os.sync()
            side = replace(mirror_of(upstream.port), certificates=certificates)
            with self._serving(side) as (server, _):
                alone, crowd = blobs[:4], blobs[4:]
                size = sum(blob.size for blob in alone) / 1e9
                one = sum(_served(server, _pulling(blob, 1)) for blob in alone) / size
                many = sum(
                    _served(server, _pulling(blob, extent.crowd)) for blob in crowd
                )
                follow = max(0.0, (many / size - one) / (extent.crowd - 1))
                yield "tls_follow" if secret else "follow", follow
                if not secret:
                    yield "fill", one - follow

    @contextmanager
    def _serving(self, side: Side) -> Iterator[tuple[Server, Path]]:
        place = Path(self.folder, f"place-{len(list(self.folder.iterdir()))}")
        place.mkdir()
        with side.start(place) as server:
            yield server, place / "data"

    def _asked(self, driver: Driver, method: str, path: str) -> float:
        done = driver.run(
            "requests",
            method=method,
            path=path,
            header=_ACCEPT,
            clients=32,
            seconds=self.extent.seconds,
        )
        return done.server / done.operations * 1000

    def _pushed(self, driver: Driver) -> float:
        extent = self.extent
        os.sync()
        done = driver.run(
            "push",
            size=extent.size,
            clients=min(extent.clients, extent.pushes),
            count=extent.pushes,
            chunked=True,
        )
        return done.server / (done.size / 1e9)

    def _little(self, server: Server, factor: int) -> float:
        """Push small blobs, some times as many as large ones."""
        contents, clients = Contents(), self.extent.clients
        count = self.extent.pushes * factor
        left = deque(contents.blob(BLOCK) for _ in range(count))
        pushing = partial(push_all, push_chunks, contents=contents, blobs=left)
        return _served(server, [pushing] * clients) / count * 1000

    def _pulled(self, driver: Driver, digest: str) -> float:
        extent = self.extent
        done = driver.run(
            "pull",
            digest=digest,
            size=extent.size,
            clients=extent.clients,
            count=extent.pulls,
        )
        return done.server / (done.size / 1e9)

    def _grows(self, server: Server, mode: str) -> float:
        """Return by how much memory grows for each of many that do the same."""
        driver = Driver(self.program, server)
        told: dict[str, object] = {"size": self.extent.size, "chunked": True}
        if mode == "pull":
            told["digest"] = driver.run("push", size=self.extent.size).digests[0]
        before = server.memory()
        driver.run(mode, clients=_MANY, count=_MANY, **told)
        return (server.memory() - before) / _MANY


def mirror_of(port: int, workers: int = 1) -> Side:
    """Give a side that is a mirror of what listens at a port."""
    url = f"http://{HOST}:{port}"
    return replace(ours(workers), more=f'proxy: {{remoteurl: "{url}"}}')


def ours(workers: int = 1) -> Side:
    """Give this registry, with so many workers."""
    command = twistd_command(f"--config {{config}} --workers {workers}")
    return Side("txregistry", command)


def _pulling(blob: Blob, clients: int) -> list[Callable[[Connection], None]]:
    return [
        partial(pull_all, blob=blob, part=None, turns=deque((0,)))
        for _ in range(clients)
    ]


def _hashed(size: int) -> float:
    """Return the seconds of CPU that it takes to hash a GB."""
    data, hashing, times = bytes(MIB), hashlib.sha256(), size // MIB
    started = time.process_time()
    for _ in repeat(None, times):
        hashing.update(data)
    return (time.process_time() - started) / (times * MIB / 1e9)


def _redirects(connection: Connection, blob: Blob, times: int) -> None:
    for _ in repeat(None, times):
        connection.send("GET", f"/v2/{_NAME}/blobs/{blob.digest}")
        connection.expect(_REDIRECT)


def _served(server: Server, work: Sequence[Callable[[Connection], None]]) -> float:
    """Let clients work, each on a connection; return the server's CPU seconds."""
    with ExitStack() as stack:
        clients = [
            partial(each, stack.enter_context(Connection(server))) for each in work
        ]
        return cost(server, partial(together, clients)).server
