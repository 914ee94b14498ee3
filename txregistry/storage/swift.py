"""Objects in OpenStack's Swift, which Rackspace calls Cloud Files.

Source: the Object Storage API, version 1. Large objects of both kinds, dynamic and
static, are read like others: the server puts them together. A dynamic one consists of
what is listed at that moment, so who reads one should know its size.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.objects import LISTING_LIMIT, Names, RemoteObjectSource, T, Take
from txregistry.storage.remote import Answer, RemoteServer, Request
from txregistry.streams import read_all
from txregistry.tasks import Turns

_OK: Final = 200
_NOTHING: Final = 204
_UNKNOWN: Final = 401


@dataclass(frozen=True, slots=True, eq=False)
class SwiftSession:
    """A time for which an account can be used.

    Attributes:
        url: Where its containers are, without ``/`` at the end.
        token: What proves it.
    """

    url: str
    token: str = field(repr=False)


class SwiftIdentity:
    """Log in by version 1, as Swift's own TempAuth and its like have it.

    Args:
        server: How it is asked.
        url: Where: ``https://host/auth/v1.0``.
        user: The user; with TempAuth ``account:user``.
        key: The user's key.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(self, server: RemoteServer, url: str, user: str, key: str) -> None:
        if not _is_url(url):
            raise ValueError("an identity service has an http:// or https:// URL")
        self._server = server
        self._url = url
        self._headers = {"X-Auth-User": user, "X-Auth-Key": key}
        self._place = f"The identity service {url}"
        self._session: SwiftSession | None = None
        self._turns = Turns()

    async def session(self, ended: SwiftSession | None = None) -> SwiftSession:
        """Give a session; many may use it.

        Args:
            ended: One that proved to be over: another is begun, unless somebody did so
                meanwhile.

        Raises:
            StorageUnavailable: none is to be had.
        """
        async with self._turns.on("session"):
            if self._session is None or self._session is ended:
                self._session = await self._server.ask(self._make, self._take)
            return self._session

    def _make(self) -> Request:
        return Request(self._place, "GET", self._url, self._headers)

    async def _take(self, answer: Answer) -> SwiftSession:
        await answer.remark()
        if answer.status not in {_OK, _NOTHING}:
            raise StorageUnavailable(f"{self._place} answered {answer.status}")
        url = answer.header("X-Storage-Url").rstrip("/")
        token = answer.header("X-Auth-Token")
        if not token or not _is_url(url):
            raise StorageUnavailable(f"{self._place} gave no account and token")
        if self._url.startswith("https:") and not url.startswith("https:"):
            raise StorageUnavailable(f"{self._place} would show the token to everybody")
        return SwiftSession(url, token)


class _SessionEnded(Exception):
    """The token is not, or no longer, good."""


class _Entry(msgspec.Struct):
    """A line of a listing: an object or a group."""

    name: str = ""
    subdir: str = ""


_LISTING: Final = msgspec.json.Decoder(list[_Entry])


class SwiftObjectSource(RemoteObjectSource):
    """Read objects in a container.

    Args:
        server: How it is asked.
        identity: Who asks.
        container: The container.
        root: What the names there begin with beside our keys.
    """

    def __init__(
        self,
        server: RemoteServer,
        identity: SwiftIdentity,
        container: str,
        root: str = "",
    ) -> None:
        super().__init__(f"The Swift container {container}", root)
        self._server = server
        self._identity = identity
        self._container = quote(container, safe="")

    async def _ask(
        self,
        method: str,
        name: str,
        query: str,
        headers: Mapping[str, str],
        take: Take[T],
    ) -> T:
        path = f"{self._container}/{name}".rstrip("/") + f"?{query}".rstrip("?")

        async def take_unless_ended(answer: Answer) -> T:
            if answer.status == _UNKNOWN:
                await answer.remark()
                raise _SessionEnded
            return await take(answer)

        session = await self._identity.session()
        make = partial(self._make, method, path, headers)
        try:
            return await self._server.ask(partial(make, session), take_unless_ended)
        except _SessionEnded:
            session = await self._identity.session(session)
            return await self._server.ask(partial(make, session), take)

    async def _list(
        self, prefix: str, after: str, count: int, *, delimiter: bool
    ) -> Names:
        asked = {
            "format": "json",
            "prefix": prefix,
            "marker": after,
            "limit": str(count),
            "delimiter": "/" if delimiter else "",
        }

        async def take(answer: Answer) -> Names:
            if answer.status == _NOTHING:
                return [], False
            if answer.status != _OK:
                raise await self._refusal(answer)
            data = await read_all(answer.body, LISTING_LIMIT)
            try:
                entries = _LISTING.decode(data or b"")
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise StorageUnavailable(f"{self._place} gave no listing") from None
            names = [entry.name or entry.subdir for entry in entries]
            return names, len(names) >= count

        query = "&".join(
            f"{name}={quote(text, safe='')}" for name, text in asked.items() if text
        )
        return await self._ask("GET", "", query, {}, take)

    def _make(
        self, method: str, path: str, headers: Mapping[str, str], session: SwiftSession
    ) -> Request:
        return Request(
            self._place,
            method,
            f"{session.url}/{path}",
            {**headers, "X-Auth-Token": session.token},
        )


def _is_url(text: str) -> bool:
    """Whether this is a URL of HTTP, quoted, and with nobody's name in it."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - it is looked at only here
    except ValueError:
        return False
    return (
        text.isascii()
        and text.isprintable()
        and " " not in text
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and not parts.query
        and not parts.fragment
    )
