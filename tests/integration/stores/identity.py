"""A small Keystone, versions 2 and 3, before a Swift that knows only version 1.

Tokens are opaque, so what is handed out is the token that the real service gives, in
the form of the version that was asked.
"""

import json
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.interfaces import IReactorTCP
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

USER = {"name": "tester", "domain": {"name": "people"}, "password": "testing"}
API_KEY = {"username": "tester", "apiKey": "0123456789abcdef"}
CREDENTIAL = {"id": "credential", "secret": "its secret"}
PROJECT = {"name": "project", "domain": {"name": "people"}}
REGION = "DFW"


class Identity(Resource):
    """Answer as an identity service.

    Args:
        login: Gives a token and the account's URL.

    Attributes:
        asked: How often somebody logged in.
    """

    isLeaf = True

    def __init__(self, login: Callable[[], tuple[str, str]]) -> None:
        super().__init__()
        self.asked = 0
        self._login = login
        listen: Any = IReactorTCP(reactor).listenTCP
        port = listen(0, Site(self), interface="127.0.0.1")
        self.stop = port.stopListening
        self.url = f"http://127.0.0.1:{port.getHost().port}"

    def render_POST(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """See ``IResource``."""
        assert request.content is not None
        asked = json.loads(request.content.read())["auth"]
        request.setHeader("Content-Type", "application/json")
        if request.path == b"/v3/auth/tokens":
            return self._keystone(request, asked)
        if request.path == b"/v2.0/tokens":
            return self._rackspace(request, asked)
        request.setResponseCode(404)
        return b"{}"

    def _keystone(self, request: Request, asked: dict[str, Any]) -> bytes:
        identity = asked["identity"]
        scoped = "scope" not in asked
        if identity["methods"] == ["password"]:
            known = identity["password"] == {"user": USER}
            scoped = asked.get("scope") == {"project": PROJECT}
        else:
            known = identity == {
                "methods": ["application_credential"],
                "application_credential": CREDENTIAL,
            }
        if not known:
            return _refuse(request)
        token, url = self._hand_out()
        request.setResponseCode(201)
        request.setHeader("X-Subject-Token", token)
        endpoints = [
            _endpoint("elsewhere", "public", "http://127.0.0.1:9/"),
            _endpoint(REGION, "admin", "http://127.0.0.1:9/"),
            _endpoint(REGION, "public", url),
            _endpoint(REGION, "internal", url),
        ]
        told: dict[str, Any] = {
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "expires_at": "2026-01-02T00:00:00.000000Z",
            "methods": identity["methods"],
        }
        if scoped:
            told["catalog"] = [
                {"type": "identity", "endpoints": []},
                {"type": "object-store", "name": "swift", "endpoints": endpoints},
            ]
        return json.dumps({"token": told}).encode()

    def _rackspace(self, request: Request, asked: dict[str, Any]) -> bytes:
        if asked != {"RAX-KSKEY:apiKeyCredentials": API_KEY}:
            return _refuse(request)
        token, url = self._hand_out()
        endpoint = {"publicURL": url, "internalURL": url, "tenantId": "MossoCloudFS_1"}
        access = {
            "token": {"id": token, "expires": "2099-01-01T00:00:00.000Z"},
            "serviceCatalog": [
                {"name": "cloudFilesCDN", "type": "rax:object-cdn", "endpoints": []},
                {
                    "name": "cloudFiles",
                    "type": "object-store",
                    "endpoints": [
                        {"region": "ORD", "publicURL": "http://127.0.0.1:9/v1/x"},
                        {"region": REGION, **endpoint},
                    ],
                },
            ],
        }
        return json.dumps({"access": access}).encode()

    def _hand_out(self) -> tuple[str, str]:
        self.asked += 1
        return self._login()


def _endpoint(region: str, interface: str, url: str) -> dict[str, str]:
    return {"region": region, "region_id": region, "interface": interface, "url": url}


def _refuse(request: Request) -> bytes:
    request.setResponseCode(401)
    return b'{"error": {"code": 401, "title": "Unauthorized"}}'
