"""Each request of an upload reaches another node than the one before."""

import hashlib
import json
from itertools import pairwise
from random import Random

from tests.integration.clients.remote import Answer, with_digest
from tests.integration.daemon import Daemon
from tests.integration.nodes import case
from tests.integration.nodes.case import MIB
from tests.integration.tuned import wait_for
from txregistry.model.descriptors import OCI_MANIFEST

DATA = Random(8).randbytes(6 * MIB + 7)  # noqa: S311 - an example
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
SHA512 = f"sha512:{hashlib.sha512(DATA).hexdigest()}"
WRONG = f"sha256:{hashlib.sha256(b'something else').hexdigest()}"
TYPE = "application/vnd.oci.image.config.v1+json"
EDGES = (0, 1, MIB, 6 * MIB, 6 * MIB + 5, len(DATA))


class UploadTests(case.OnS3, case.NodesCase):
    def begin(self) -> str:
        """Begin an upload, and say where."""
        path = f"/v2/{self.name}/blobs/uploads/"
        return self.remote.demand(202, "POST", path).location

    def append(self, place: str, start: int, stop: int, status: int = 202) -> Answer:
        """Send a chunk."""
        span = {"Content-Range": f"{start}-{stop - 1}"}
        return self.remote.demand(status, "PATCH", place, DATA[start:stop], span)

    def assertHeld(self, digest: str = DIGEST, name: str = "") -> None:
        """Each node has the blob."""
        path = f"/v2/{name or self.name}/blobs/{digest}"
        for node in self.each:
            self.assertTrue(node.demand(200, "GET", path).body == DATA)
            size = node.demand(200, "HEAD", path).headers["Content-Length"]
            self.assertEqual(size, f"{len(DATA)}")

    def assertGone(self, place: str, digest: str = "") -> None:
        """No node knows the upload, or a blob."""
        for node in self.each:
            node.demand(404, "GET", place)
            node.demand(404, "PATCH", place, b"more")
            node.demand(404, "PUT", with_digest(place, DIGEST))
            node.demand(404, "DELETE", place)
            if digest:
                node.demand(404, "GET", f"/v2/{self.name}/blobs/{digest}")

    def test_chunks(self) -> None:
        place = self.begin()
        for start, stop in pairwise(EDGES):
            answer = self.append(place, start, stop)
            self.assertEqual(answer.headers["Range"], f"0-{stop - 1}")
            state = self.remote.demand(204, "GET", place)
            self.assertEqual(state.headers["Range"], f"0-{stop - 1}")
        self.remote.demand(201, "PUT", with_digest(place, DIGEST))
        self.assertTookTurns(2 + 2 * (len(EDGES) - 1))
        self.assertHeld()
        self.assertGone(place)

    def test_the_nodes_say_the_same_of_whose_turn_it_was(self) -> None:
        place = self.begin()
        for start, stop in pairwise(EDGES):
            self.append(place, start, stop)
        self.remote.demand(201, "PUT", with_digest(place, DIGEST))
        self.assertTookTurns(2 + len(EDGES) - 1)
        for name, daemon in self.nodes.named.items():
            count = self.remote.turns.count(name)
            self.await_lines(daemon, count)

    def await_lines(self, daemon: Daemon, count: int) -> None:
        """Wait until a node has told that it was asked so often, and no more."""
        wait_for(
            lambda: daemon.log.count(f" /v2/{self.name}/") >= count,
            f"{daemon.host} was asked {count} times",
        )
        self.assertEqual(daemon.log.count(f" /v2/{self.name}/"), count)

    def test_a_last_chunk_comes_with_the_end(self) -> None:
        place = self.begin()
        self.append(place, 0, 5 * MIB)
        self.append(place, 5 * MIB, 6 * MIB)
        self.remote.demand(201, "PUT", with_digest(place, DIGEST), DATA[6 * MIB :])
        self.assertTookTurns(4)
        self.assertHeld()

    def test_streams(self) -> None:
        """As Docker pushes: one chunk without a length, and an end without bytes."""
        place = self.begin()
        pieces = [DATA[at : at + 100_000] for at in range(0, len(DATA), 100_000)]
        self.remote.demand(202, "PATCH", place, pieces)
        self.remote.demand(201, "PUT", with_digest(place, DIGEST))
        self.assertTookTurns(3)
        self.assertHeld()

    def test_many_short_chunks(self) -> None:
        place, data = self.begin(), DATA[:40]
        for at in range(0, len(data), 2):
            self.append(place, at, at + 2)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.remote.demand(201, "PUT", with_digest(place, digest))
        self.assertTookTurns(22)
        for node in self.each:
            self.assertEqual(node.blob(self.name, digest), data)

    def test_all_at_once(self) -> None:
        octets = {"Content-Type": "application/octet-stream"}
        self.remote.demand(201, "PUT", with_digest(self.begin(), DIGEST), DATA, octets)
        self.assertTookTurns(2)
        self.assertHeld()

    def test_in_one_request(self) -> None:
        path = f"/v2/{self.name}/blobs/uploads/?digest={DIGEST}"
        self.remote.demand(201, "POST", path, DATA)
        self.assertHeld()

    def test_by_sha512(self) -> None:
        place = self.begin()
        for start, stop in pairwise(EDGES):
            self.append(place, start, stop)
        self.remote.demand(201, "PUT", with_digest(place, SHA512))
        self.assertHeld(SHA512)
        self.assertHeld(DIGEST)

    def test_without_bytes(self) -> None:
        empty = f"sha256:{hashlib.sha256(b'').hexdigest()}"
        self.remote.demand(201, "PUT", with_digest(self.begin(), empty))
        for node in self.each:
            self.assertEqual(node.blob(self.name, empty), b"")

    def test_a_chunk_out_of_order_is_told_where_to_go_on(self) -> None:
        place = self.begin()
        self.append(place, 0, MIB)
        for start in (0, MIB - 1, MIB + 1):
            answer = self.append(place, start, 2 * MIB, 416)
            self.assertEqual(answer.headers["Range"], f"0-{MIB - 1}")
        last = {"Content-Range": f"{2 * MIB}-{len(DATA) - 1}"}
        end = with_digest(place, DIGEST)
        self.remote.demand(416, "PUT", end, DATA[2 * MIB :], last)
        self.append(place, MIB, len(DATA))
        self.remote.demand(201, "PUT", end)
        self.assertTookTurns(8)
        self.assertHeld()

    def test_a_wrong_digest_ends_it(self) -> None:
        place = self.begin()
        self.append(place, 0, MIB)
        self.append(place, MIB, 2 * MIB)
        answer = self.remote.demand(400, "PUT", with_digest(place, WRONG))
        self.assertIn(b"DIGEST_INVALID", answer.body)
        self.assertTookTurns(4)
        self.assertGone(place, WRONG)

    def test_cancelled(self) -> None:
        for chunks in range(4):
            place = self.begin()
            for start, stop in pairwise(EDGES[: chunks + 1]):
                self.append(place, start, stop)
            self.remote.demand(204, "DELETE", place)
            self.assertGone(place)

    def test_mounts(self) -> None:
        source = f"{self.name}/source"
        self.remote.push_blob(source, DATA)
        # Where nobody says from where, a node that did not take the blob looks into
        # the repositories of the catalog: those with a manifest.
        described = {"mediaType": TYPE, "digest": DIGEST, "size": len(DATA)}
        manifest = {"schemaVersion": 2, "config": described, "layers": []}
        data = json.dumps({**manifest, "mediaType": OCI_MANIFEST}).encode()
        self.remote.push_manifest(source, "latest", OCI_MANIFEST, data)
        for place, query in enumerate((f"&from={source}", "")):
            name = f"{self.name}/{place}"
            path = f"/v2/{name}/blobs/uploads/?mount={DIGEST}{query}"
            self.remote.demand(201, "POST", path)
            self.assertHeld(name=name)
        self.remote.demand(202, "DELETE", f"/v2/{source}/blobs/{DIGEST}")
        for place, node in enumerate(self.each):
            path = f"/v2/{self.name}/late-{place}/blobs/uploads/"
            node.demand(202, "POST", f"{path}?mount={DIGEST}&from={source}")
            node.demand(404, "HEAD", f"/v2/{source}/blobs/{DIGEST}")
        self.assertHeld(name=f"{self.name}/0")


class SwiftUploadTests(case.OnSwift, UploadTests):
    pass
