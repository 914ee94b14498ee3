"""Logging in to Swift: by version 1, 2 or 3 of OpenStack's ways to say who one is.

Sources: Swift's TempAuth (version 1), Rackspace's Identity API 2.0 and Keystone's API
version 3.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec
from zope.interface import implementer

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.remote import Answer, Request
from txregistry.storage.requestbody import BytesBody
from txregistry.storage.swiftsession import ISwiftLogin, SwiftSession, is_url
from txregistry.streams import read_all

_LIMIT: Final = 4 * 1024 * 1024
"""Bytes in an answer at most: catalogs are long."""
Pair = tuple[str | None, str | None]
"""A name and an id, of which one will do."""


@implementer(ISwiftLogin)
class SwiftLogin1:
    """Log in by version 1, as Swift's own TempAuth and its like have it.

    Args:
        url: Where: ``https://host/auth/v1.0``.
        user: The user; with TempAuth ``account:user``.
        key: The user's key.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(self, url: str, user: str, key: str) -> None:
        self._url = _checked(url)
        self._headers = {"X-Auth-User": user, "X-Auth-Key": key}
        self.place = f"The identity service {url}"

    def request(self) -> Request:
        """See `ISwiftLogin`."""
        return Request(self.place, "GET", self._url, self._headers)

    async def take(self, answer: Answer) -> SwiftSession:
        """See `ISwiftLogin`."""
        await answer.remark()
        life = answer.header("X-Auth-Token-Expires")
        return SwiftSession(
            answer.header("X-Storage-Url").rstrip("/"),
            answer.header("X-Auth-Token"),
            float(life) if re.fullmatch(r"[0-9]{1,12}", life) else None,
        )


class _Endpoint(msgspec.Struct):
    """Where a service is: by version 2 in a field for each interface."""

    region: str | None = None
    region_id: str | None = None
    interface: str = ""
    url: str = ""
    public: str = msgspec.field(default="", name="publicURL")
    internal: str = msgspec.field(default="", name="internalURL")
    admin: str = msgspec.field(default="", name="adminURL")


class _Service(msgspec.Struct):
    type: str = ""
    endpoints: list[_Endpoint] = []


class _Token2(msgspec.Struct):
    id: str
    expires: str = ""


class _Access(msgspec.Struct):
    token: _Token2
    catalog: list[_Service] = msgspec.field(default=[], name="serviceCatalog")


class _Answer2(msgspec.Struct):
    access: _Access


class _Token3(msgspec.Struct):
    issued_at: str = ""
    expires_at: str = ""
    catalog: list[_Service] = []


class _Answer3(msgspec.Struct):
    token: _Token3


@dataclass(frozen=True, slots=True)
class SwiftEndpoint:
    """Which of a catalog's places is meant.

    Attributes:
        region: The region; empty: the first that there is.
        interface: ``public``, ``internal`` or ``admin``.
        advice: What to look at where there is no such place.
    """

    region: str = ""
    interface: str = "public"
    advice: str = ""

    def find(self, place: str, catalog: list[_Service]) -> str:
        """Find an account's URL.

        Raises:
            StorageUnavailable: there is none.
        """
        for service in catalog:
            if service.type != "object-store":
                continue
            for each in service.endpoints:
                url = each.url or str(getattr(each, self.interface))
                if (
                    url
                    and each.interface in {"", self.interface}
                    and self.region in {"", each.region, each.region_id}
                ):
                    return url.rstrip("/")
        where = f" in the region {self.region}" if self.region else ""
        said = f"{place} knows no {self.interface} object store of ours{where}"
        raise StorageUnavailable(f"{said}; {self.advice}" if self.advice else said)


