"""Tests of ``/v1/users``: what ``docker login`` asks."""

from tests.web.exchange import request_bytes
from tests.web.v1 import case, people
from tests.web.v1.case import JSON, basic
from tests.web.v1.people import (
    BASIC_CHALLENGE,
    BOB,
    EVE,
    NOBODY,
    UNAUTHORIZED,
)

PATHS = ("/v1/users", "/v1/users/")
NEW = b'{"username":"bob","password":"secret","auth":"","email":"bob@acme.example"}'


class LogInTests(people.PeopleCase):
    def test_right_password(self) -> None:
        for path in PATHS:
            for who in (BOB, EVE):
                answer = self.get(path, who)
                self.assertEqual((answer.status, answer.body), (200, b'"OK"'))

    def test_wrong_password(self) -> None:
        for headers in (
            basic("bob", "guessed"),
            basic("bob", ""),
            basic("Bob", "secret"),
            basic("mallory", "secret"),
            {"Authorization": "Basic !"},
            {"Authorization": "Basic"},
            {"Authorization": "Bearer secret"},
        ):
            answer = self.ask_slowly("GET", PATHS[0], headers)
            self.assertSays(answer, 401, UNAUTHORIZED)
            self.assertEqual(answer.header("www-authenticate"), BASIC_CHALLENGE)

    def test_no_password(self) -> None:
        for headers in ({}, NOBODY, {"Authorization": "Token"}):
            answer = self.get(PATHS[0], headers)
            self.assertSays(answer, 401, UNAUTHORIZED)
            self.assertEqual(answer.header("www-authenticate"), BASIC_CHALLENGE)

    def test_token_is_no_password(self) -> None:
        answer = self.get(PATHS[0], self.token(headers=BOB))
        self.assertSays(answer, 401, UNAUTHORIZED)

    def test_names_and_passwords_may_be_any_text(self) -> None:
        for name in ("bob\0", "b\u00f6b", "bob\r\nx", "../bob", "x" * 2000):
            answer = self.ask_slowly("GET", PATHS[0], basic(name, "secret"))
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_new_account_is_refused_as_engines_need_it(self) -> None:
        """They take 201 for a right password; after 401 they ask whether it is."""
        for path in PATHS:
            for body in (NEW, b"", b"{}", b"no JSON"):
                answer = self.ask("POST", path, JSON, body)
                self.assertSays(answer, 401, UNAUTHORIZED)
                self.assertEqual(answer.header("www-authenticate"), BASIC_CHALLENGE)

    def test_new_account_is_refused_to_who_is_known_too(self) -> None:
        self.assertSays(self.ask("POST", PATHS[0], BOB, NEW), 401, UNAUTHORIZED)

    def test_no_account_is_changed(self) -> None:
        body = b'{"email": "a@acme.example", "password": "another"}'
        for path in ("/v1/users/bob/", "/v1/users/bob", "/v1/users/eve/"):
            answer = self.ask("PUT", path, {**BOB, **JSON}, body)
            self.assertEqual((answer.status, list(answer.json)), (403, ["error"]))
            answer = self.ask("PUT", path, JSON, body)
            self.assertSays(answer, 401, UNAUTHORIZED)
        self.assertEqual(self.get(PATHS[0], BOB).status, 200)

    def test_answers_are_not_kept(self) -> None:
        for headers in (BOB, {}):
            answer = self.get(PATHS[0], headers)
            self.assertEqual(answer.header("cache-control"), "no-cache")
            self.assertIsNone(answer.header("set-cookie"))

    def test_guesses_get_slower(self) -> None:
        wrong = basic("bob", "guessed")
        self.assertEqual(self.get(PATHS[0], wrong).status, 401)
        connection = self.exchange.connect()
        connection.send(request_bytes("GET", PATHS[0], wrong))
        self.assertEqual(connection.received, b"")
        self.exchange.clock.advance(1)
        self.assertEqual(connection.answer().status, 401)
        connection.drop()


class OpenTests(case.V1Case):
    def test_everybody_is_welcome_where_there_are_no_accounts(self) -> None:
        for headers in ({}, NOBODY, BOB):
            self.assertEqual(self.get(PATHS[1], headers).body, b'"OK"')

    def test_no_account_is_made(self) -> None:
        self.assertSays(self.ask("POST", PATHS[1], JSON, NEW), 401, UNAUTHORIZED)
