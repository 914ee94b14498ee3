"""A container of Swift, as whoever has a session may use it.

Source: OpenStack's Object Storage API, version 1. Names are whole here, and quoted only
on their way into a URL.
"""

import builtins
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from txregistry.storage.interfaces import StorageFull, StorageUnavailable
from txregistry.storage.objects import LISTING_LIMIT
from txregistry.storage.remote import Answer, RemoteServer, Request
from txregistry.storage.requestbody import BytesBody, WrittenBody
from txregistry.storage.swiftanswers import (
    LISTING,
    Deletion,
    Entry,
    Features,
    Outcome,
    header_fields,
    read_outcome,
)
from txregistry.storage.swiftsession import SwiftIdentity, SwiftSession
from txregistry.streams import read_all

T = TypeVar("T")

_ABSENT: Final = 404
_UNKNOWN: Final = 401
_REFUSED: Final = 403
_FULL: Final = frozenset({413, 507})
_NOTHING: Final = 204
_DONE: Final = range(200, 300)
_INFO_LIMIT: Final = 1024 * 1024
_FEW: Final = 2
"""Names up to which a request for each is as good as one for all."""
_BATCH: Final = 1000
MANIFEST_PUT: Final = "multipart-manifest=put"
"""The query of a request that makes a static large object."""

Body = BytesBody | WrittenBody


class _SessionEnded(Exception):
    """The token is not, or no longer, good."""


