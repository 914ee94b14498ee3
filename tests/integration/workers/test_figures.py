"""Figures of all workers together, and how they are."""

import http.client
import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.integration.clients.remote import Remote
from tests.integration.daemon import LOOPBACK, _free_port
from tests.integration.tuned import wait_for
from tests.integration.workers import crewcase
from tests.integration.workers.crewcase import ask
from tests.metrics.figures import Samples, labels, read
from tests.web.content import digest_of

NAME = "team/app"
BLOB = bytes(range(256)) * 4096
PATH = f"/v2/{NAME}/blobs/{digest_of(BLOB)}"
PULLS = 5
REQUESTS = "registry_http_requests_total"


class FiguresTests(crewcase.CrewCase):
    def settings(self) -> dict[str, Any]:
        self.port = _free_port()
        debug = {"addr": f"{LOOPBACK}:{self.port}", "prometheus": {"enabled": True}}
        return {"http": {"debug": debug}}

    def told(self, path: str) -> tuple[int, str]:
        """Ask where it is told how things are."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        with closing(connection):
            status, _, body = ask(connection, "GET", path)
        return status, body.decode()

    def figures(self) -> Samples:
        status, text = self.told("/metrics")
        self.assertEqual(status, 200)
        return read(text)

    def test_they_are_those_of_all_and_outlast_a_worker(self) -> None:
        Remote(self.daemon.host).push_blob(NAME, BLOB)
        for number in (1, 2):
            connection = self.connect_to(number)
            for _ in range(PULLS):
                self.assertEqual(ask(connection, "GET", PATH)[2], BLOB)
            connection.close()
        found = self.figures()
        blobs = labels(code="200", handler="blob", method="get")
        self.assertEqual(found[REQUESTS, blobs], 2 * PULLS)
        size = labels(handler="blob")
        sent = "registry_http_response_size_bytes"
        self.assertEqual(found[f"{sent}_count", size], 2 * PULLS)
        self.assertEqual(found[f"{sent}_sum", size], 2 * PULLS * len(BLOB))
        received = sum(
            value
            for (name, labelled), value in found.items()
            if name == "registry_http_request_size_bytes_sum"
        )
        self.assertEqual(received, len(BLOB))
        for worker in ("0", "1", "2"):
            memory = found["process_resident_memory_bytes", labels(worker=worker)]
            self.assertGreater(memory, 1e7)
        self.assertEqual(found["txregistry_workers_away", ()], 0)
        self._nothing_is_taken_back_when_one_dies(found)

    def _nothing_is_taken_back_when_one_dies(self, before: Samples) -> None:
        os.kill(self.pids[1], signal.SIGKILL)
        self.daemon.wait_for_workers(self.pids[1])
        after = self.figures()
        for key, value in before.items():
            if key[0].endswith(("_total", "_count", "_sum", "_bucket")):
                self.assertGreaterEqual(after[key], value, key)
        blobs = labels(code="200", handler="blob", method="get")
        self.assertEqual(after[REQUESTS, blobs], 2 * PULLS)

    def test_one_that_hangs_makes_a_lamp_red_and_stops_nobody(self) -> None:
        self.assertEqual(self.told("/readyz")[0], 200)
        before = self.figures()
        os.kill(self.pids[2], signal.SIGSTOP)
        self.addCleanup(os.kill, self.pids[2], signal.SIGCONT)
        found = self.figures()
        self.assertEqual(found["txregistry_workers_away", ()], 1)
        self.assertEqual(found["txregistry_health", labels(check="workers")], 0)
        self.assertEqual(found["txregistry_health", labels(check="store")], 1)
        self.assertGreater(found["txregistry_storage_free_bytes", ()], 0)
        self.assertNotIn(("process_resident_memory_bytes", labels(worker="2")), found)
        for key, value in before.items():
            if key[0] == REQUESTS:
                self.assertGreaterEqual(found[key], value)
        status, text = self.told("/debug/health")
        self.assertEqual(status, 503)
        self.assertEqual(json.loads(text), {"workers": "not serving: 2"})
        self.assertEqual(self.told("/livez")[0], 200)
        os.kill(self.pids[2], signal.SIGCONT)
        wait_for(lambda: self.told("/readyz")[0] == 200, "the lamp is green again")

    def test_a_store_that_is_gone_makes_a_lamp_red(self) -> None:
        root = Path(self.daemon.directory)
        root.rename(root.with_name("away"))
        wait_for(lambda: self.told("/readyz")[0] == 503, "the lamp is red")
        self.assertIn("store", json.loads(self.told("/debug/health")[1]))
        self.assertEqual(self.told("/livez")[0], 200)
        root.with_name("away").rename(root)
        wait_for(lambda: self.told("/readyz")[0] == 200, "the lamp is green again")
