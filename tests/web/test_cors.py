"""Tests of ``txregistry/web/cors.py``, and of preflight requests."""

from collections.abc import Mapping
from typing import Any

from tests.web import callers
from tests.web.answers import Answer
from tests.web.callers import TOKENS
from tests.web.content import ABSENT
from tests.web.exchange import Exchange, Headers
from tests.web.v1.people import BOB
from txregistry.web.cors import Cors

UI = "https://ui.example"
EVIL = "https://evil.example"


def origin(text: str) -> dict[str, str]:
    """Say from which page a request comes."""
    return {"Origin": text}


class CorsCase(callers.CallersCase):
    cors = Cors([UI, "http://Other.example:8080/"])

    def setUp(self) -> None:
        self.site: Mapping[str, Any] = {"cors": self.cors}
        super().setUp()

    def assertReadable(self, answer: Answer, by: str) -> None:
        """An answer may be read by a page."""
        self.assertEqual(answer.header("access-control-allow-origin"), by)
        exposed = answer.header("access-control-expose-headers") or ""
        self.assertIn("WWW-Authenticate", exposed)
        self.assertIn("Docker-Content-Digest", exposed)

    def assertHidden(self, answer: Answer) -> None:
        """An answer may not be read by a page."""
        told = [name for name, _ in answer.fields if name.startswith("access-control")]
        self.assertEqual(told, [])


class AnswersTests(CorsCase):
    TARGETS = (
        ("/v2/", 200),
        ("/v2/_catalog", 200),
        ("/v2/acme/web/manifests/latest", 200),
        ("/v2/acme/web/manifests/absent", 404),
        (f"/v2/acme/web/blobs/{ABSENT}", 404),
        ("/v2/UPPER/tags/list", 400),
        ("/v2/eve/own/tags/list", 403),
        ("/nothing", 404),
        ("/auth/token", 200),
        ("/%ff", 400),
    )

    def test_all_are_for_the_pages_that_are_named(self) -> None:
        for target, status in self.TARGETS:
            answer = self.get(target, {**BOB, **origin(UI)})
            self.assertEqual(answer.status, status, target)
            self.assertReadable(answer, UI)
            self.assertIn("Origin", answer.all("vary"), target)

    def test_refusal_too(self) -> None:
        answer = self.get("/v2/", origin(UI))
        self.assertReadable(answer, UI)
        self.assertEqual(self.challenges(answer), [TOKENS])

    def test_wrong_methods_too(self) -> None:
        answer = self.ask("POST", "/v2/", origin(UI), b"")
        self.assertEqual(answer.status, 405)
        self.assertReadable(answer, UI)

    def test_none_is_for_another(self) -> None:
        for target, _ in self.TARGETS:
            for text in (EVIL, "null", f"{UI}.evil.example", "http://ui.example", ""):
                answer = self.get(target, {**BOB, **origin(text)})
                self.assertHidden(answer)
                self.assertIn("Origin", answer.all("vary"))

    def test_two_origins_are_none(self) -> None:
        answer = self.ask("GET", "/v2/", [("Origin", UI), ("Origin", EVIL)])
        self.assertHidden(answer)

    def test_caches_are_told_where_no_page_asks_too(self) -> None:
        answer = self.get("/v2/acme/web/manifests/latest", BOB)
        self.assertHidden(answer)
        self.assertEqual(answer.all("vary"), ["Origin", "Accept"])

    def test_nothing_is_written_that_was_not_allowed(self) -> None:
        answer = self.get("/v2/", origin(f"{UI}, {EVIL}"))
        self.assertHidden(answer)

    def test_origin_is_compared_as_browsers_write_it(self) -> None:
        self.exchange = self.served_with(
            Cors(["https://UI.example:443/", "http://b.example:80", "https://c:80"])
        )
        for text, allowed in (
            (UI, True),
            ("http://b.example", True),
            ("https://c:80", True),
            ("https://c", False),
        ):
            answer = self.get("/v2/", origin(text))
            found = answer.header("access-control-allow-origin")
            self.assertEqual(found, text if allowed else None)

    def served_with(self, cors: Cors) -> Exchange:
        """Serve what there is for other pages."""
        self.site = {"cors": cors}
        return self.serve(self.make_settings())


class AnybodyTests(CorsCase):
    cors = Cors(["*"])

    def test_any_page_may_read(self) -> None:
        for text in (UI, EVIL, "null"):
            answer = self.get("/v2/", origin(text))
            self.assertReadable(answer, "*")
            self.assertIsNone(answer.header("access-control-allow-credentials"))
        self.assertEqual(self.get("/v2/", BOB).all("vary"), [])


class NobodyTests(CorsCase):
    cors = Cors()

    def test_no_page_may_read(self) -> None:
        for headers in (origin(UI), {}):
            answer = self.get("/v2/", headers)
            self.assertHidden(answer)
            self.assertEqual(answer.all("vary"), [])