class SwiftContainer:
    """Make requests about a container and what is in it.

    Args:
        server: How it is asked.
        identity: Who asks.
        name: The container.
        create: Whether it is made when it is missing.
        section: Where its settings are, for whoever has to look into a failure.

    Attributes:
        place: What it is, in words.
        create_missing: As ``create``.
    """

    def __init__(
        self,
        server: RemoteServer,
        identity: SwiftIdentity,
        name: str,
        *,
        create: bool = False,
        section: str = "",
    ) -> None:
        self.name = name
        self.place = f"The Swift container {name}"
        self._server = server
        self._identity = identity
        self.create_missing = create
        self._section = section
        self._path = quote(name, safe="")
        self._features: Features | None = None

    async def ask(
        self,
        method: str,
        quoted: str,
        query: str,
        headers: Mapping[str, str],
        take: Callable[[Answer], Awaitable[T]],
        body: Callable[[], Body] | None = None,
    ) -> T:
        """Ask about an object, or the container itself.

        A token that has ended is renewed, once, and the request made again unless its
        body can be sent only once.

        Args:
            method: The method.
            quoted: The object's quoted name; empty for the container.
            query: The query of the URL, quoted.
            headers: Header fields beside those that say who asks.
            take: As for `RemoteServer.ask`.
            body: Makes the body, anew for each attempt.
        """
        path = f"{self._path}/{quoted}".rstrip("/") + f"?{query}".rstrip("?")
        return await self._ask_account(method, path, headers, take, body)

    async def change(
        self,
        method: str,
        name: str,
        *,
        query: str = "",
        headers: Mapping[str, str] = {},
        body: Callable[[], Body] | None = None,
        also: Collection[int] = (),
    ) -> Outcome:
        """Make a request whose answer is short.

        Args:
            method: The method.
            name: The object; empty for the container.
            query: The query of the URL, quoted.
            headers: Header fields.
            body: Makes the body, anew for each attempt.
            also: Statuses that are no refusal, beside those of success.

        Raises:
            StorageFull: there is no room.
            StorageUnavailable: it was refused.
        """
        ask = partial(
            self.ask, method, _quoted(name), query, headers, read_outcome, body
        )
        found: Outcome = await ask()
        if found.status == _ABSENT and method == "PUT" and name and self.create_missing:
            await self.create()
            if body is None or isinstance(body(), BytesBody):
                found = await ask()
        if found.status in _DONE or found.status in also:
            return found
        raise self.refusal(found.status)

    async def put(
        self,
        name: str,
        data: bytes,
        *,
        query: str = "",
        headers: Mapping[str, str] = {},
        also: Collection[int] = (),
    ) -> Outcome:
        """Write a small object; the arguments are as for `change`."""
        headers = {"Content-Type": "application/octet-stream", **headers}
        return await self.change(
            "PUT",
            name,
            query=query,
            headers=headers,
            body=lambda: BytesBody(data),
            also=also,
        )

    async def head(self, name: str) -> Outcome | None:
        """Look at an object; None where it is not there."""
        found = await self.change("HEAD", name, also={_ABSENT})
        return None if found.status == _ABSENT else found

    async def get(self, name: str, limit: int, query: str = "") -> Outcome | None:
        """Read a small object; None where it is not there.

        Raises:
            StorageUnavailable: it is larger than the limit, or cannot be read.
        """

        async def take(answer: Answer) -> Outcome:
            data = await read_all(answer.body, limit)
            if data is None:
                raise StorageUnavailable(f"{self.place} has a {name} that is too large")
            return Outcome(answer.status, header_fields(answer), data)

        found: Outcome = await self.ask("GET", _quoted(name), query, {}, take)
        if found.status == _ABSENT:
            return None
        if found.status not in _DONE:
            raise self.refusal(found.status)
        return found

    async def list(
        self, prefix: str, after: str, count: int, *, delimiter: bool = False
    ) -> list[Entry]:
        """Give up to so many objects and groups, in order."""
        asked = {
            "format": "json",
            "prefix": prefix,
            "marker": after,
            "limit": str(count),
            "delimiter": "/" if delimiter else "",
        }

        async def take(answer: Answer) -> builtins.list[Entry]:
            missing = answer.status == _ABSENT and self.create_missing
            if answer.status == _NOTHING or missing:
                await answer.remark()
                return []
            if answer.status not in _DONE:
                await answer.remark()
                raise self.refusal(answer.status)
            data = await read_all(answer.body, LISTING_LIMIT)
            try:
                return LISTING.decode(data or b"")
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise StorageUnavailable(f"{self.place} gave no listing") from None

        query = "&".join(
            f"{name}={quote(text, safe='')}" for name, text in asked.items() if text
        )
        return await self.ask("GET", "", query, {}, take)

    async def walk(
        self, prefix: str, *, delimiter: bool = False
    ) -> AsyncIterator[Entry]:
        """Give all objects and groups whose names begin with a prefix, in order."""
        after = ""
        while found := await self.list(prefix, after, _BATCH, delimiter=delimiter):
            for each in found:
                yield each
            last = found[-1].name or found[-1].subdir
            if len(found) < _BATCH or last <= after:
                return
            after = last

    async def delete(self, names: Sequence[str]) -> None:
        """Delete objects, and of large ones only the manifest; absent ones are fine."""
        batch = 0
        if len(names) > _FEW:
            batch = min(
                (await self.features()).bulk_delete.max_deletes_per_request, 1000
            )
        if batch <= 0:
            for name in names:
                await self.change("DELETE", name, also={_ABSENT})
            return
        for start in range(0, len(names), batch):
            await self._delete_many(names[start : start + batch])

    async def create(self) -> None:
        """Make the container; harmless where it is there."""
        await self.change("PUT", "")

    async def look(self) -> Outcome:
        """Look at the container, which is made if need be and may.

        Raises:
            StorageUnavailable: it is not there, or not ours.
        """
        found = await self.change("HEAD", "", also={_ABSENT})
        if found.status == _ABSENT:
            if not self.create_missing:
                raise self.missing()
            await self.create()
        return found

    async def account(self) -> Outcome:
        """Look at the account."""
        found: Outcome = await self._ask_account("HEAD", "", {}, read_outcome)
        return found

    async def url(self, name: str) -> str:
        """Give an object's URL, quoted."""
        session = await self._identity.session()
        return f"{session.url}/{self._path}/{_quoted(name)}"

    async def features(self) -> Features:
        """Say what the service can do; where it does not tell, that is little."""
        if self._features is None:
            session = await self._identity.session()
            parts = urlsplit(session.url)
            url = f"{parts.scheme}://{parts.netloc}/info"

            async def take(answer: Answer) -> Features:
                data = await read_all(answer.body, _INFO_LIMIT)
                if answer.status not in _DONE:
                    return Features()
                try:
                    return msgspec.json.decode(data or b"", type=Features)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    return Features()

            ask = Request(f"{self.place}'s service", "GET", url, {})
            self._features = await self._server.ask(lambda: ask, take)
        return self._features

    def missing(self) -> StorageUnavailable:
        """Make an exception of a container that is not there."""
        return StorageUnavailable(
            f"{self.place} is not there{self._see('container', 'create')}"
        )

    def refusal(self, status: int) -> StorageUnavailable:
        """Make an exception of an answer that is of no use."""
        said = f"{self.place} answered {status}"
        if status in _FULL:
            return StorageFull(f"{said}: there is no room")
        if status == _ABSENT:
            return self.missing()
        if status == _REFUSED:
            said = f"{said}{self._see('username', 'container')}"
        if status == _UNKNOWN:
            said = f"{said}{self._see('username', 'password')}"
        return StorageUnavailable(said)

    def _see(self, *names: str) -> str:
        if not self._section:
            return ""
        settings = " and ".join(f"{self._section}.{name}" for name in names)
        return f"; look at {settings}"

    async def _delete_many(self, names: Sequence[str]) -> None:
        lines = "".join(f"{self._path}/{_quoted(name)}\n" for name in names)
        found: Outcome = await self._ask_account(
            "POST",
            "?bulk-delete",
            {"Content-Type": "text/plain", "Accept": "application/json"},
            read_outcome,
            lambda: BytesBody(lines.encode("ascii")),
        )
        if found.status not in _DONE:
            raise self.refusal(found.status)
        try:
            told = msgspec.json.decode(found.body, type=Deletion)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StorageUnavailable(f"{self.place} did not say what it did") from None
        if not told.status.startswith("200") and told.errors:
            status = told.errors[0][-1][:3]
            raise self.refusal(int(status) if status.isdigit() else 500)

    async def _ask_account(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        take: Callable[[Answer], Awaitable[T]],
        body: Callable[[], Body] | None = None,
    ) -> T:
        async def take_unless_ended(answer: Answer) -> T:
            if answer.status == _UNKNOWN:
                await answer.remark()
                raise _SessionEnded
            return await take(answer)

        once = False

        def make(session: SwiftSession) -> Request:
            nonlocal once
            made = None if body is None else body()
            once = isinstance(made, WrittenBody)
            return Request(
                self.place,
                method,
                session.url + (f"/{path}" if path[:1] not in {"", "?"} else path),
                {**headers, "X-Auth-Token": session.token},
                made,
                # It copies bytes, or looks at each of many segments.
                works="X-Copy-From" in headers or path.endswith(MANIFEST_PUT),
            )

        session = await self._identity.session()
        try:
            return await self._server.ask(partial(make, session), take_unless_ended)
        except _SessionEnded:
            session = await self._identity.session(session)
            if once:
                raise self.refusal(_UNKNOWN) from None
            return await self._server.ask(partial(make, session), take)


def _quoted(name: str) -> str:
    return quote(name, safe="/~")
