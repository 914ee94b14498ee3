"""Tests of ``txregistry/storage/swiftlogin.py``, with answers as documented."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.storage.playing import PlayedCase, Reply
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.swiftlogin import (
    Keystone,
    SwiftEndpoint,
    SwiftLogin1,
    SwiftLogin2,
    SwiftLogin3,
)
from txregistry.storage.swiftsession import ISwiftLogin, SwiftIdentity, SwiftSession

V1, V2, V3 = "http://host/auth/v1.0", "http://host/v2.0", "http://host/v3"
STORE = "http://swift/v1/AUTH_1"


def keystone(**token: Any) -> Reply:
    """Answer as Keystone does."""
    endpoints = [
        {"interface": "admin", "region": "one", "region_id": "one", "url": "http://no"},
        {"interface": "public", "region": "one", "region_id": "one", "url": STORE},
        {"interface": "public", "region": "two", "url": f"{STORE}2/"},
    ]
    told = {
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": "2026-01-01T01:00:00.000000Z",
        "catalog": [
            {"type": "compute", "endpoints": []},
            {"type": "object-store", "name": "swift", "endpoints": endpoints},
        ],
    }
    body = json.dumps({"token": told | token}).encode()
    return Reply(201, body, {"X-Subject-Token": "token"})


def rackspace(expires: str = "2026-01-02T00:00:00.000Z") -> Reply:
    """Answer as Rackspace does."""
    endpoints = [
        {"region": "ORD", "publicURL": f"{STORE}o", "internalURL": "http://snet-o/v1"},
        {"region": "DFW", "publicURL": f"{STORE}d", "internalURL": "http://snet-d/v1"},
    ]
    access = {
        "token": {"id": "token", "expires": expires, "tenant": {"id": "1"}},
        "serviceCatalog": [
            {"name": "cloudFilesCDN", "type": "rax:object-cdn", "endpoints": []},
            {"name": "cloudFiles", "type": "object-store", "endpoints": endpoints},
        ],
        "user": {"id": "1"},
    }
    headers = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    return Reply(200, json.dumps({"access": access}).encode(), headers)


class LoginCase(PlayedCase):
    def log_in(self, login: ISwiftLogin, *replies: Reply) -> SwiftSession:
        """Give the session that comes of some answers."""
        server = self.play(*replies)
        return self.result(SwiftIdentity(server, login, self.clock).session())

    def breaks(self, login: ISwiftLogin, *replies: Reply, advice: str = "") -> str:
        """Expect that no session is had, and give what is said of it."""
        identity = SwiftIdentity(self.play(*replies), login, self.clock, advice)
        said = self.fault(StorageUnavailable, identity.session())
        self.assertNotIn("secret", said)
        return said


class RenewalTests(LoginCase):
    def lives(self, life: str, *waits: float) -> list[str]:
        """Give the tokens that are had after some seconds each."""
        replies = [
            Reply(
                headers={
                    "X-Storage-Url": STORE,
                    "X-Auth-Token": str(number),
                    "X-Auth-Token-Expires": life,
                }
            )
            for number in range(9)
        ]
        login = SwiftLogin1(V1, "user", "secret")
        identity = SwiftIdentity(self.play(*replies), login, self.clock)
        tokens = []
        for wait in waits:
            self.clock.advance(wait)
            tokens.append(self.result(identity.session()).token)
        return tokens

    def test_a_session_is_renewed_some_minutes_before_its_end(self) -> None:
        self.assertEqual(self.lives("86400", 0, 86000, 200), ["0", "0", "1"])

    def test_a_short_one_is_renewed_a_part_of_its_life_before(self) -> None:
        self.assertEqual(self.lives("100", 0, 80, 15), ["0", "0", "1"])

    def test_one_whose_end_is_not_told_is_kept(self) -> None:
        for life in ("", "x", "-1"):
            self.assertEqual(self.lives(life, 0, 10**9), ["0", "0"])


class KeystoneTests(LoginCase):
    def told(self, **given: Any) -> dict[str, Any]:
        """Give what Keystone is told."""
        told: dict[str, Any] = json.loads(Keystone(**given).body())["auth"]
        return told

    def test_a_session(self) -> None:
        session = self.log_in(SwiftLogin3(f"{V3}/", Keystone()), keystone())
        self.assertEqual((session.url, session.token), (STORE, "token"))
        self.assertEqual(session.life, 3600)
        asked = self.agent.asked[0]
        self.assertEqual((asked.method, asked.target), ("POST", "/v3/auth/tokens"))
        self.assertEqual(asked.header("Content-Type"), "application/json")

    def test_a_password(self) -> None:
        told = self.told(
            user=("user", None),
            password="secret",
            domain=("people", None),
            project=("project", None),
            project_domain=(None, "d2"),
        )
        user = {"name": "user", "domain": {"name": "people"}, "password": "secret"}
        project = {"name": "project", "domain": {"id": "d2"}}
        self.assertEqual(
            told,
            {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": project},
            },
        )

    def test_a_project_is_in_the_domain_of_its_user(self) -> None:
        told = self.told(
            user=("user", None), domain=(None, "d1"), project=("project", None)
        )
        self.assertEqual(told["scope"]["project"]["domain"], {"id": "d1"})

    def test_the_default_domain(self) -> None:
        told = self.told(user=("user", None), project=("project", None))
        self.assertEqual(told["scope"]["project"]["domain"], {"id": "default"})
        user = told["identity"]["password"]["user"]
        self.assertEqual(user["domain"], {"id": "default"})

    def test_ids_need_no_domain(self) -> None:
        told = self.told(user=("user", "u1"), project=("project", "p1"))
        self.assertEqual(told["scope"], {"project": {"id": "p1"}})
        user = told["identity"]["password"]["user"]
        self.assertEqual(user, {"id": "u1", "password": ""})

    def test_a_trust_is_what_is_asked_for(self) -> None:
        told = self.told(user=("user", None), project=("p", None), trust="t1")
        self.assertEqual(told["scope"], {"OS-TRUST:trust": {"id": "t1"}})

    def test_an_application_credential_has_no_scope(self) -> None:
        told = self.told(credential=("id", "secret"), project=("project", None))
        way = {"id": "id", "secret": "secret"}
        identity = {"methods": ["application_credential"]}
        self.assertEqual(told, {"identity": identity | {"application_credential": way}})

    def test_a_region(self) -> None:
        login = SwiftLogin3(V3, Keystone(), SwiftEndpoint("two"))
        self.assertEqual(self.log_in(login, keystone()).url, f"{STORE}2")

    def test_what_is_not_in_the_catalog(self) -> None:
        for endpoint, text in (
            (SwiftEndpoint("three", advice="look there"), "three; look there"),
            (SwiftEndpoint("two", "internal"), "no internal object store of ours"),
        ):
            login = SwiftLogin3(V3, Keystone(), endpoint)
            self.assertIn(text, self.breaks(login, keystone()))

    def test_no_catalog(self) -> None:
        said = self.breaks(SwiftLogin3(V3, Keystone()), keystone(catalog=[]))
        self.assertIn("no public object store", said)

    def test_nobody_that_is_known(self) -> None:
        reply = Reply(401, b'{"error": {"message": "secret"}}')
        said = self.breaks(SwiftLogin3(V3, Keystone()), reply, advice="look at that")
        self.assertIn(f"{V3} answered 401: it does not know us; look at that", said)

    def test_nothing_secret_is_shown(self) -> None:
        shown = repr(Keystone(password="secret", credential=("id", "secret")))
        self.assertNotIn("secret", shown)

    @given(st.binary(max_size=50) | st.just(b'{"token": {"catalog": [{}]}}'))
    def test_whatever_is_answered_is_no_session(self, body: bytes) -> None:
        self.breaks(SwiftLogin3(V3, Keystone()), Reply(201, body))


class RackspaceTests(LoginCase):
    def test_an_api_key(self) -> None:
        login = SwiftLogin2(V2, "user", "secret", api_key=True)
        session = self.log_in(login, rackspace())
        self.assertEqual((session.url, session.token), (f"{STORE}o", "token"))
        self.assertEqual(session.life, 86400)
        self.assertEqual(self.agent.asked[0].target, "/v2.0/tokens")
        sent = json.loads(self.agent.asked[0].body)
        credentials = {"username": "user", "apiKey": "secret"}
        self.assertEqual(sent, {"auth": {"RAX-KSKEY:apiKeyCredentials": credentials}})

    def test_a_password_and_a_tenant(self) -> None:
        login = SwiftLogin2(V2, "user", "secret", tenant=("t", None))
        self.log_in(login, rackspace())
        credentials = {"username": "user", "password": "secret"}
        self.assertEqual(
            json.loads(self.agent.asked[0].body),
            {"auth": {"passwordCredentials": credentials, "tenantName": "t"}},
        )

    def test_a_region_by_its_inner_network(self) -> None:
        login = SwiftLogin2(
            V2, "user", "key", endpoint=SwiftEndpoint("DFW", "internal")
        )
        self.assertEqual(self.log_in(login, rackspace()).url, "http://snet-d/v1")

    def test_an_end_that_cannot_be_read(self) -> None:
        for text in ("", "soon", "2020-01-01T00:00:00Z", "2026-01-02"):
            session = self.log_in(SwiftLogin2(V2, "user", "key"), rackspace(text))
            self.assertIsNone(session.life)
