"""The same layers pulled by version 1 and by version 2, side by side.

``python -m tests.benchmarks.versions`` prints the ratios; ``--quick`` in small.
"""

import argparse
import json
import platform
import re
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.blobs import amount
from tests.benchmarks.connections import Connection
from tests.benchmarks.contents import MIB, Blob, Contents, push
from tests.benchmarks.costs import cost, memory, together, transfer
from tests.benchmarks.report import MeasureError, Report
from tests.benchmarks.servers import Server, Side, this_command

_NAME = "benchmarks/versions"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_BUFFER = MIB
_TOKEN = re.compile(rb"\r\nx-docker-token: *([^\r]+)", re.IGNORECASE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.versions")
    parser.add_argument("--quick", action="store_true", help="in small")
    parser.add_argument("--rounds", type=int, metavar="N", default=7)
    options = parser.parse_args(arguments)
    rounds = 2 if options.quick else options.rounds
    sizes = (16 * MIB,) if options.quick else (MIB, 100 * MIB)
    traffic = (32 if options.quick else 1024) * MIB
    facts = {
        "machine": f"{platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "method": f"medians of {rounds} alternating rounds; ratio = first / second",
    }
    report = Report("version 1", "version 2", facts)
    contents = Contents()
    with TemporaryDirectory(prefix="versions-") as name:
        for size in sizes:
            for number, which in _turns(rounds):
                print(f"{amount(size)}: round {number + 1}, {which}", file=sys.stderr)
                place = Path(name) / f"{size}-{number}-{which.replace(' ', '')}"
                place.mkdir()
                _measure(report, number, which, contents, size, traffic, place)
    print(report.markdown(), end="")
    return 0


def _turns(rounds: int) -> Iterator[tuple[int, str]]:
    for number in range(rounds):
        yield number, "version 1"
        yield number, "version 2"


def _measure(
    report: Report,
    number: int,
    which: str,
    contents: Contents,
    size: int,
    traffic: int,
    place: Path,
) -> None:
    """Pull one layer over and over by one version, from a server of its own."""
    layer = contents.blob(size)
    with Side("this", this_command()).start(place) as server:
        target, *headers = _push_image(server, contents, layer)
        if which == "version 2":
            target, headers = f"/v2/{_NAME}/blobs/{layer.digest}", []
        for clients in (1, 8):
            count = max(clients, traffic // size)
            turns = deque(range(count))
            with ExitStack() as stack:
                work = [
                    partial(
                        _pull,
                        stack.enter_context(Connection(server)),
                        target,
                        headers,
                        size,
                        turns,
                    )
                    for _ in range(clients)
                ]
                spent = cost(server, partial(together, work))
            cell = f"{amount(size)}, {clients} clients"
            for sample in transfer("pull", cell, count * size, spent):
                report.add(which, number, sample)
        report.add(which, number, memory("pull", f"{amount(size)}, all", server))


def _push_image(server: Server, contents: Contents, layer: Blob) -> tuple[str, str]:
    """Push an image of one layer; give where version 1 has that, and for what token."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        }
    ).encode()
    digest = sha256(config).hexdigest()
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {
            "mediaType": _CONFIG,
            "size": len(config),
            "digest": f"sha256:{digest}",
        },
        "layers": [{"mediaType": _LAYER, "size": layer.size, "digest": layer.digest}],
    }
    with Connection(server) as connection:
        push(connection, _NAME, contents, layer)
        _send(
            connection,
            "POST",
            f"/v2/{_NAME}/blobs/uploads/?digest=sha256:{digest}",
            "application/octet-stream",
            config,
        )
        _send(
            connection,
            "PUT",
            f"/v2/{_NAME}/manifests/latest",
            _MANIFEST,
            json.dumps(manifest).encode(),
        )
        connection.send(
            "GET", f"/v1/repositories/{_NAME}/images", "X-Docker-Token: true"
        )
        found = _TOKEN.search(connection.expect(200).head)
        if found is None:
            raise MeasureError("no token was handed out")
        authorization = f"Authorization: Token {found[1].decode()}"
        connection.send("GET", f"/v1/images/{digest}/ancestry", authorization)
        connection.expect(200)
    return f"/v1/images/{digest}/layer", authorization


def _send(
    connection: Connection, method: str, target: str, kind: str, body: bytes
) -> None:
    headers = (f"Content-Length: {len(body)}", f"Content-Type: {kind}")
    connection.send(method, target, *headers, body=body)
    connection.expect(201)


def _pull(
    connection: Connection,
    target: str,
    headers: Sequence[str],
    size: int,
    turns: deque[int],
) -> None:
    buffer = bytearray(_BUFFER)
    while turns:
        try:
            turns.popleft()
        except IndexError:
            return
        connection.send("GET", target, *headers)
        response = connection.receive()
        if response.status != 200 or connection.discard(response, buffer) != size:
            raise MeasureError(f"{target} was answered {response.status}")


if __name__ == "__main__":
    sys.exit(main())