@implementer(ISwiftLogin)
class SwiftLogin2:
    """Log in by version 2: with a password, or with Rackspace's API key.

    Args:
        url: Where: ``https://host/v2.0``.
        user: The user.
        secret: The password or API key.
        api_key: Whether it is an API key.
        tenant: The tenant's name and id, where one has to be named.
        endpoint: What is meant of the catalog.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self,
        url: str,
        user: str,
        secret: str,
        *,
        api_key: bool = False,
        tenant: Pair = (None, None),
        endpoint: SwiftEndpoint = SwiftEndpoint(),
    ) -> None:
        self._url = f"{_checked(url).rstrip('/')}/tokens"
        self.place = f"The identity service {url}"
        kind, name = "passwordCredentials", "password"
        if api_key:
            kind, name = "RAX-KSKEY:apiKeyCredentials", "apiKey"
        body: dict[str, Any] = {kind: {"username": user, name: secret}}
        named = zip(("tenantName", "tenantId"), tenant, strict=True)
        body.update((key, text) for key, text in named if text)
        self._body = msgspec.json.encode({"auth": body})
        self._endpoint = endpoint

    def request(self) -> Request:
        """See `ISwiftLogin`."""
        return _post(self.place, self._url, self._body)

    async def take(self, answer: Answer) -> SwiftSession:
        """See `ISwiftLogin`."""
        access = (await _read(self.place, answer, _Answer2)).access
        began = answer.header("Date")
        return SwiftSession(
            self._endpoint.find(self.place, access.catalog),
            access.token.id,
            _life(began, access.token.expires),
        )


@dataclass(frozen=True, slots=True)
class Keystone:
    """What Keystone is told of us.

    Attributes:
        user: The user's name and id.
        password: The user's password.
        domain: The name and id of the user's domain.
        project: The name and id of the project.
        project_domain: The name and id of the project's domain; the user's, if None.
        trust: The id of a trust.
        credential: The id and secret of an application credential, which needs nothing
            of the above.
    """

    user: Pair = (None, None)
    password: str = field(default="", repr=False)
    domain: Pair = (None, None)
    project: Pair = (None, None)
    project_domain: Pair = (None, None)
    trust: str | None = None
    credential: tuple[str, str] | None = field(default=None, repr=False)

    def body(self) -> bytes:
        """Give what is sent."""
        if self.credential is not None:
            name, secret = self.credential
            way: dict[str, Any] = {"id": name, "secret": secret}
            methods = {"application_credential": way}
        else:
            user = _named(self.user)
            if "id" not in user:
                user["domain"] = _named(self.domain) or {"id": "default"}
            methods = {"password": {"user": {**user, "password": self.password}}}
        auth: dict[str, Any] = {"identity": {"methods": list(methods), **methods}}
        scope = self._scope()
        if scope and self.credential is None:
            auth["scope"] = scope
        return msgspec.json.encode({"auth": auth})

    def _scope(self) -> dict[str, Any]:
        if self.trust:
            return {"OS-TRUST:trust": {"id": self.trust}}
        project = _named(self.project)
        if not project:
            return {}
        if "id" not in project:
            domain = _named(self.project_domain) or _named(self.domain)
            project["domain"] = domain or {"id": "default"}
        return {"project": project}


@implementer(ISwiftLogin)
class SwiftLogin3:
    """Log in by version 3: Keystone.

    Args:
        url: Where: ``https://host:5000/v3``.
        told: What it is told.
        endpoint: What is meant of the catalog.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self, url: str, told: Keystone, endpoint: SwiftEndpoint = SwiftEndpoint()
    ) -> None:
        self._url = f"{_checked(url).rstrip('/')}/auth/tokens"
        self.place = f"The identity service {url}"
        self._body = told.body()
        self._endpoint = endpoint

    def request(self) -> Request:
        """See `ISwiftLogin`."""
        return _post(self.place, self._url, self._body)

    async def take(self, answer: Answer) -> SwiftSession:
        """See `ISwiftLogin`."""
        token = (await _read(self.place, answer, _Answer3)).token
        return SwiftSession(
            self._endpoint.find(self.place, token.catalog),
            answer.header("X-Subject-Token"),
            _life(token.issued_at, token.expires_at),
        )


def _checked(url: str) -> str:
    if not is_url(url):
        raise ValueError("an identity service has an http:// or https:// URL")
    return url


def _named(pair: Pair) -> dict[str, Any]:
    """Say who is meant: by the id, if there is one."""
    name, identity = pair
    if identity:
        return {"id": identity}
    return {"name": name} if name else {}


def _post(place: str, url: str, body: bytes) -> Request:
    headers: Mapping[str, str] = {
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    return Request(place, "POST", url, headers, BytesBody(body))


async def _read(place: str, answer: Answer, kind: type[Any]) -> Any:
    data = await read_all(answer.body, _LIMIT)
    try:
        return msgspec.json.decode(data or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StorageUnavailable(f"{place} gave no account and token") from None


def _life(began: str, ends: str) -> float | None:
    """Give the seconds between two moments of the service's own clock."""
    try:
        start = _moment(began)
        life = (_moment(ends) - start).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return life if life > 0 else None


def _moment(text: str) -> datetime:
    return parsedate_to_datetime(text) if "," in text else datetime.fromisoformat(text)
