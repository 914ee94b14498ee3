"""Tests of ``txregistry/assembly/reloading.py``: keys of tokens, and threads."""

import os
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel

from tests.assembly import test_reloading
from tests.assembly.test_reloading import BOBS, OPEN, warnings
from tests.auth.bearertokens import ED, OTHER
from tests.temporary import make_file
from tests.web.exchange import logged
from tests.web.v1.people import EVE
from txregistry.assembly.reloading import Reloading
from txregistry.auth.issuing import BearerIssuer
from txregistry.model.access import Identity
from txregistry.model.tokenscopes import TokenScopes


class ThreadTests(test_reloading.ReloadingCase):
    """Files are read elsewhere than on the reactor."""

    def test_everything_goes_elsewhere(self) -> None:
        self.write(BOBS)
        reloading = self.start()
        self.assertEqual(self.worked, [])
        self.late = 10.0
        self.look()
        self.assertEqual(self.worked, ["stamp", "stamp", "stamp", "read", "make_rules"])
        self.worked.clear()
        self.look()
        self.assertEqual(self.worked, ["stamp"] * 2)
        self.worked.clear()
        self.successResultOf(reloading.reload())
        self.assertEqual(self.worked, ["stamp", "read", "make_rules"])

    def test_file_that_may_change_unseen_is_read_again(self) -> None:
        self.write(BOBS)
        self.start()
        self.late = 1.0
        self.look()
        self.worked.clear()
        self.look()
        self.assertIn("read", self.worked)
        self.late = 10.0
        self.look()
        self.worked.clear()
        self.look()
        self.assertEqual(self.worked, ["stamp"] * 2)

    def test_two_at_once_take_turns(self) -> None:
        self.write(BOBS)
        reloading = self.start()
        held: list[tuple[Deferred[Any], Callable[[], Any]]] = []

        def blocking(
            work: Callable[..., Any], /, *args: Any, **kwargs: Any
        ) -> "Deferred[Any]":
            done: Deferred[Any] = Deferred()
            held.append((done, lambda: work(*args, **kwargs)))
            return done

        reloading._blocking = blocking
        first, second = reloading.reload(), reloading.reload()
        self.assertEqual(len(held), 1)
        self.write(OPEN)
        while held:
            done, work = held.pop(0)
            done.callback(work())
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(self.status(EVE), 200)


class KeysTests(test_reloading.ReloadingCase):
    """Bob comes with tokens of a service."""

    def setUp(self) -> None:
        super().setUp()
        self.keys = make_file(self, "jwks", self.issuer(ED).jwks())

    def issuer(self, key: Ed25519PrivateKey) -> BearerIssuer:
        """Give the service, with one key or another."""
        return BearerIssuer(key, "issuer", "service", self.clock, str)

    def start_with_tokens(self) -> Reloading:
        """Serve, and watch the keys."""
        self.write_tokens()
        return self.start()

    def write_tokens(self, more: str = "") -> None:
        """Write settings with the service."""
        token = (
            f"realm: 'https://a', service: service, issuer: issuer, jwks: {self.keys}"
        )
        self.replace(f"auth: {{token: {{{token}}}{more}}}")

    def status_with(self, key: Ed25519PrivateKey) -> int:
        """Come with a token of a key."""
        scopes = TokenScopes.parse("repository:acme/web:pull")
        text = self.issuer(key).issue(Identity("bob"), scopes)
        return self.status({"Authorization": f"Bearer {text}"})

    def rotate(self, data: bytes) -> None:
        """Put other keys in place."""
        with open(f"{self.keys}.new", "wb") as file:
            file.write(data)
        os.replace(f"{self.keys}.new", self.keys)

    def statuses(self) -> list[int]:
        """Come with tokens of both keys."""
        return [self.status_with(each) for each in (ED, OTHER)]

    def test_they_are_those_that_are_there(self) -> None:
        self.start_with_tokens()
        self.assertEqual(self.statuses(), [200, 401])
        self.rotate(self.issuer(OTHER).jwks())
        self.look()
        self.assertEqual(self.statuses(), [401, 200])

    def test_those_that_cannot_be_used_are_not_taken(self) -> None:
        self.start_with_tokens()
        self.rotate(b"junk")
        with logged() as events:
            self.look()
            self.look()
        (told,) = warnings(events, LogLevel.error)
        self.assertIn("auth.token.jwks", told)
        self.assertEqual(self.statuses(), [200, 401])

    def test_they_do_not_hold_up_the_rules(self) -> None:
        rules = ", rules: [{who: [everyone], repositories: [acme/web], may: [pull]}]"
        self.start_with_tokens()
        self.assertEqual(self.status(), 401)
        self.rotate(b"junk")
        self.write_tokens(rules)
        self.look()
        self.assertEqual(self.status(), 200)

    def test_rules_do_not_hold_up_them(self) -> None:
        self.start_with_tokens()
        self.rotate(self.issuer(OTHER).jwks())
        self.replace("htp: 1")
        self.look()
        self.assertEqual(self.statuses(), [401, 200])

    def test_change_is_told(self) -> None:
        self.start_with_tokens()
        with logged() as events:
            self.look()
            self.rotate(self.issuer(OTHER).jwks())
            self.look()
            self.look()
        told = [each for each in warnings(events, LogLevel.info) if "keys" in each]
        self.assertEqual(told, ["The keys of tokens were read anew, and are in force"])
