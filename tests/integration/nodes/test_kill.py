"""A node is killed, or told to end, while many push and pull through all of them."""

import json
import os
import random
import re
import threading
from random import Random

from tests.integration.clients.images import OCI_MANIFEST, digest_of
from tests.integration.clients.remote import Remote, with_digest
from tests.integration.daemon import Daemon
from tests.integration.nodes import case
from tests.integration.nodes.case import COUNT, MIB, served_by
from tests.integration.nodes.pushers import (
    Client,
    Crowd,
    Failure,
    HeldDownload,
    HeldUpload,
    Ledger,
)

SEED = int(
    os.environ.get("TXREGISTRY_NODES_SEED", str(random.SystemRandom().randrange(10**9)))
)
CLIENTS = 5
BROKEN_STATUS = ("500", "502", "503", "504")
BIG = Random(1).randbytes(8 * MIB)  # noqa: S311 - more than sockets hold
FIRST, SECOND, THIRD = 200_000, 600_000, MIB + 5
"""Where the chunks of what is uploaded end."""
_LINE = re.compile(
    r"registry nodes/(\S+) \S+ (-?\d+) \S+ \S+ \S+ (\S\S)\S\S \S+ \S+ "
    r'"(\S+ [^" ]+)'
)
"""A line of HAProxy's: the server, the status, how it ended, method and path."""


