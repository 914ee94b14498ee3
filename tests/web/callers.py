"""A registry of version 2 that knows some people, and what they send."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from cryptography.x509 import Certificate
from twisted.internet.task import Clock
from zope.interface import alsoProvides

from tests.temporary import make_file
from tests.web.answers import Answer
from tests.web.exchange import Exchange, Headers, WebCase, request_bytes
from tests.web.v1.case import basic
from tests.web.v1.people import HTPASSWD, RULES
from txregistry.model.names import RepositoryName
from txregistry.registry.privacy import Properties
from txregistry.settings.sections import (
    Auth,
    Certificates,
    Htpasswd,
    Http,
    Rule,
    Settings,
    Tls,
    TokenEndpoint,
)
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.memory import MemoryObjectStore
from txregistry.web.certificates import ICertifiedTransport

NOW = 1_750_000_000
WRONG = basic("bob", "guess")
CERTIFIED = Http(tls=Tls("certificate", "key", ("ca",)))
BASIC = 'Basic realm="txregistry"'
TOKENS = 'Bearer realm="http://registry.example/auth/token",service="txregistry"'
NAMES = ("acme/open", "acme/shared", "acme/web", "eve/own", "solo")
"""What there is."""

_LONGEST = 30
"""Seconds for which who guesses may have to wait."""


class CallersCase(WebCase):
    """Bob and eve have passwords, and can get tokens; anybody may have a certificate.

    Rules and people are those of `tests.web.v1.people`. Inherit as
    ``callers.CallersCase``.
    """

    rules: Sequence[Rule] | None = RULES
    auth: Mapping[str, Any] = {"endpoint": TokenEndpoint()}
    """Settings of ``auth`` beside the accounts and rules."""

    passwords = True
    certificates = False
    settings: Mapping[str, Any] = {}
    """Others."""

    site: Mapping[str, Any] = {}

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.exchange = self.inside = Exchange(
            clock=self.clock, store=self.make_store()
        )
        for name in NAMES:
            self.push_image(name, "latest")
        self.exchange = self.serve(self.make_settings())

    def make_store(self) -> IObjectStore:
        """Make the place for what there is."""
        return MemoryObjectStore(self.clock)

    def make_settings(self, **others: Any) -> Settings:
        """Write the settings; others go over those of the class."""
        auth: dict[str, Any] = {**self.auth}
        if self.rules is not None:
            auth["rules"] = tuple(self.rules)
        if self.passwords:
            auth["htpasswd"] = Htpasswd(make_file(self, "htpasswd", HTPASSWD))
        if self.certificates:
            auth["certificates"] = Certificates(groups="ou")
        chosen = {"auth": Auth(**auth), "http": CERTIFIED, **self.settings, **others}
        return Settings(**chosen)

    def rule(self, *rules: Rule) -> None:
        """Let other rules be in force."""
        auth = msgspec.structs.replace(self.make_settings().auth, rules=rules)
        self.exchange = self.serve(self.make_settings(auth=auth))

    def serve(self, settings: Settings, **more: Any) -> Exchange:
        """Let others in to what there is."""
        store = self.inside.store
        site = {**self.site}
        return Exchange(
            version2=settings, store=store, clock=self.clock, site=site, **more
        )

    def hide(self, name: str) -> None:
        """Let a repository be private, by its owner's word."""
        privacy = self.exchange.registry.privacy
        self.exchange.wait(
            privacy.set(RepositoryName.parse(name), Properties("private"))
        )

    def ask(
        self,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes | None = None,
        certificate: Certificate | None = None,
    ) -> Answer:
        """Ask one thing, and wait as long as those have to who guess passwords."""
        connection = self.exchange.connect()
        if certificate is not None:
            pipe: Any = connection.pipe
            pipe.client_certificate = lambda: certificate
            alsoProvides(pipe, ICertifiedTransport)
        connection.send(request_bytes(method, target, headers, body))
        for _ in range(_LONGEST):
            if connection.received:
                break
            self.clock.advance(1)
            connection.settle()
        answer = connection.answer(method)
        connection.drop()
        return answer

    def ask_token(self, *scopes: str, headers: Headers = (), **more: str) -> Answer:
        """Ask for a token."""
        query = [*(("scope", each) for each in scopes), *more.items()]
        return self.get(f"/auth/token?{urlencode(query)}", headers)

    def token(self, *scopes: str, headers: Headers = ()) -> dict[str, str]:
        """Be given a token, and spell it as a header."""
        answer = self.ask_token(*scopes, headers=headers)
        self.assertEqual(answer.status, 200, answer.body)
        return {"Authorization": f"Bearer {answer.json['token']}"}

    def challenges(self, answer: Answer) -> list[str]:
        """Give what an answer tells to send."""
        return answer.all("www-authenticate")

    def catalog(self, headers: Headers = (), query: str = "") -> list[str]:
        """List repositories."""
        answer = self.get(f"/v2/_catalog{query}", headers)
        self.assertEqual(answer.status, 200, answer.body)
        found: list[str] = answer.json["repositories"]
        return found


def shape(answer: Answer, name: str) -> tuple[int, list[tuple[str, str]], str]:
    """Give all that an answer tells, but for a repository's name and the time."""
    fields = [
        (field, value.replace(name, "NAME"))
        for field, value in answer.fields
        if field not in {"date", "content-length"}
    ]
    return answer.status, fields, json.dumps(answer.json).replace(name, "NAME")
