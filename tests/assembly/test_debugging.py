"""Tests of ``txregistry/assembly/debugging.py``, by what the service makes of it."""

import json
import os
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import Files, issue
from tests.metrics.figures import Samples, labels, read
from tests.temporary import make_folder
from tests.web.answers import Answer
from tests.web.exchange import request_bytes
from tests.web.wire import Connection
from twisted import __version__ as twisted_version
from txregistry.assembly.doubts import find_doubts
from txregistry.service import build
from txregistry.settings.debug import Debug, Prometheus
from txregistry.settings.roles import apply_role
from txregistry.settings.sections import Http, Settings, Tls
from txregistry.settings.storage import Filesystem, Storage
from txregistry.web.site import RegistrySite

PORT = 5001
DAY = 24 * 3600
COUNTING = Debug(f"127.0.0.1:{PORT}", Prometheus(enabled=True))


class Port:
    """A service over memory, asked at ``http.debug``.

    Args:
        settings: Its settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.reactor = MemoryReactorClock()
        self.service = build(settings, self.reactor)
        self.service.privilegedStartService()

    def ask(self, path: str) -> tuple[int, Any]:
        """Ask for something; the answer is JSON."""
        answer = self.answer(path)
        return answer.status, json.loads(answer.body)

    def answer(self, path: str, port: int = PORT) -> Answer:
        """Ask for something at a port."""
        (site,) = [each[1] for each in self.reactor.tcpServers if each[0] == port]
        assert isinstance(site, RegistrySite)
        connection = Connection(site, self.reactor)
        connection.send(request_bytes("GET", path))
        answer = connection.answer()
        connection.drop()
        return answer


def settings(**http: Any) -> Settings:
    """Give settings of a registry in memory."""
    debug = http.pop("debug", Debug(f"127.0.0.1:{PORT}"))
    whole = Http(**{"addr": "127.0.0.1:1", "debug": debug, **http})
    return apply_role(Settings(storage=Storage(inmemory={}), http=whole))


class ServiceTests(SynchronousTestCase):
    def test_nothing_listens_unless_told(self) -> None:
        for address in (None, ""):
            port = Port(settings(debug=Debug(address)))
            self.assertEqual([each[0] for each in port.reactor.tcpServers], [1])

    def test_it_tells_from_the_first_to_the_last_moment(self) -> None:
        port = Port(settings())
        self.assertEqual(port.ask("/startupz")[0], 503)
        port.service.running = 1
        self.assertEqual(port.ask("/startupz")[0], 200)
        status, found = port.ask("/readyz")
        self.assertEqual(
            (status, found["checks"]), (200, {"store": "ok", "draining": "ok"})
        )
        port.service.running = 0
        status, found = port.ask("/debug/health")
        self.assertEqual((status, list(found)), (503, ["draining"]))
        self.assertEqual(port.ask("/livez")[0], 200)

    def test_workers_that_do_not_serve_yet(self) -> None:
        root = os.path.join(make_folder(self), "data")
        storage = Storage(filesystem=Filesystem(root))
        http = Http(addr="127.0.0.1:0", workers=2, debug=Debug(f"127.0.0.1:{PORT}"))
        port = Port(apply_role(Settings(storage=storage, http=http)))
        crew: Any = port.service._watching[-1]
        self.addCleanup(lambda: [each.stopListening() for each in crew._ports.ports])
        self.assertEqual(crew.away(), [1, 2])
        self.assertEqual(port.ask("/startupz")[0], 503)


class TakenReactor(MemoryReactorClock):
    """A reactor on which the port is taken."""

    def listenTCP(  # noqa: N802 - Twisted's
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        """See ``IReactorTCP``."""
        if port == PORT:
            raise CannotListenError(interface, port, OSError(98, "taken"))
        return super().listenTCP(port, factory, backlog, interface)


class TakenTests(SynchronousTestCase):
    def test_a_port_that_is_taken_ends_the_start(self) -> None:
        service = build(settings(), TakenReactor())
        with self.assertRaises(SystemExit) as raised:
            service.privilegedStartService()
        told = "http.debug.addr: cannot listen at 127.0.0.1:5001"
        self.assertIn(told, str(raised.exception))


class FiguresTests(SynchronousTestCase):
    def found(self, port: Port) -> Samples:
        answer = port.answer("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertIn("text/plain; version=0.0.4", str(answer.header("content-type")))
        return read(answer.body.decode())

    def test_there_are_none_unless_told(self) -> None:
        self.assertEqual(Port(settings()).answer("/metrics").status, 404)

    def test_requests_are_counted_and_those_for_figures_are_not(self) -> None:
        port = Port(settings(debug=COUNTING))
        self.assertEqual(port.answer("/v2/", 1).status, 200)
        self.found(port)
        found = self.found(port)
        requests = {
            labelled: value
            for (name, labelled), value in found.items()
            if name == "registry_http_requests_total"
        }
        self.assertEqual(
            requests, {labels(code="200", handler="base", method="get"): 1}
        )

    def test_what_dashboards_of_distribution_ask_for_is_there(self) -> None:
        """Source: docker/go-metrics, and ``metrics/`` and what uses it there."""
        port = Port(settings(debug=COUNTING))
        self.assertEqual(port.answer("/v2/a/manifests/none", 1).status, 404)
        found = {(name, tuple(dict(each))) for name, each in self.found(port)}
        handled, stored = ("handler",), ("action", "driver")
        for name, labelled in (
            ("registry_http_requests_total", ("code", "handler", "method")),
            ("registry_http_in_flight_requests", handled),
            (
                "registry_http_request_duration_seconds_bucket",
                (*handled, "le", "method"),
            ),
            ("registry_http_request_duration_seconds_sum", (*handled, "method")),
            ("registry_http_request_duration_seconds_count", (*handled, "method")),
            ("registry_http_request_size_bytes_bucket", (*handled, "le")),
            ("registry_http_request_size_bytes_sum", handled),
            ("registry_http_response_size_bytes_bucket", (*handled, "le")),
            ("registry_http_response_size_bytes_sum", handled),
            ("registry_storage_action_seconds_bucket", (*stored, "le")),
            ("registry_storage_action_seconds_sum", stored),
            ("registry_storage_action_seconds_count", stored),
            ("registry_proxy_requests_total", ("type",)),
            ("registry_proxy_hits_total", ("type",)),
            ("registry_proxy_misses_total", ("type",)),
            ("registry_proxy_pulled_bytes_total", ("type",)),
            ("registry_proxy_pushed_bytes_total", ("type",)),
        ):
            self.assertIn((name, labelled), found)

    def test_how_it_is(self) -> None:
        port = Port(settings(debug=COUNTING))
        for running in (1, 0):
            port.service.running = running
            found = self.found(port)
            self.assertEqual(found["txregistry_health", labels(check="store")], 1)
            draining = found["txregistry_health", labels(check="draining")]
            self.assertEqual(draining, running)
            # Memory does not tell.
            self.assertNotIn(("txregistry_storage_free_bytes", ()), found)

    def test_what_the_process_takes(self) -> None:
        found = self.found(Port(settings(debug=COUNTING)))
        memory = found["process_resident_memory_bytes", labels(worker="0")]
        self.assertGreater(memory, 1e6)
        self.assertGreater(found["process_open_fds", labels(worker="0")], 2)
        self.assertGreater(found["process_cpu_seconds_total", ()], 0)

    def test_what_runs(self) -> None:
        found = self.found(Port(settings(debug=COUNTING)))
        ((_, labelled),) = [key for key in found if key[0] == "txregistry_build_info"]
        self.assertEqual(dict(labelled)["twisted"], twisted_version)

    def test_until_when_certificates_are_good(self) -> None:
        files = Files(make_folder(self))
        root = issue("root", authority=True)
        server = issue("server", root, until=10)
        tls = Tls(
            files.put("server.pem", server.pem), files.put("server.key", server.key_pem)
        )
        port = Port(settings(debug=COUNTING, tls=tls))
        labelled = labels(setting="http.tls.certificate", path=str(tls.certificate))
        found = self.found(port)
        left = found["txregistry_tls_expiry_seconds", labelled]
        self.assertEqual(found["txregistry_tls_handshake_failures_total", ()], 0)
        self.assertAlmostEqual(left / DAY, 10, places=1)


class DoubtsTests(SynchronousTestCase):
    def doubts(self, debug: Debug) -> list[str]:
        return list(find_doubts(apply_role(Settings(http=Http(debug=debug)))))

    def test_what_others_can_ask(self) -> None:
        for address in (":5001", "0.0.0.0:5001", "[::]:5001", "10.0.0.1:1"):
            (doubt,) = self.doubts(Debug(address))
            self.assertIn(f"http.debug.addr: {address!r} answers whoever", doubt)

    def test_what_only_this_machine_can_ask(self) -> None:
        for address in ("127.0.0.1:5001", "localhost:5001", "[::1]:5001"):
            debug = Debug(address, Prometheus(enabled=True))
            self.assertEqual(self.doubts(debug), [])

    def test_figures_that_nobody_can_ask_for(self) -> None:
        (doubt,) = self.doubts(Debug(prometheus=Prometheus(enabled=True)))
        self.assertIn("give http.debug.addr as well", doubt)