class KillTests(case.OnS3, case.NodesCase):
    def setUp(self) -> None:
        super().setUp()
        self.nodes.await_turns()
        self.lines = len(self.nodes.balancer.log)

    def victim(self) -> tuple[str, Daemon, list[Remote]]:
        """Choose a node.

        Returns:
            Its name, itself, and the others.
        """
        place = SEED % COUNT
        others = [node for at, node in enumerate(self.each) if at != place]
        return f"node{place + 1}", self.nodes.daemons[place], others

    def hold(self, count: int) -> list[tuple[str, HeldUpload]]:
        """Have as many uploads half way at each node, after an acknowledged chunk.

        Returns:
            The place of each, and itself.
        """
        begin = f"/v2/{self.name}/blobs/uploads/"
        places = [
            self.remote.demand(202, "POST", begin).location
            for _ in range(count * COUNT)
        ]
        for place in places:
            self.remote.demand(202, "PATCH", place, BIG[:FIRST])
        host = self.nodes.balancer.host
        return [
            (place, HeldUpload(host, place, BIG[FIRST:SECOND], FIRST))
            for place in places
        ]

    def end(self, place: str, acknowledged: int, others: list[Remote]) -> None:
        """Go on with an upload, from where it was acknowledged, and end it."""
        for node in others:
            state = node.demand(204, "GET", place)
            self.assertEqual(state.headers["Range"], f"0-{acknowledged - 1}")
        rest = BIG[acknowledged:THIRD]
        span = {"Content-Range": f"{acknowledged}-{THIRD - 1}"}
        self.remote.demand(202, "PATCH", place, rest, span)
        digest = digest_of(BIG[:THIRD])
        self.remote.demand(201, "PUT", with_digest(place, digest))
        for node in others:
            self.assertTrue(node.blob(self.name, digest) == BIG[:THIRD])

    def test_only_what_was_at_the_node_fails_and_goes_on_elsewhere(self) -> None:
        name, daemon, others = self.victim()
        path = f"/v2/{self.name}/blobs/{digest_of(BIG)}"
        end = f"/v2/{self.name}/blobs/uploads/?digest={digest_of(BIG)}"
        self.remote.demand(201, "POST", end, BIG)
        host = self.nodes.balancer.host
        downloads = [HeldDownload(host, path) for _ in range(COUNT)]
        uploads = self.hold(2)
        daemon.kill()
        for download in downloads:
            data = download.finish()
            self.assertEqual(data is None, download.node == name)
            if data is None:
                rest = {"Range": f"bytes={len(download.begun)}-"}
                answer = self.remote.demand(206, "GET", path, headers=rest)
                data = download.begun + answer.body
            self.assertTrue(data == BIG)
        failed = []
        for place, upload in uploads:
            came = upload.finish()
            if came is not None and came.status == 202:
                self.assertNotEqual(served_by(came), name)
            else:  # the balancer may have told only that the body can be sent
                failed.append(Failure(f"PATCH {place}", name, "cut off"))
                self.assertIn(None if came is None else came.status, (None, 502))
        self.assertEqual(len(failed), 2)
        self.assertAllAt(name, failed)
        for place, _ in uploads:
            broken = any(place in each.line for each in failed)
            self.end(place, FIRST if broken else SECOND, others)
        daemon.start()
        self.nodes.await_turns()
        again = Remote(daemon.host)
        self.assertTrue(again.blob(self.name, digest_of(BIG[:THIRD])) == BIG[:THIRD])

    def test_nothing_is_lost_that_was_acknowledged(self) -> None:
        name, daemon, others = self.victim()
        clients = self.make_clients()
        with Crowd(clients) as crowd:
            crowd.go_on()
            daemon.kill()
            crowd.go_on()
        self.assertAllAt(
            name, [each for one in clients for each in one.ledger.failures]
        )
        for client in clients:
            self.check(client.ledger, others)
        daemon.start()
        self.nodes.await_turns()
        clients[0].step()
        self.check(clients[0].ledger, [Remote(daemon.host)])

    def test_a_node_that_is_told_to_end_loses_nothing(self) -> None:
        _, daemon, others = self.victim()
        uploads = self.hold(1)
        clients = self.make_clients()
        stopping = threading.Thread(target=daemon.stop)
        with Crowd(clients) as crowd:
            crowd.go_on()
            stopping.start()
            crowd.go_on()
            answers = [upload.finish() for _, upload in uploads]
            served = [served_by(each) for each in answers if each is not None]
            # One of them by a node that lets in nobody any more.
            self.assertEqual(set(served), set(self.nodes.named))
            stopping.join()
        self.assertEqual([each.ledger.failures for each in clients], [[]] * CLIENTS)
        self.assertAllAt("no node", [])
        self.end(uploads[0][0], SECOND, others)
        for client in clients:
            self.check(client.ledger, others)
        daemon.start()
        self.nodes.await_turns()

    def make_clients(self) -> list[Client]:
        """Make clients that do not all do the same."""
        host = self.nodes.balancer.host
        return [
            Client(host, self.name, number, SEED + number) for number in range(CLIENTS)
        ]

    def assertAllAt(self, name: str, failures: list[Failure]) -> None:
        """All that failed was at one node: so say clients, and the balancer."""
        found = _LINE.findall(self.nodes.balancer.log[self.lines :])
        broken = [
            each
            for each in found
            if each[2][0] in "SsIR" or each[1] in "500 502 503 504"
        ]
        self.assertEqual({node for node, *_ in broken} - {name}, set(), broken)
        known = {line.partition("?")[0] for *_, line in broken}
        for failure in failures:
            self.assertIn(failure.node, {name, ""}, failure)
            self.assertIn(failure.line.partition("?")[0], known, failure)

    def check(self, ledger: Ledger, nodes: list[Remote]) -> None:
        """Compare what a client was told with what is there, at each of some nodes.

        The client goes on meanwhile.
        """
        blobs, manifests = set(ledger.blobs), set(ledger.manifests)
        for place, (digest, data) in enumerate(list(ledger.tried.items())):
            node = nodes[place % len(nodes)]
            for kind, known in (("blobs", blobs), ("manifests", manifests)):
                if digest not in known and digest in blobs | manifests:
                    continue
                path = f"/v2/{self.name}/{kind}/{digest}"
                answer = node.ask("GET", path, headers={"Accept": OCI_MANIFEST})
                if digest in known:
                    self.assertEqual(answer.status, 200, f"{path} is lost")
                self.assertIn(answer.status, (200, 404))
                self.assertTrue(answer.status == 404 or answer.body == data)
        for tag in list(ledger.tags):
            for node in nodes:
                self.check_tag(node, tag, ledger)

    def check_tag(self, node: Remote, tag: str, ledger: Ledger) -> None:
        """A tag is whole, and what was acknowledged last or is being pushed now."""
        before = list(ledger.tags[tag])
        answer = node.ask("GET", f"/v2/{self.name}/manifests/{tag}")
        allowed = {*before, *ledger.tags[tag], *ledger.manifests}
        if answer.status == 404:
            self.assertFalse(ledger.manifests & set(before), f"{tag} is gone")
            return
        self.assertEqual(answer.status, 200)
        self.assertIn(digest_of(answer.body), allowed)
        for layer in json.loads(answer.body)["layers"]:
            node.blob(self.name, layer["digest"])


class SwiftKillTests(case.OnSwift, KillTests):
    pass
