"""Tests of failures as answers."""

from collections.abc import Callable

from twisted.internet.task import Clock

from tests.web import exchange
from tests.web.content import CONFIG, OCI_MANIFEST, digest_of
from tests.web.exchange import Exchange
from tests.web.stores import FailingStore
from txregistry.model import errors
from txregistry.model.errors import RegistryError
from txregistry.storage.interfaces import StorageFull, StorageUnavailable
from txregistry.web.errors import _STATUS


class NotAllowedTests(exchange.WebCase):
    digest = "sha256:" + "0" * 64

    def test_says_what_is(self) -> None:
        session = "/v2/a/blobs/uploads/" + "0" * 8
        for target, allowed in (
            ("/v2/", "GET, HEAD"),
            ("/v2/_catalog", "GET, HEAD"),
            ("/v2/a/tags/list", "GET, HEAD"),
            (f"/v2/a/referrers/{self.digest}", "GET, HEAD"),
            ("/v2/a/manifests/latest", "DELETE, GET, HEAD, PUT"),
            (f"/v2/a/blobs/{self.digest}", "DELETE, GET, HEAD"),
            ("/v2/a/blobs/uploads/", "POST"),
            (session, "DELETE, GET, HEAD, PATCH, PUT"),
        ):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "BREW"):
                if method in allowed.split(", "):
                    continue
                answer = self.ask(method, target)
                what = f"{method} {target}"
                self.assertRefused(answer, 405, "UNSUPPORTED", what)
                self.assertEqual(answer.header("allow"), allowed, what)
            answer = self.ask("OPTIONS", target)
            self.assertEqual((answer.status, answer.body), (204, b""), target)
            self.assertIsNone(answer.header("content-length"), target)
            self.assertIsNone(answer.header("content-type"), target)
            told = sorted([*allowed.split(", "), "OPTIONS"])
            self.assertEqual(answer.header("allow"), ", ".join(told), target)

    def test_unknown_paths(self) -> None:
        for target in (
            "/",
            "/v1/",
            "/v1/_ping",
            "/v3/",
            "/v2/a",
            "/v2/a/manifests",
            "/v2/a/manifests/",
            "/v2/a/tags",
            "/v2/a/tags/list/x",
            "/v2/a/referrers/",
            "/v2/_catalog/x",
            "/v2/_oci",
            "/favicon.ico",
            "/metrics",
            "/../../etc/passwd",
            "/v2/%2e%2e/%2e%2e/etc/passwd",
        ):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
                answer = self.ask(method, target)
                self.assertRefused(answer, 404, "NAME_UNKNOWN", f"{method} {target}")

    def test_paths_that_cannot_be_read(self) -> None:
        for path in ("/v2/%00", "/v2/a%00/tags/list", "/%ff", "/v2/%c3%a9/tags/list"):
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                answer = self.ask(method, path)
                self.assertRefused(answer, 400, "NAME_INVALID", f"{method} {path}")

    def test_paths_that_climb(self) -> None:
        for path in (
            "/v2/../a/tags/list",
            "/v2/a/../../b/tags/list",
            "/v2/a/./b/tags/list",
            "/v2/%2e%2e/a/tags/list",
            "/v2/..%2f..%2fa/tags/list",
            "/v2//a/tags/list",
            "/v2/a//tags/list",
            "/v2/a%5cb/tags/list",
            "/v2/a%20/tags/list",
        ):
            self.assertRefused(self.get(path), 400, "NAME_INVALID", path)

    def test_what_the_client_said_stays_json(self) -> None:
        answer = self.get("/v2/a/tags/list?n=%22%0a%3Cscript%3E%1b")
        detail = answer.json["errors"][0]["detail"]
        self.assertEqual(detail, {"n": '"\n<script>\x1b'})
        self.assertNotIn(b"\n", answer.body)


class FailureTests(exchange.WebCase):
    def setUp(self) -> None:
        clock = Clock()
        self.store = FailingStore(clock)
        self.exchange = Exchange(store=self.store, clock=clock)
        self.data = self.push_image("a", "latest")

    def break_store(self, failure: Callable[[], Exception]) -> None:
        self.store.failure = failure

    def requests(self) -> list[tuple[str, str]]:
        return [
            ("GET", "/v2/a/manifests/latest"),
            ("GET", f"/v2/a/blobs/{digest_of(CONFIG)}"),
            ("PUT", "/v2/a/manifests/latest"),
            ("POST", "/v2/a/blobs/uploads/"),
            ("DELETE", "/v2/a/manifests/latest"),
        ]

    def test_a_store_that_cannot_be_used(self) -> None:
        self.break_store(lambda: StorageUnavailable("/secret/place: gone"))
        for method, target in self.requests():
            kind = {"Content-Type": OCI_MANIFEST}
            answer = self.ask(method, target, kind, self.data)
            self.assertRefused(answer, 503, "UNAVAILABLE", f"{method} {target}")
            self.assertEqual(answer.header("retry-after"), "5")
            self.assertNotIn(b"/secret/place", answer.body)
            self.assertNotIn(digest_of(self.data), str(answer.fields))

    def test_a_store_that_is_full(self) -> None:
        """5xx, not 4xx: clients try these again."""
        self.store.reads = False
        self.break_store(lambda: StorageFull("/secret/place: no space"))
        for method, target in self.requests()[2:4]:
            kind = {"Content-Type": OCI_MANIFEST}
            answer = self.ask(method, target, kind, self.data)
            self.assertRefused(answer, 507, "UNAVAILABLE", f"{method} {target}")
            self.assertNotIn(b"/secret/place", answer.body)

    def test_what_nobody_foresaw(self) -> None:
        self.break_store(lambda: ZeroDivisionError("s3cr3t"))
        for method, target in self.requests():
            kind = {"Content-Type": OCI_MANIFEST}
            answer = self.ask(method, target, kind, self.data)
            self.assertRefused(answer, 500, "UNKNOWN", f"{method} {target}")
            for word in (b"Traceback", b"ZeroDivision", b".py", b"s3cr3t", b"<html"):
                self.assertNotIn(word, answer.body)
        logged = self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(len(logged), len(self.requests()))

    def test_head_of_a_failure_has_no_body(self) -> None:
        self.break_store(lambda: StorageUnavailable("gone"))
        answer = self.ask("HEAD", "/v2/a/manifests/latest")
        self.assertEqual((answer.status, answer.body), (503, b""))

    def test_it_is_well_again(self) -> None:
        connection = self.exchange.connect()
        get = exchange.request_bytes("GET", "/v2/a/manifests/latest")
        self.break_store(lambda: StorageUnavailable("gone"))
        connection.send(get)
        self.store.failure = None
        connection.send(get)
        statuses = [each.status for each in connection.answers("GET", "GET")]
        self.assertEqual(statuses, [503, 200])


class TableTests(exchange.WebCase):
    def test_every_failure_has_a_status(self) -> None:
        found = {
            each
            for each in vars(errors).values()
            if isinstance(each, type)
            and issubclass(each, RegistryError)
            and each is not RegistryError
        }
        self.assertEqual(found, set(_STATUS))

    def test_every_status_is_an_error(self) -> None:
        for kind, status in _STATUS.items():
            self.assertIn(status, range(400, 600), kind)
