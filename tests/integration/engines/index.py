"""What engines ask of an index."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from tests.integration.engines.authorization import Route
from tests.integration.engines.connection import Header, Reply, Url
from tests.integration.engines.errors import EngineError, Unreachable
from tests.integration.engines.gojson import (
    GoError,
    decode,
    encode,
    fields_of,
    flag_of,
    list_of,
    number_of,
    text_of,
)
from tests.integration.engines.session import Session

_REDIRECTS = 10


@dataclass(frozen=True)
class Found:
    """A repository that a search found."""

    name: str
    description: str
    star_count: int
    is_official: bool
    is_automated: bool


@dataclass(frozen=True)
class SearchResults:
    """What a search found."""

    query: str
    num_results: int
    results: tuple[Found, ...]


class Index:
    """The index that a session is with.

    Args:
        session: The session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._setting = session.setting

    def announce(self, name: str, entries: list[dict[str, str]]) -> list[str]:
        """Announce a push.

        Args:
            name: The repository.
            entries: The images, with their tags.

        Returns:
            The registries to push to.
        """
        reply = self._put(f"v1/repositories/{name}/", encode(entries))
        if reply.status not in (200, 201):
            raise EngineError(
                f"Error: Status {reply.status} trying to push repository {name}: "
                + self._setting.shown(reply.body())
            )
        reply.close()
        found = self._session.authorization.take(reply)
        if self._setting.release.needs_token and not found:
            raise EngineError("Index response didn't contain an access token")
        registries = self._session.registries(reply)
        if not registries:
            raise EngineError("Index response didn't contain any endpoints")
        return registries

    def conclude(self, name: str, registries: list[str]) -> None:
        """End a push: there is never an image that has a checksum in the list."""
        headers = tuple(("X-Docker-Endpoints", url) for url in registries)
        reply = self._put(f"v1/repositories/{name}/images", b"[]", headers)
        if reply.status != 204:
            raise EngineError(
                f"Error: Status {reply.status} trying to push checksums {name}: "
                + self._setting.shown(reply.body())
            )
        reply.close()

    def images(self, name: str) -> tuple[dict[str, str], list[str]]:
        """Begin a pull.

        Returns:
            The tags that the index says images have, by id, and the registries.
        """
        reply = self._get(f"v1/repositories/{name}/images")
        if reply.status == 401:
            reply.close()
            raise EngineError(self._setting.release.login_required)
        if reply.status != 200:
            raise EngineError(self._refusal(name, reply))
        self._session.authorization.take(reply)
        registries = self._session.registries(reply)
        if not registries:
            if self._setting.release.needs_endpoints:
                reply.close()
                raise EngineError("Index response didn't contain any endpoints")
            endpoint = self._session.endpoint
            registries = [str(endpoint.url("v1/"))]
        try:
            entries = list_of(decode(reply.body(), whole=False))
            return dict(map(_image_of, entries)), registries
        except GoError as error:
            raise EngineError(str(error)) from None

    def search(self, term: str, limit: int) -> SearchResults:
        """Search for repositories."""
        query = f"q={quote_plus(term)}"
        if self._setting.release.limits_search:
            query += f"&n={limit}"
        reply = self._get(f"v1/search?{query}")
        body = reply.body()
        if reply.status != 200:
            raise EngineError(f"Unexpected status code {reply.status}")
        try:
            return _results_of(decode(body, whole=False))
        except GoError as error:
            raise EngineError(str(error)) from None

    def _get(self, path: str) -> Reply:
        url = self._session.endpoint.url(path)
        try:
            return self._session.ask(
                "GET", url, Route.INDEX, headers=(("X-Docker-Token", "true"),)
            )
        except Unreachable as error:
            raise EngineError(f"GET {url}: {error}") from error

    def _put(self, path: str, body: bytes, more: tuple[Header, ...] = ()) -> Reply:
        """Send a list of images, again where a redirect without GET leads."""
        raw = self._setting.release.raw_content_type
        headers: tuple[Header, ...] = (
            ("Content-type" if raw else "Content-Type", "application/json"),
            ("X-Docker-Token", "true"),
            *more,
        )
        url = self._session.endpoint.url(path)
        for _ in range(_REDIRECTS):
            reply = self._put_once(url, headers, body)
            if not 300 <= reply.status < 400:
                break
            reply.close()
            url = Url.parse(reply.header("Location"))
        else:
            raise EngineError(f"stopped after {_REDIRECTS} redirects")
        if reply.status == 401 and self._setting.release.names_login:
            reply.close()
            raise EngineError(self._setting.release.login_required)
        return reply

    def _put_once(self, url: Url, headers: tuple[Header, ...], body: bytes) -> Reply:
        try:
            return self._session.ask(
                "PUT", url, Route.ANNOUNCEMENT, headers=headers, body=body
            )
        except Unreachable as error:
            raise EngineError(f"PUT {url}: {error}") from error

    def _refusal(self, name: str, reply: Reply) -> str:
        body = reply.body()
        if reply.status == 404 or not self._setting.release.names_login:
            return f"HTTP code: {reply.status}"
        return (
            f"Error: Status {reply.status} trying to pull repository {name}: "
            + self._setting.shown(body)
        )


def _image_of(entry: Any) -> tuple[str, str]:
    if entry is None:
        raise GoError("invalid memory address or nil pointer dereference")
    fields = fields_of(entry)
    text_of(fields.get("checksum"))
    return text_of(fields.get("id")), text_of(fields.get("tag"))


def _results_of(value: Any) -> SearchResults:
    fields = fields_of(value)
    found = []
    for entry in map(fields_of, list_of(fields.get("results"))):
        flag_of(entry.get("is_trusted"))
        found.append(
            Found(
                name=text_of(entry.get("name")),
                description=text_of(entry.get("description")),
                star_count=number_of(entry.get("star_count")),
                is_official=flag_of(entry.get("is_official")),
                is_automated=flag_of(entry.get("is_automated")),
            )
        )
    query = text_of(fields.get("query"))
    return SearchResults(query, number_of(fields.get("num_results")), tuple(found))
