"""Tests of ``/v2/`` and of what stands on every answer."""

from tests.web import exchange
from tests.web.content import ABSENT

_NOBODY = "0" * 8 + "-0000-0000-0000-" + "0" * 12


class VersionTests(exchange.WebCase):
    def test_says_that_it_is_a_registry(self) -> None:
        answer = self.get("/v2/")
        self.assertEqual((answer.status, answer.body), (200, b"{}"))
        self.assertEqual(answer.header("content-type"), "application/json")

    def test_the_slash_may_be_left_out(self) -> None:
        self.assertEqual(self.get("/v2").body, b"{}")

    def test_head_has_the_same_headers(self) -> None:
        get, head = self.get("/v2/"), self.ask("HEAD", "/v2/")
        self.assertEqual(head.status, 200)
        self.assertEqual(
            [field for field in head.fields if field[0] != "date"],
            [field for field in get.fields if field[0] != "date"],
        )

    def test_lists_no_extensions(self) -> None:
        answer = self.get("/v2/_oci/ext/discover")
        self.assertEqual((answer.status, answer.json), (200, {"extensions": []}))


class EveryAnswerTests(exchange.WebCase):
    targets = (
        ("GET", "/v2/"),
        ("HEAD", "/v2/"),
        ("GET", "/"),
        ("GET", "/v1/_ping"),
        ("POST", "/v2/"),
        ("GET", "/v2/a/manifests/latest"),
        ("HEAD", "/v2/a/manifests/latest"),
        ("GET", f"/v2/a/blobs/{ABSENT}"),
        ("GET", "/v2/A/blobs/x"),
        ("POST", "/v2/a/blobs/uploads/"),
        ("GET", f"/v2/a/blobs/uploads/{_NOBODY}"),
        ("GET", "/v2/a/tags/list"),
        ("GET", f"/v2/a/referrers/{ABSENT}"),
        ("GET", "/v2/_catalog"),
        ("OPTIONS", "/v2/"),
    )

    def test_says_the_version(self) -> None:
        """Engines up to 20.10 decide from it that this is v2."""
        for method, target in self.targets:
            self.assertEqual(
                self.ask(method, target).header("docker-distribution-api-version"),
                "registry/2.0",
                f"{method} {target}",
            )

    def test_forbids_to_guess_its_type(self) -> None:
        for method, target in self.targets:
            self.assertEqual(
                self.ask(method, target).header("x-content-type-options"),
                "nosniff",
                f"{method} {target}",
            )

    def test_has_a_length(self) -> None:
        for method, target in self.targets:
            answer = self.ask(method, target)
            has_none = answer.status == 204  # RFC 9110, section 8.6
            self.assertEqual(
                answer.header("content-length") is None,
                has_none,
                f"{method} {target} {answer}",
            )

    def test_is_never_encoded(self) -> None:
        """Clients ask for it; digests would be wrong after it."""
        for method, target in self.targets:
            answer = self.ask(method, target, {"Accept-Encoding": "gzip, zstd"})
            self.assertIsNone(answer.header("content-encoding"), f"{method} {target}")

    def test_has_what_the_settings_add(self) -> None:
        headers = {"Strict-Transport-Security": ["max-age=1"], "X-Two": ["1", "2"]}
        self.exchange = exchange.Exchange(site={"headers": headers})
        for method, target in self.targets:
            answer = self.ask(method, target)
            self.assertEqual(
                (answer.all("strict-transport-security"), answer.all("x-two")),
                (["max-age=1"], ["1", "2"]),
                f"{method} {target}",
            )

    def test_ignores_unknown_parameters(self) -> None:
        for method, target in self.targets:
            plain = self.ask(method, target)
            answer = self.ask(method, f"{target}?ns=docker.io&origin=x&account=&%zz=&;")
            self.assertEqual(answer.status, plain.status, f"{method} {target}")

    def test_ignores_the_version_that_clients_send(self) -> None:
        headers = {"Docker-Distribution-API-Version": "registry/9"}
        self.assertEqual(self.ask("GET", "/v2/", headers).status, 200)
