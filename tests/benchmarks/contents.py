"""Blobs to push: made without cost, each with a digest of its own."""

import hashlib
import os
import socket
import ssl
from dataclasses import dataclass

from tests.benchmarks.connections import Connection

MIB = 1 << 20
#: What docker writes at once, and so the size of its chunks.
BLOCK = 32 * 1024
_BLOCKS = 512
_UNIQUE = 32


@dataclass(frozen=True)
class Blob:
    """The pattern, repeated, and a last block that no other blob has."""

    digest: str
    size: int
    last: bytes


class Contents:
    """Random bytes that all blobs share, plain and framed as chunks, in memory files.

    A blob is told from others by its last block, so the hash of what precedes it is
    computed once for a size.
    """

    def __init__(self) -> None:
        self._pattern = os.urandom(_BLOCKS * BLOCK)
        blocks = [
            self._pattern[start : start + BLOCK]
            for start in range(0, len(self._pattern), BLOCK)
        ]
        self._plain = _Source(self._pattern)
        self._framed = _Source(b"".join(map(_chunk, blocks)))
        self._hashes = {0: hashlib.sha256()}

    def blob(self, size: int) -> Blob:
        """Invent a blob of whole blocks."""
        before = size - BLOCK
        if before not in self._hashes:
            shared = hashlib.sha256()
            for start in range(0, before, len(self._pattern)):
                shared.update(memoryview(self._pattern)[: before - start])
            self._hashes[before] = shared
        whole = self._hashes[before].copy()
        last = os.urandom(_UNIQUE) + self._pattern[_UNIQUE:BLOCK]
        whole.update(last)
        return Blob(f"sha256:{whole.hexdigest()}", size, last)

    def send(self, to: socket.socket, blob: Blob) -> None:
        """Send a blob as it is."""
        self._repeat(to, self._plain, blob.size // BLOCK - 1, BLOCK)
        to.sendall(blob.last)

    def send_chunks(self, to: socket.socket, blob: Blob) -> None:
        """Send a blob in chunks, to its end."""
        self.send_some_chunks(to, blob.size - BLOCK)
        to.sendall(_chunk(blob.last) + b"0\r\n\r\n")

    def send_some_chunks(self, to: socket.socket, size: int) -> None:
        """Send the beginning of a blob in chunks, without an end."""
        self._repeat(to, self._framed, size // BLOCK, len(_chunk(b"")) + BLOCK)

    def _repeat(
        self, to: socket.socket, source: "_Source", blocks: int, width: int
    ) -> None:
        length = _BLOCKS * width
        position, end = 0, blocks * width
        while position < end:
            start = position % length
            count = min(end - position, length - start)
            position += source.send(to, start, count)


class _Source:
    """Bytes to send, in memory and in a file of the kernel's."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._file = _memory_file(data)

    def send(self, to: socket.socket, start: int, count: int) -> int:
        """Send a part; tell how much was taken."""
        if isinstance(to, ssl.SSLSocket):
            return to.send(self._data[start : start + count])
        return os.sendfile(to.fileno(), self._file, start, count)


def push(connection: Connection, name: str, contents: Contents, blob: Blob) -> None:
    """Push with a known length: POST, then PUT with the body."""
    connection.send("POST", f"/v2/{name}/blobs/uploads/", "Content-Length: 0")
    target = connection.expect(202).location(digest=blob.digest)
    connection.send(
        "PUT",
        target,
        f"Content-Length: {blob.size}",
        "Content-Type: application/octet-stream",
    )
    contents.send(connection.socket, blob)
    connection.expect(201)


def push_chunks(
    connection: Connection, name: str, contents: Contents, blob: Blob
) -> None:
    """Push as docker does: POST, PATCH in chunks of 32 KiB, PUT without a body."""
    _patch(connection, name)
    contents.send_chunks(connection.socket, blob)
    target = connection.expect(202).location(digest=blob.digest)
    connection.send("PUT", target, "Content-Length: 0")
    connection.expect(201)


def push_beginning(
    connection: Connection, name: str, contents: Contents, size: int
) -> None:
    """Begin a push as docker does, and stop after so many bytes."""
    _patch(connection, name)
    contents.send_some_chunks(connection.socket, size)


def _patch(connection: Connection, name: str) -> None:
    connection.send("POST", f"/v2/{name}/blobs/uploads/", "Content-Length: 0")
    target = connection.expect(202).location()
    connection.send(
        "PATCH",
        target,
        "Transfer-Encoding: chunked",
        "Content-Type: application/octet-stream",
    )


def _chunk(data: bytes) -> bytes:
    return b"%04x\r\n%b\r\n" % (len(data), data)


def _memory_file(data: bytes) -> int:
    file = os.memfd_create("blob")
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    return file
