"""A blob larger than the memory that the registry may have."""

import hashlib
import http.client
import os
from collections.abc import Iterator
from contextlib import closing

from tests.integration.clients import case
from tests.integration.clients.remote import with_digest

SIZE = int(os.environ.get("TXREGISTRY_BIG_BLOB_MIB", "256")) * 1024 * 1024
MEMORY = 150 * 1024 * 1024
BLOCK = hashlib.shake_256(b"a block").digest(1024 * 1024)


class SizeTests(case.ClientCase):
    def setUp(self) -> None:
        super().setUp()
        hashing = hashlib.sha256()
        for block in blocks():
            hashing.update(block)
        self.digest = f"sha256:{hashing.hexdigest()}"

    def send(self, **framing: str) -> None:
        """Push the blob with one PUT."""
        path = self.remote.demand(202, "POST", "/v2/big/blobs/uploads/").location
        connection = http.client.HTTPConnection(self.daemon.host, timeout=600)
        with closing(connection):
            connection.request(
                "PUT",
                with_digest(path, self.digest),
                blocks(),
                {"Content-Type": "application/octet-stream", **framing},
                encode_chunked="Transfer-Encoding" in framing,
            )
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (201, b""))

    def assertComesBack(self) -> None:
        """The blob can be pulled, and is what was pushed."""
        hashing = hashlib.sha256()
        connection = http.client.HTTPConnection(self.daemon.host, timeout=600)
        with closing(connection):
            connection.request("GET", f"/v2/big/blobs/{self.digest}")
            answer = connection.getresponse()
            self.assertEqual(answer.getheader("Content-Length"), str(SIZE))
            while data := answer.read(1024 * 1024):
                hashing.update(data)
        self.assertEqual(f"sha256:{hashing.hexdigest()}", self.digest)

    def test_with_a_known_length(self) -> None:
        self.send(**{"Content-Length": str(SIZE)})
        self.assertComesBack()
        self.assertLess(self.daemon.peak_memory(), MEMORY)

    def test_in_chunks(self) -> None:
        self.send(**{"Transfer-Encoding": "chunked"})
        self.assertComesBack()
        self.assertLess(self.daemon.peak_memory(), MEMORY)

    def test_after_a_restart(self) -> None:
        """The first reading after a start checks the bytes, and is no larger."""
        self.send(**{"Content-Length": str(SIZE)})
        self.daemon.restart()
        self.assertComesBack()
        self.assertComesBack()
        self.assertLess(self.daemon.peak_memory(), MEMORY)


def blocks() -> Iterator[bytes]:
    """Give the blob piece by piece."""
    for number in range(SIZE // len(BLOCK)):
        yield number.to_bytes(8, "big") + BLOCK[8:]
