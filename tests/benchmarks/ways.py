"""The ways in which clients push a blob, each request of which reaches another node."""

import hashlib
import itertools
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.connections import Connection, Response
from tests.benchmarks.contents import BLOCK, MIB
from tests.benchmarks.report import MeasureError
from tests.benchmarks.servers import Server

_NAME = "benchmarks/volume"
_ELSEWHERE = "benchmarks/elsewhere"
_TYPE = "Content-Type: application/octet-stream"
_BUFFER = MIB
_COUNTER = 16
_END = b"0\r\n\r\n"
_RANGES = 5


class Volume:
    """A blob of any size, no two blocks of which are the same; one is in memory.

    Args:
        size: Its bytes.
        seed: Another one makes another blob.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        block = random.Random(seed).randbytes(MIB)  # noqa: S311 - no secret
        self._plain = bytearray(block)
        frame = b"%x\r\n" % BLOCK
        pieces = (block[start : start + BLOCK] for start in range(0, MIB, BLOCK))
        self._framed = bytearray(b"".join(b"%b%b\r\n" % (frame, p) for p in pieces))
        self._frame = len(frame)
        hashing = hashlib.sha256()
        for part in self._blocks(0, size):
            hashing.update(part)
        #: Its digest.
        self.digest = f"sha256:{hashing.hexdigest()}"

    def send(self, to: socket.socket, start: int, stop: int) -> None:
        """Send a part, which begins with a block."""
        for block in self._blocks(start, stop):
            to.sendall(block)

    def send_chunks(self, to: socket.socket) -> None:
        """Send all of it in chunks, as Go's clients do."""
        whole, end = self.size // MIB, self._frame + _COUNTER
        for number in range(whole):
            self._framed[self._frame : end] = self._count(number)
            to.sendall(self._framed)
        for block in self._blocks(whole * MIB, self.size):
            to.sendall(b"%x\r\n%b\r\n" % (len(block), bytes(block)))
        to.sendall(_END)

    def _blocks(self, start: int, stop: int) -> Iterator[memoryview]:
        """Give blocks, each of which is good until the next one is asked for."""
        view = memoryview(self._plain)
        for position in range(start, stop, MIB):
            self._plain[:_COUNTER] = self._count(position // MIB)
            yield view[: stop - position]

    def _count(self, number: int) -> bytes:
        return number.to_bytes(_COUNTER)


class Nodes:
    """Registries on one store, of which each request reaches the next.

    Args:
        servers: The nodes.
    """

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = servers
        self._turns = itertools.cycle(servers)

    def ask(
        self,
        method: str,
        target: str,
        *headers: str,
        status: int,
        send: Callable[[socket.socket], None] | None = None,
    ) -> Response:
        """Make a request on a new connection.

        Args:
            method: The method.
            target: The path and the query.
            headers: Header fields.
            status: The status that is expected.
            send: Sends the body.

        Raises:
            MeasureError: It was answered otherwise.
        """
        if send is None:
            headers += ("Content-Length: 0",)
        with Connection(next(self._turns)) as connection:
            connection.send(method, target, *headers)
            if send is not None:
                send(connection.socket)
            return connection.expect(status)

    def find(self, volume: Volume, *, there: bool) -> None:
        """Ask for a blob's head, as clients do before and after they push it."""
        target = f"/v2/{_NAME}/blobs/{volume.digest}"
        with Connection(next(self._turns)) as connection:
            connection.send("HEAD", target)
            response = connection.receive()
        expected = (200, volume.size) if there else (404, response.length)
        if (response.status, response.length) != expected:
            raise MeasureError(
                f"a blob's head has {response.status}, {response.length} bytes"
            )

    def pull(self, volume: Volume) -> None:
        """Pull a blob, and see that it is what was pushed."""
        hashing = hashlib.sha256()
        buffer = memoryview(bytearray(_BUFFER))
        with Connection(next(self._turns)) as connection:
            connection.send("GET", f"/v2/{_NAME}/blobs/{volume.digest}")
            response = connection.receive()
            if (response.status, response.length) != (200, volume.size):
                raise MeasureError(
                    f"a pull was answered {response.status}, {response.length} bytes"
                )
            hashing.update(response.body)
            left = response.length - len(response.body)
            while left:
                size = connection.socket.recv_into(buffer, min(left, _BUFFER))
                if not size:
                    raise MeasureError("a body that is cut off")
                hashing.update(buffer[:size])
                left -= size
        if f"sha256:{hashing.hexdigest()}" != volume.digest:
            raise MeasureError("what was pulled is not what was pushed")


@dataclass(frozen=True)
class Way:
    """A way to push.

    Args:
        name: What the report calls it.
        push: Pushes.
        digest_first: Whether the digest is known before the bytes come.
        read_again: What may be read again meanwhile, as a part of the blob.
    """

    name: str
    push: Callable[[Nodes, Volume], None]
    digest_first: bool = False
    read_again: float = 0.0


def _push_stream(nodes: Nodes, volume: Volume) -> None:
    """Push as docker, podman, skopeo and crane do."""
    nodes.find(volume, there=False)
    target = _begin(nodes, f"?mount={volume.digest}&from={_ELSEWHERE}")
    response = nodes.ask(
        "PATCH",
        target,
        "Transfer-Encoding: chunked",
        _TYPE,
        status=202,
        send=volume.send_chunks,
    )
    nodes.ask("PUT", response.location(digest=volume.digest), status=201)


def _push_put(nodes: Nodes, volume: Volume) -> None:
    """Push as containerd, oras and regctl do."""
    nodes.find(volume, there=False)
    _send_all(nodes, "PUT", _with_digest(_begin(nodes), volume), volume)


def _push_post(nodes: Nodes, volume: Volume) -> None:
    """Push in one request."""
    target = f"/v2/{_NAME}/blobs/uploads/?digest={volume.digest}"
    _send_all(nodes, "POST", target, volume)


def _push_ranges(nodes: Nodes, volume: Volume) -> None:
    """Push in ranges, as the specification has it for large blobs."""
    target = _begin(nodes)
    step = -(-volume.size // (_RANGES * MIB)) * MIB
    for start in range(0, volume.size, step):
        stop = min(start + step, volume.size)
        response = nodes.ask(
            "PATCH",
            target,
            f"Content-Length: {stop - start}",
            f"Content-Range: {start}-{stop - 1}",
            _TYPE,
            status=202,
            send=partial(volume.send, start=start, stop=stop),
        )
        target = response.location()
    nodes.ask("PUT", _with_digest(target, volume), status=201)


WAYS = (
    Way("POST, PATCH in chunks, PUT", _push_stream),
    Way("POST, PUT with the body", _push_put, digest_first=True),
    Way("POST with the body", _push_post, digest_first=True),
    # No node saw all of it: it is read once, at the end.
    Way("POST, PATCH of five ranges, PUT", _push_ranges, read_again=1.0),
)


def _begin(nodes: Nodes, query: str = "") -> str:
    target = f"/v2/{_NAME}/blobs/uploads/{query}"
    return nodes.ask("POST", target, status=202).location()


def _with_digest(target: str, volume: Volume) -> str:
    mark = "&" if "?" in target else "?"
    return f"{target}{mark}digest={volume.digest}"


def _send_all(nodes: Nodes, method: str, target: str, volume: Volume) -> None:
    nodes.ask(
        method,
        target,
        f"Content-Length: {volume.size}",
        _TYPE,
        status=201,
        send=partial(volume.send, start=0, stop=volume.size),
    )
