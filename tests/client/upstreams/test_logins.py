"""Tests of ``txregistry/client/upstreams/logins.py``."""

import json
import os
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.client.upstreams import logins
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.client.upstreams.logins import (
    FileLogin,
    Login,
    ToldLogin,
    parse_login,
)
from txregistry.tasks import at_once

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LONG_AGO = 1_000_000_000


class LoginTests(SynchronousTestCase):
    def test_header(self) -> None:
        found = Login("Aladdin", "open sesame").basic
        self.assertEqual(found, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")

    def test_secret_is_not_shown(self) -> None:
        self.assertNotIn("hunter2", repr(Login("us", "hunter2")))

    def test_identity_token_has_a_name_of_its_own(self) -> None:
        self.assertTrue(Login("<token>", "x").is_token)
        self.assertFalse(Login("token", "x").is_token)


class ParseTests(SynchronousTestCase):
    def parse(self, text: str) -> tuple[Login, float | None]:
        """Read some text."""
        return parse_login(text.encode(), NOW)

    def test_one_line(self) -> None:
        for text in ("us:a:b", "us:a:b\n", " us:a:b \r\n"):
            self.assertEqual(self.parse(text), (Login("us", "a:b"), None))

    def test_object(self) -> None:
        for document in (
            {"username": "us", "password": "x"},
            {"ServerURL": "https://y", "Username": "us", "Secret": "x"},
            {"username": "us", "password": "x", "also": [1]},
        ):
            found = self.parse(json.dumps(document))
            self.assertEqual(found, (Login("us", "x"), None))

    def test_lifetime(self) -> None:
        for more, life in (
            ({"expires_in": 60}, 60.0),
            ({"expires_in": -60}, 0.0),
            ({"expiration": "2030-01-01T00:01:00Z"}, 60.0),
            ({"expiration": "2030-01-01T00:01:00"}, 60.0),
            ({"expiration": "2029-01-01T00:01:00Z"}, 0.0),
        ):
            document = {"username": "us", "password": "x", **more}
            self.assertEqual(self.parse(json.dumps(document))[1], life)

    def test_what_is_none(self) -> None:
        for text in (
            "",
            "us",
            ":x",
            "us:",
            "us:a\nb:c",
            "us:\x00",
            "{}",
            '{"username": "us"}',
            '{"username": "a:b", "password": "x"}',
            '{"username": 1, "password": "x"}',
            '{"username": "us", "password": "x"',
            '{"username": "us", "password": "x", "expires_in": "soon"}',
            "{" * 50_000,
            "us:" + "x" * 70_000,
        ):
            with self.assertRaises(ValueError):
                self.parse(text)
        with self.assertRaises(ValueError):
            parse_login(b"us:\xff")

    def test_failure_says_nothing_of_it(self) -> None:
        for text in ('{"username": "us", "password": 5, "x": "hunter2"}', "hunter2"):
            with self.assertRaises(ValueError) as caught:
                self.parse(text)
            self.assertNotIn("hunter2", repr(caught.exception))

    @given(st.binary(max_size=40))
    def test_any_bytes_are_one_or_none(self, data: bytes) -> None:
        try:
            login, _ = parse_login(data)
        except ValueError:
            return
        self.assertTrue(login.username)


class ToldTests(SynchronousTestCase):
    def test_what_was_told_stays(self) -> None:
        source = ToldLogin(Login("us", "x"))
        source.forget()
        found = self.successResultOf(Deferred.fromCoroutine(source.get()))
        self.assertEqual(found, Login("us", "x"))


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.path = make_file(self, "credentials", b"us:old")
        os.utime(self.path, (LONG_AGO, LONG_AGO))
        self.reads = 0
        # All files count as settled: they were changed long before.
        self.source = FileLogin("x", self.path, at_once, self.clock, lambda: 4e9)

    def get(self) -> Login | None:
        """Ask who we are."""
        return self.result(self.source.get())

    def result(self, work: Coroutine[Any, Any, Login | None]) -> Login | None:
        """Give what some work comes to."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def write(self, data: bytes) -> None:
        """Change the file."""
        with open(self.path + ".new", "wb") as file:
            file.write(data)
        os.replace(self.path + ".new", self.path)

    def test_file_says_it(self) -> None:
        self.assertEqual(self.get(), Login("us", "old"))

    def test_file_is_read_again_when_it_was_changed(self) -> None:
        self.get()
        self.write(b"us:new")
        self.clock.advance(4.9)
        self.assertEqual(self.get(), Login("us", "old"))
        self.clock.advance(0.1)
        self.assertEqual(self.get(), Login("us", "new"))

    def test_file_is_looked_at_when_what_it_said_is_refused(self) -> None:
        self.get()
        self.write(b"us:new")
        self.source.forget()
        self.assertEqual(self.get(), Login("us", "new"))

    def test_file_that_was_changed_just_now_may_be_so_again(self) -> None:
        stamps = ((1, 1, 1, LONG_AGO * 10**9, LONG_AGO * 10**9),)
        self.patch(logins, "stamp", lambda _: stamps)
        for later, seen in ((1.0, "new"), (60.0, "old")):
            self.write(b"us:old")
            now = LONG_AGO + later
            self.source = FileLogin("x", self.path, at_once, self.clock, lambda: now)  # noqa: B023 - used at once
            self.get()
            self.write(b"us:new")
            self.clock.advance(5)
            self.assertEqual(self.get(), Login("us", seen))

    def test_what_was_there_stays_when_the_file_is_unusable(self) -> None:
        self.get()
        for spoil in (lambda: self.write(b"hunter2"), lambda: os.remove(self.path)):
            spoil()
            self.source.forget()
            with capturedLogs() as logs:
                self.assertEqual(self.get(), Login("us", "old"))
            (event,) = logs
            self.assertEqual(event["path"], self.path)
            self.assertNotIn("hunter2", str(event))

    def test_without_a_file_nobody_knows(self) -> None:
        os.remove(self.path)
        work = Deferred.fromCoroutine(self.source.get())
        fault = self.failureResultOf(work, UpstreamUnavailable).value
        self.assertIn("the file with its credentials is unusable", fault.reason)
        self.write(b"us:new")
        self.clock.advance(5)
        self.assertEqual(self.get(), Login("us", "new"))
