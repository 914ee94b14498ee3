"""Small requests: a closed loop over many connections, in one thread."""

import gc
import hashlib
import json
import re
import select
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.connections import Connection, head
from tests.benchmarks.contents import BLOCK, Contents, push
from tests.benchmarks.costs import cost, memory
from tests.benchmarks.report import Measure, MeasureError, Sample, Samples
from tests.benchmarks.servers import Server, Side

KINDS = ("manifest by tag", "manifest by digest", "blob HEAD")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_NAME = "benchmarks/requests"
_LAYERS = 8
_GOOD = b"HTTP/1.1 200"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE = 30.0


class Load:
    """Send one request over and over on every connection, each as soon as answered.

    A context manager that closes the connections.

    Args:
        server: The registry.
        request: The request's bytes.
        connections: How many to open.
    """

    def __init__(self, server: Server, request: bytes, connections: int) -> None:
        self._request = request
        self._bodiless = request.startswith(b"HEAD")
        self._partial: dict[int, bytes] = {}
        self._usual = 0
        #: Seconds from each request to the end of its response, in the last run.
        self.latencies: list[float] = []
        with ExitStack() as opened:
            new = [opened.enter_context(server.connect()) for _ in range(connections)]
            self._stack = opened.pop_all()
        self._sockets = {each.fileno(): each for each in new}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def run(self, seconds: float) -> None:
        """Run the loop.

        Raises:
            MeasureError: A response other than 200, or none.
        """
        self.latencies = []
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._loop(seconds)
        finally:
            if collecting:
                gc.enable()

    def percentile(self, part: float) -> float:
        """Return the seconds that a part of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    def _loop(self, seconds: float) -> None:
        sockets = self._sockets
        clock, request, record = time.perf_counter, self._request, self.latencies.append
        poll = select.epoll()
        with poll:
            begun = {}
            deadline = clock() + seconds
            for number, each in sockets.items():
                poll.register(number, select.EPOLLIN)
                begun[number] = clock()
                each.send(request)
            active = len(sockets)
            while active:
                events = poll.poll(_PATIENCE)
                if not events:
                    raise MeasureError("the registry does not answer")
                for number, _ in events:
                    each = sockets[number]
                    data = each.recv(65536)
                    # Nearly always a whole response, as long as the one before.
                    usual = len(data) == self._usual and data.startswith(_GOOD)
                    if not usual and not self._whole(number, data):
                        continue
                    now = clock()
                    record(now - begun[number])
                    if now < deadline:
                        begun[number] = now
                        each.send(request)
                    else:
                        active -= 1

    def _whole(self, number: int, data: bytes) -> bool:
        """Add to a response that is not as usual; tell whether it has ended."""
        if not data:
            raise MeasureError("the registry closed the connection")
        data = self._partial.pop(number, b"") + data
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            if not data.startswith(_GOOD):
                raise MeasureError(f"answered {data[9:12].decode(errors='replace')}")
            length = _LENGTH.search(data, 0, end)
            if length is None and not self._bodiless:
                raise MeasureError("a response without Content-Length")
            body = int(length[1]) if length and not self._bodiless else 0
            if len(data) == end + 4 + body:
                self._usual = len(data)
                return True
        self._partial[number] = data
        return False


def measure_requests(
    contents: Contents,
    kind: str,
    connections: tuple[int, ...],
    seconds: float,
    *,
    side: Side,
    place: Path,
) -> Samples:
    """Ask for the same small thing, by few and by many connections."""
    with side.start(place) as server, Connection(server) as connection:
        request = _requests(connection, contents)[kind]
    with side.start(place) as server:
        for number in connections:
            yield from _measure(server, request, kind, number, seconds)
        yield memory("small requests", f"{kind}, all of these", server)


def _measure(
    server: Server, request: bytes, kind: str, connections: int, seconds: float
) -> Samples:
    opening = time.perf_counter()
    with Load(server, request, connections) as load:
        opened = time.perf_counter() - opening
        load.run(seconds / 10)
        spent = cost(server, partial(load.run, seconds))
    thousands = len(load.latencies) / 1000
    plural = "s" if connections > 1 else ""
    measure = partial(
        Measure, "small requests", f"{kind}, {connections} connection{plural}"
    )
    yield Sample(measure("connecting, ms", "<1"), opened * 1000)
    yield Sample(measure("requests/s", ">1"), thousands * 1000 / spent.seconds)
    yield Sample(measure("p50, ms", "<1"), load.percentile(0.5) * 1000)
    yield Sample(measure("p99, ms", "<1"), load.percentile(0.99) * 1000)
    yield Sample(measure("server CPU, s/1000", "<1"), spent.server / thousands)
    yield Sample(measure("client CPU, s/1000", ""), spent.client / thousands)


def _requests(connection: Connection, contents: Contents) -> dict[str, bytes]:
    """Push an image, and spell the requests that ask for its parts."""
    blobs = [contents.blob(BLOCK) for _ in range(_LAYERS + 1)]
    for blob in blobs:
        push(connection, _NAME, contents, blob)
    config, *layers = (
        {"mediaType": kind, "digest": blob.digest, "size": blob.size}
        for kind, blob in zip([CONFIG] + [LAYER] * _LAYERS, blobs, strict=True)
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": layers,
    }
    body = json.dumps(manifest).encode()
    connection.send(
        "PUT",
        f"/v2/{_NAME}/manifests/latest",
        f"Content-Type: {MANIFEST}",
        f"Content-Length: {len(body)}",
        body=body,
    )
    connection.expect(201)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    accept = f"Accept: {MANIFEST}"
    spelled = (
        head("GET", f"/v2/{_NAME}/manifests/latest", accept),
        head("GET", f"/v2/{_NAME}/manifests/{digest}", accept),
        head("HEAD", f"/v2/{_NAME}/blobs/{blobs[-1].digest}"),
    )
    return dict(zip(KINDS, spelled, strict=True))
