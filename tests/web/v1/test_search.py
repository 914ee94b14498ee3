"""Tests of ``/v1/search``."""

from typing import Any

from tests.web.answers import Answer
from tests.web.v1 import case, people
from tests.web.v1.people import BOB, EVE, NOBODY, UNAUTHORIZED

RESULT = {
    "name": "acme/web",
    "description": "",
    "star_count": 0,
    "is_official": False,
    "is_trusted": False,
    "is_automated": False,
}


class SearchCase(case.V1Case):
    def names(self, query: str, headers: Any = ()) -> list[str]:
        """Search, and give the names."""
        answer = self.get(f"/v1/search?{query}", headers)
        self.assertEqual(answer.status, 200, answer.body)
        return [each["name"] for each in answer.json["results"]]


class SearchTests(SearchCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("acme/web", "acme/webhook", "other/app", "solo"):
            self.push_v1(name)

    def test_answers_as_engines_read_it(self) -> None:
        answer = self.get("/v1/search?q=acme/web&n=1", {"X-Docker-Token": "true"})
        self.assertEqual(
            answer.json,
            {
                "query": "acme/web",
                "num_results": 2,
                "num_pages": 2,
                "page": 1,
                "page_size": 1,
                "results": [RESULT],
            },
        )
        self.assertEqual(answer.header("cache-control"), "no-cache")

    def test_gives_no_token(self) -> None:
        """It is about no repository."""
        answer = self.get("/v1/search?q=web", {"X-Docker-Token": "true"})
        self.assertIsNone(answer.header("x-docker-token"))
        self.assertIsNone(answer.header("set-cookie"))

    def test_finds_part_of_a_name_in_any_case(self) -> None:
        self.assertEqual(self.names("q=WeB"), ["acme/web", "acme/webhook"])

    def test_finds_all_without_a_term(self) -> None:
        self.assertEqual(len(self.names("q=")), 4)
        self.assertEqual(len(self.names("")), 4)

    def test_finds_nothing(self) -> None:
        answer = self.get("/v1/search?q=none")
        self.assertEqual((answer.json["num_results"], answer.json["results"]), (0, []))

    def test_namespace_of_those_without_one_is_left_out(self) -> None:
        self.assertEqual(self.names("q=library/solo"), ["solo"])
        self.assertEqual(self.names("q=solo"), ["solo"])

    def test_gives_pages(self) -> None:
        everything = self.names("q=")
        pages = [self.names(f"q=&n=3&page={page}") for page in (1, 2, 3)]
        self.assertEqual(pages, [everything[:3], everything[3:], []])

    def test_numbers_are_checked(self) -> None:
        for query in ("n=0", "n=101", "n=-1", "n=x", "n=1e1", "page=0", "page=101"):
            answer = self.get(f"/v1/search?q=web&{query}")
            self.assertEqual(answer.status, 400, query)
            self.assertEqual(list(map(type, answer.json.values())), [str], query)

    def test_term_may_be_anything(self) -> None:
        for term in ("%00", "%ff%fe", "..%2f", "%5B", "a" * 5000, "%E2%98%83"):
            answer = self.get(f"/v1/search?q={term}")
            self.assertEqual((answer.status, answer.json["results"]), (200, []), term)
            self.assertLessEqual(len(answer.json["query"]), 256)


class WhoTests(people.PeopleCase, SearchCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("acme/web", "acme/shared", "acme/open", "solo"):
            self.push_v1(name, headers=BOB)
        self.push_v1("eve/own", headers=EVE)

    def test_finds_what_one_may_pull(self) -> None:
        for who, names in (
            (BOB, ["acme/open", "acme/shared", "acme/web", "solo"]),
            (EVE, ["acme/open", "acme/shared", "eve/own"]),
            (NOBODY, ["acme/open"]),
            ({}, ["acme/open"]),
        ):
            self.assertEqual(self.names("q=", who), names)

    def test_counts_what_one_may_pull(self) -> None:
        self.assertEqual(self.get("/v1/search?q=a").json["num_results"], 1)

    def test_private_repository_is_for_who_is_known(self) -> None:
        token = self.token("acme/open", headers=BOB)
        answer = self.ask(
            "PUT",
            "/v1/repositories/acme/open/properties",
            token,
            b'{"access": "private"}',
        )
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.names("q=open"), [])
        self.assertEqual(self.names("q=open", BOB), ["acme/open"])

    def test_wrong_password_finds_nothing(self) -> None:
        answer: Answer = self.get("/v1/search?q=", case.basic("bob", "guessed"))
        self.assertSays(answer, 401, UNAUTHORIZED)

    def test_token_is_for_one_repository(self) -> None:
        token = self.token("acme/open", "read", BOB)
        self.assertSays(self.get("/v1/search?q=", token), 401, UNAUTHORIZED)
