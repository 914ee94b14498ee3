"""Tests of ``txregistry/web/debug.py`` and ``health.py``."""

import json
from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.answers import Answer
from tests.web.exchange import lines, logged, request_bytes
from tests.web.wire import Connection
from txregistry.web.debug import DebugResource, DebugSite, Figures
from txregistry.web.health import Check, Health


def finding(problem: str) -> Check:
    """Make a check that finds something; nothing if it is empty."""

    async def check() -> str:
        return problem

    return check


class DebugTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.serves = True
        self.figures: Figures | None = None
        self.checks: Mapping[str, Check] = {}

    def connect(self) -> Connection:
        health = Health(self.checks, lambda: self.serves)
        clock = Clock()
        site = DebugSite(DebugResource(health, self.figures, "/figures"), clock)
        return Connection(site, clock)

    def ask(self, path: str, method: str = "GET") -> Answer:
        connection = self.connect()
        connection.send(request_bytes(method, path))
        return connection.answer(method)

    def told(self, path: str, status: int) -> object:
        """Give what is told, as JSON, with some status."""
        answer = self.ask(path)
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertEqual(answer.header("cache-control"), "no-store")
        return json.loads(answer.body)


class HealthTests(DebugTestCase):
    def test_well(self) -> None:
        self.checks = {"store": finding(""), "workers": finding("")}
        checks = {"store": "ok", "workers": "ok"}
        self.assertEqual(
            self.told("/readyz", 200), {"status": "ready", "checks": checks}
        )
        self.assertEqual(self.told("/debug/health", 200), {})
        self.assertEqual(self.told("/livez", 200), {"status": "alive"})
        self.assertEqual(self.told("/startupz", 200), {"status": "started"})

    def test_one_that_fails_makes_one_lamp_red(self) -> None:
        self.checks = {"store": finding("gone"), "workers": finding("")}
        checks = {"store": "gone", "workers": "ok"}
        self.assertEqual(
            self.told("/readyz", 503), {"status": "not ready", "checks": checks}
        )
        self.assertEqual(self.told("/debug/health", 503), {"store": "gone"})
        self.assertEqual(self.told("/livez", 200), {"status": "alive"})
        self.assertEqual(self.told("/startupz", 200), {"status": "started"})

    def test_a_check_that_breaks_is_told_of_and_hides_no_other(self) -> None:
        async def broken() -> str:
            raise ZeroDivisionError

        self.checks = {"store": broken, "workers": finding("2")}
        with logged() as events:
            found = self.told("/debug/health", 503)
        self.assertEqual(
            found, {"store": "it cannot be found out; the log says why", "workers": "2"}
        )
        self.assertIn("Looking at the store failed", "\n".join(lines(events)))
        self.flushLoggedErrors(ZeroDivisionError)

    def test_what_does_not_serve_yet_starts(self) -> None:
        self.serves = False
        self.assertEqual(self.told("/startupz", 503), {"status": "starting"})
        self.assertEqual(self.told("/livez", 200), {"status": "alive"})

    def ask_slowly(self) -> tuple["Deferred[str]", Connection]:
        """Ask for a check that is waited for; give what it tells, and who asks."""
        waiting: Deferred[str] = Deferred()

        async def slow() -> str:
            return await waiting

        self.checks = {"store": slow}
        connection = self.connect()
        connection.send(request_bytes("GET", "/readyz"))
        return waiting, connection

    def test_who_asks_waits_for_what_takes_time(self) -> None:
        waiting, connection = self.ask_slowly()
        self.assertEqual(connection.received, b"")
        waiting.callback("")
        self.assertEqual(connection.answer().status, 200)

    def test_who_leaves_meanwhile_harms_nobody(self) -> None:
        waiting, connection = self.ask_slowly()
        connection.drop()
        with logged() as events:
            waiting.callback("")
        self.assertEqual(lines(events), [])


class RoutingTests(DebugTestCase):
    def test_heads_are_told_the_same_without_a_body(self) -> None:
        answer = self.ask("/livez", "HEAD")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("content-length"), "19")
        self.assertEqual(answer.body, b"")

    def test_probes_that_speak_an_older_protocol_are_told_too(self) -> None:
        connection = self.connect()
        connection.send(b"GET /livez HTTP/1.0\r\n\r\n")
        self.assertEqual(connection.answer().status, 200)
        self.assertTrue(connection.ended)

    def test_nothing_else_is_there(self) -> None:
        for path in ("/", "/v2/", "/readyz/", "/metrics", "/debug/pprof/"):
            self.assertEqual(self.ask(path).status, 404)

    def test_nothing_can_be_written(self) -> None:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            self.assertEqual(self.ask("/readyz", method).status, 405)

    def test_figures_are_where_they_are_wanted(self) -> None:
        async def figures() -> tuple[str, bytes]:
            return "text/figures", b"1 2 3\n"

        self.figures = figures
        answer = self.ask("/figures")
        self.assertEqual((answer.status, answer.body), (200, b"1 2 3\n"))
        self.assertEqual(answer.header("content-type"), "text/figures")

    def test_no_line_is_left_in_the_log(self) -> None:
        with logged() as events:
            self.ask("/livez")
        self.assertEqual(lines(events), [])