class CredentialsTests(CorsCase):
    cors = Cors([UI], credentials=True, max_age=60.5)

    def test_browsers_may_say_who_asks(self) -> None:
        for method in ("GET", "OPTIONS"):
            answer = self.ask(method, "/v2/", origin(UI))
            self.assertEqual(answer.header("access-control-allow-credentials"), "true")
            answer = self.ask(method, "/v2/", origin(EVIL))
            self.assertHidden(answer)

    def test_for_how_long_it_is_remembered(self) -> None:
        answer = self.ask("OPTIONS", "/v2/", origin(UI))
        self.assertEqual(answer.header("access-control-max-age"), "60")


class PreflightTests(CorsCase):
    """Browsers ask, without saying who asks, before they ask."""

    def preflight(self, target: str, headers: Headers) -> Answer:
        """Ask what may be asked."""
        asked = [
            *dict(headers).items(),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ]
        answer = self.ask("OPTIONS", target, asked)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.challenges(answer), [])
        self.assertIsNotNone(answer.header("allow"))
        return answer

    def test_it_needs_no_password(self) -> None:
        answer = self.preflight("/v2/acme/web/manifests/latest", origin(UI))
        self.assertReadable(answer, UI)
        allowed = "DELETE, GET, HEAD, OPTIONS, PUT"
        self.assertEqual(answer.header("access-control-allow-methods"), allowed)
        self.assertEqual(answer.header("allow"), allowed)
        asked = answer.header("access-control-allow-headers") or ""
        for name in ("Authorization", "Content-Type", "Content-Range", "Accept"):
            self.assertIn(name, asked.split(", "))
        self.assertEqual(answer.header("access-control-max-age"), "600")
        self.assertEqual(answer.all("vary"), ["Origin"])

    def test_it_is_so_whether_or_not_a_repository_is_there(self) -> None:
        told = [
            self.preflight(f"/v2/{name}/tags/list", origin(UI)).fields
            for name in ("acme/web", "acme/absent")
        ]
        self.assertEqual(told[0], told[1])

    def test_other_pages_are_told_methods_only(self) -> None:
        answer = self.preflight("/v2/acme/web/manifests/latest", origin(EVIL))
        self.assertHidden(answer)

    def test_page_that_no_page_asks_for(self) -> None:
        answer = self.preflight("/auth/token", {})
        self.assertHidden(answer)
        self.assertEqual(answer.header("allow"), "GET, HEAD, OPTIONS")

    def test_who_says_wrongly_who_asks_is_told_as_well(self) -> None:
        wrong = {"Authorization": "Negotiate x", **origin(UI)}
        self.assertReadable(self.preflight("/v2/acme/web/tags/list", wrong), UI)

    def test_of_version_1(self) -> None:
        self.exchange = Exchange(
            version1=self.make_settings(), clock=self.clock, site=self.site
        )
        target = "/v1/repositories/acme/web/tags"
        answer = self.preflight(target, origin(UI))
        self.assertReadable(answer, UI)
        self.assertIsNone(answer.header("docker-distribution-api-version"))
        self.assertEqual(answer.header("x-docker-registry-version"), "0.9.1")


class WritingTests(callers.CallersCase):
    """Browsers show a client's certificate for whatever page asks."""

    def test_pages_of_elsewhere_may_not_write(self) -> None:
        target = "/v2/acme/web/blobs/uploads/"
        for origin in ("https://attacker.example", "null", "http://registry.example"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                headers = {**BOB, "Origin": origin}
                answer = self.ask(method, target, headers, b"")
                self.assertRefused(answer, 403, "DENIED", (method, origin))
        headers = {**BOB, "Origin": EVIL}
        answer = self.ask("PUT", "/v1/repositories/acme/web/", headers, b"[]")
        self.assertEqual((answer.status, list(answer.json)), (403, ["error"]))

    def test_they_may_read_as_before(self) -> None:
        headers = {**BOB, "Origin": "https://attacker.example"}
        self.assertEqual(self.get("/v2/acme/web/tags/list", headers).status, 200)

    def test_those_of_the_settings_may(self) -> None:
        origin = "https://ui.example"
        self.exchange.site.cors = Cors((origin,))
        headers = {**BOB, "Origin": origin}
        answer = self.ask("POST", "/v2/acme/web/blobs/uploads/", headers, b"")
        self.assertEqual(answer.status, 202)


class PathTests(callers.CallersCase):
    def test_paths_are_spelt_in_one_way(self) -> None:
        for target in ("//v2/", "//v2/acme/web/tags/list", "/%76%32/", "/%61uth/token"):
            self.assertRefused(self.get(target, BOB), 404, "NAME_UNKNOWN", target)
