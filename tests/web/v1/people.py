"""A registry with accounts: who may do what there, and how their tokens can be bent."""

from collections.abc import Mapping
from typing import Any

from tests.temporary import make_file
from tests.web.answers import Answer
from tests.web.exchange import Exchange, Headers, request_bytes
from tests.web.v1 import case
from tests.web.v1.case import basic
from txregistry.settings.sections import Auth, Htpasswd, Index, Rule, Settings, Version1

BOB = basic("bob", "secret")
"""May do everything to all that is below ``acme``, and to ``solo``."""

EVE = basic("eve", "guessed")
"""May do everything below ``eve``, and pull ``acme/shared``.

Everybody may pull ``acme/open``.
"""

NOBODY = {"Authorization": "Basic Og=="}
"""What engines without an account send: an empty name and an empty password."""

HTPASSWD = (
    b"bob:$2b$04$VTbCk0x3PKFuMjpVPxNvletOwCf/btYPtHxIaT/aoh8ske9IISxMK\n"
    b"eve:$2b$04$ySmg0rqazfHus9oFYztym.PDZCmWaApvGjfYURGZ5T9sr7G62EaPO\n"
)
"""What ``htpasswd -B`` makes of both, with the least work."""

ALL = ("pull", "push", "delete")
RULES = (
    Rule(who=("bob",), repositories=("acme/**", "solo"), may=ALL),
    Rule(who=("eve",), repositories=("eve/**",), may=ALL),
    Rule(who=("eve",), repositories=("acme/shared",), may=("pull",)),
    Rule(who=("everyone",), repositories=("acme/open",), may=("pull",)),
)
DOCKER_1_5 = {
    "User-Agent": "docker/1.5.0 go/go1.4.1 git-commit/a8a31ef kernel/3.13.0 "
    "os/linux arch/amd64"
}
BASIC_CHALLENGE = 'Basic realm="auth required",Token'
UNAUTHORIZED = "Requires authorization"


class PeopleCase(case.V1Case):
    """A registry that knows bob and eve. Inherit as ``people.PeopleCase``."""

    version1 = Version1()
    more: Mapping[str, Any] = {}
    """Settings of ``auth`` beside the accounts."""

    index: Mapping[str, Any] = {}
    """Settings of the Index."""

    def setUp(self) -> None:
        super().setUp()
        path = make_file(self, "htpasswd", HTPASSWD)
        auth = Auth(**{"htpasswd": Htpasswd(path), "rules": RULES, **self.more})
        self.settings = Settings(auth=auth, index=Index(**self.index), v1=self.version1)
        self.exchange = Exchange(version1=self.settings, clock=self.exchange.clock)

    def ask_slowly(
        self, method: str, target: str, headers: Headers, body: bytes | None = None
    ) -> Answer:
        """Ask, and wait as long as those have to who guess passwords."""
        connection = self.exchange.connect()
        connection.send(request_bytes(method, target, headers, body))
        if not connection.received:
            self.exchange.clock.advance(8)
        answer = connection.answer(method)
        connection.drop()
        return answer


def bent(
    token: Mapping[str, str], old: str = "", new: str = "", scheme: str = "Token"
) -> dict[str, str]:
    """Change a token's text, and give it as a header."""
    text = token["Authorization"].removeprefix("Token ")
    if old and old not in text:
        raise AssertionError(f"{old} is not in {text}")
    return {"Authorization": f"{scheme} {text.replace(old, new)}"}
