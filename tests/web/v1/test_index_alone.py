"""Tests of an Index without a registry, and the reverse."""

from tests.web.exchange import Exchange
from tests.web.v1 import case, people
from tests.web.v1.case import R
from tests.web.v1.images import BASE, TOP
from tests.web.v1.people import BOB, NOBODY, UNAUTHORIZED
from tests.web.v1.test_index import ENDPOINTS, NEW
from txregistry.settings.sections import Index, Settings, Version1


class AloneTests(people.PeopleCase):
    """An Index in front of registries that are elsewhere."""

    index = {"endpoints": ENDPOINTS, "alone": True}  # noqa: RUF012 - read only

    def setUp(self) -> None:
        super().setUp()
        self.exchange = Exchange(
            version1=self.settings, clock=self.exchange.clock, root={"version2": False}
        )

    def test_tells_what_was_announced(self) -> None:
        token = self.announce(headers=BOB)
        answer = self.get(f"{R}/images", token)
        self.assertEqual(answer.json, [{"id": BASE.image_id}, {"id": TOP.image_id}])
        answer = self.get(f"{R}/layer/{BASE.image_id}/access", token)
        self.assertEqual(answer.json, {"access": True})
        answer = self.get(f"{R}/layer/{NEW}/access", token)
        self.assertEqual(answer.json, {"access": False})

    def test_has_no_registry(self) -> None:
        token = self.announce(headers=BOB)
        for method, path in (
            ("GET", f"/v1/images/{BASE.image_id}/json"),
            ("PUT", f"/v1/images/{BASE.image_id}/json"),
            ("PUT", f"/v1/images/{BASE.image_id}/layer"),
            ("GET", f"{R}/tags"),
            ("DELETE", f"{R}/tags/latest"),
            ("GET", "/v2/"),
        ):
            answer = self.ask(method, path, token, b"" if method == "PUT" else None)
            self.assertIn(answer.status, {404, 405}, path)

    def test_searches_what_was_announced(self) -> None:
        self.announce(headers=BOB)
        answer = self.get("/v1/search?q=web", BOB)
        self.assertEqual(
            [each["name"] for each in answer.json["results"]], ["acme/web"]
        )

    def test_everybody_finds_what_everybody_may_pull(self) -> None:
        for name in ("acme/web", "acme/open"):
            self.announce(name, headers=BOB)
        for headers in ({}, NOBODY):
            answer = self.get("/v1/search?q=acme", headers)
            self.assertEqual(
                [each["name"] for each in answer.json["results"]], ["acme/open"]
            )


class ElsewhereTests(case.V1Case):
    """A registry whose Index is elsewhere."""

    settings = Settings(index=Index(url="http://index.example"), v1=Version1())

    def test_has_no_index(self) -> None:
        for method, path in (
            ("PUT", f"{R}/"),
            ("PUT", f"{R}/images"),
            ("GET", f"{R}/images"),
            ("PUT", f"{R}/auth"),
            ("GET", f"{R}/layer/{NEW}/access"),
            ("GET", "/v1/users/"),
            ("POST", "/v1/users/"),
            ("GET", "/v1/search?q=web"),
        ):
            answer = self.ask(method, path, {}, b"" if method in "PUTPOST" else None)
            self.assertIn(answer.status, {404, 405}, path)
            self.assertEqual(list(answer.json), ["error"])

    def test_nobody_does_without_a_token(self) -> None:
        for headers in ({}, NOBODY, BOB):
            for path in (f"{R}/tags", f"/v1/images/{NEW}/json"):
                self.assertSays(self.get(path, headers), 401, UNAUTHORIZED)
