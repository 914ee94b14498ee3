"""Tests of ``OPTIONS``: what can be asked, which is told to everybody."""

from tests.web import callers
from tests.web.content import ABSENT
from tests.web.exchange import Exchange, request_bytes
from txregistry.settings.sections import Settings

SESSION = "7a5b1a4e-0000-4000-8000-000000000000"


class OptionsTests(callers.CallersCase):
    def test_each_path_tells_its_methods(self) -> None:
        for target, methods in (
            ("/v2/", "GET, HEAD, OPTIONS"),
            ("/v2/_catalog?n=1", "GET, HEAD, OPTIONS"),
            ("/v2/a/b/manifests/x", "DELETE, GET, HEAD, OPTIONS, PUT"),
            ("/v2/a%2Fb/manifests/x", "DELETE, GET, HEAD, OPTIONS, PUT"),
            (f"/v2/a/b/blobs/{ABSENT}", "DELETE, GET, HEAD, OPTIONS"),
            ("/v2/a/b/blobs/uploads/", "OPTIONS, POST"),
            (
                f"/v2/a/b/blobs/uploads/{SESSION}",
                "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
            ),
            ("/auth/token?scope=x", "GET, HEAD, OPTIONS"),
        ):
            answer = self.ask("OPTIONS", target)
            self.assertEqual((answer.status, answer.body), (204, b""), target)
            self.assertEqual(answer.header("allow"), methods, target)
            self.assertIsNone(answer.header("content-length"), target)
            self.assertTrue(answer.keeps)

    def test_path_that_is_none(self) -> None:
        for target in ("/v2/a/b/manifests", "/nothing", "/v2//tags/list", "/v2/a/b"):
            answer = self.ask("OPTIONS", target)
            self.assertEqual(answer.status, 404, target)
            self.assertIsNone(answer.header("allow"))

    def test_server_as_a_whole_is_there(self) -> None:
        answer = self.ask("OPTIONS", "*")
        self.assertEqual((answer.status, answer.body), (200, b""))

    def test_body_of_it_is_not_asked_for(self) -> None:
        headers = {"Expect": "100-continue", "Content-Length": "1000"}
        answer = self.ask("OPTIONS", "/v2/", headers)
        self.assertEqual((answer.status, answer.interim), (204, ()))

    def test_others_can_follow(self) -> None:
        connection = self.exchange.connect()
        connection.send(request_bytes("OPTIONS", "/v2/") * 2)
        statuses = [each.status for each in connection.answers("OPTIONS", "OPTIONS")]
        self.assertEqual(statuses, [204, 204])
        connection.drop()


class VersionsTests(callers.CallersCase):
    """What is not spoken has no methods."""

    def test_only_version_1_is_spoken(self) -> None:
        exchange = Exchange(version1=Settings(), root={"version2": False})
        answer = exchange.ask("OPTIONS", "/v2/")
        self.assertEqual(answer.status, 404)
        self.assertIsNone(answer.header("docker-distribution-api-version"))
        self.assertEqual(exchange.ask("OPTIONS", "/v1/_ping").status, 204)

    def test_only_version_2_is_spoken(self) -> None:
        self.assertEqual(self.ask("OPTIONS", "/v1/_ping").status, 404)

    def test_engine_that_had_better_speak_version_1_finds_no_other(self) -> None:
        exchange = Exchange(version1=Settings())
        agent = {"User-Agent": "docker/1.5.0 go/go1.4.1 kernel/3.13.0 os/linux"}
        self.assertEqual(exchange.ask("OPTIONS", "/v2/", agent).status, 404)
        self.assertEqual(exchange.ask("OPTIONS", "/v2/").status, 204)
