"""Somebody else's Index: a registry asks it what a client's token is good for.

Source: Docker Registry API v1, "Registry to index, once per request", and "Private
repositories".
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent

from txregistry.agents import VerbatimAgent
from txregistry.client.bodies import read_body
from txregistry.model.errors import ImageIdInvalid, Unauthorized, Unavailable
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, spell_v1_name
from txregistry.tasks import Flights

T = TypeVar("T")

_LARGEST: Final = 4 << 20
_ROOM: Final = 200_000
"""Ids in answers that are kept: some 25 MB."""

_ALWAYS: Final = 8
"""What an answer without any id takes, counted in ids."""

_HEADER: Final = re.compile(r"[\x20-\x7e]{0,4096}")
_URL: Final = re.compile(r"https?://[!-~]+")
_OK: Final = 200


class _NoAnswer(Exception):
    """What was answered is none of the answers of an Index."""


class _Listed(msgspec.Struct):
    """An image in an Index's list."""

    id: str


class _May(msgspec.Struct, forbid_unknown_fields=True):
    """Whether an image may be used."""

    access: bool


class ForeignIndex:
    """Ask somebody else's Index, and keep its answers for some seconds.

    What cannot be asked is never allowed, and never kept. Several who ask the same at
    the same time are one question.

    Args:
        url: Where the Index is: ``https://index.example``.
        agent: How it is reached.
        clock: Tells when answers are too late, or too old.
        timeout: Seconds in which an answer must be there whole.
        keep: Seconds for which an answer is kept.

    Raises:
        ValueError: the URL is none that can be asked.
    """

    _log = Logger()

    def __init__(
        self,
        url: str,
        agent: IAgent,
        clock: IReactorTime,
        *,
        timeout: float,
        keep: float,
    ) -> None:
        self._url = _check(url)
        self._agent = VerbatimAgent(agent)
        self._clock = clock
        self._timeout = timeout
        self._flights = Flights()
        self._kept = _Kept(clock, keep)

    async def images(
        self, repository: RepositoryName, authorization: str | None
    ) -> frozenset[str]:
        """Find out whether a client's token is good, and for which images.

        Args:
            repository: What the token must be for; that, and its access, is what the
                Index is told by the token itself.
            authorization: The value of the client's ``Authorization``, if it has one.

        Returns:
            The ids of the images that the Index lists, those also that are announced
            and not yet there. Ids outside the grammar are left out, as there can be no
            such image here.

        Raises:
            Unauthorized: the Index refuses.
            Unavailable: it cannot be asked, or answers what nobody understands.
        """
        path = f"{_path(repository)}/images"
        found = await self._ask(path, authorization, _read_images)
        if found is None:
            raise Unauthorized
        return found

    async def may_use(
        self, repository: RepositoryName, image: ImageId, authorization: str | None
    ) -> bool:
        """Find out whether a client's token lets its repository use an image.

        Args:
            repository: What the token is for.
            image: The image.
            authorization: The value of the client's ``Authorization``, if it has one.

        Raises:
            Unavailable: the Index cannot be asked, or answers what nobody understands.
        """
        path = f"{_path(repository)}/layer/{quote(str(image), safe='')}/access"
        return await self._ask(path, authorization, _read_access) is True

    async def _ask(
        self, path: str, authorization: str | None, read: Callable[[bytes], T]
    ) -> T | None:
        """Give an answer, which may have been kept; None is a refusal."""
        if authorization is not None and _HEADER.fullmatch(authorization) is None:
            return None
        key = hashlib.sha256(f"{path}\0{authorization}".encode()).digest()
        if key in self._kept:
            kept: T | None = self._kept[key]
            return kept
        ask = partial(self._answer, key, path, authorization, read)
        return await self._flights.join(key, ask)

    async def _answer(
        self,
        key: bytes,
        path: str,
        authorization: str | None,
        read: Callable[[bytes], T],
    ) -> T | None:
        exchange = Deferred.fromCoroutine(self._exchange(path, authorization))
        _ = exchange.addTimeout(self._timeout, self._clock)
        try:
            status, body = await exchange
            answer = _understand(status, body, read)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is no answer
            self._log.warn(
                "The Index cannot be asked for {url}: {reason}",
                url=self._url + path,
                reason=f"{type(error).__name__}: {error}"[:500],
            )
            raise Unavailable(
                "The Index cannot be asked at present; try again later."
            ) from None
        self._kept.keep(key, answer)
        return answer

    async def _exchange(
        self, path: str, authorization: str | None
    ) -> tuple[int, bytes]:
        headers = Headers({"accept": ["application/json"]})
        if authorization is not None:
            headers.setRawHeaders("authorization", [authorization])
        reactor: Any = self._clock
        # A client of its own for each request: a shared one would show the cookies that
        # one of our clients was given to the Index for another.
        response = await HTTPClient(self._agent).get(
            self._url + path,
            headers=headers,
            allow_redirects=False,
            unbuffered=True,
            reactor=reactor,
        )
        return response.code, await read_body(response, _LARGEST)


class _Kept:
    """Remember answers for some time, the last that were given."""

    def __init__(self, clock: IReactorTime, keep: float) -> None:
        self._clock = clock
        self._keep = keep
        self._answers: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()
        self._size = 0

    def __contains__(self, key: bytes) -> bool:
        return key in self._answers and self._answers[key][0] > self._clock.seconds()

    def __getitem__(self, key: bytes) -> Any:
        self._answers.move_to_end(key)
        return self._answers[key][1]

    def keep(self, key: bytes, answer: object) -> None:
        """Remember an answer, and forget the oldest where there is no room."""
        if key in self._answers:
            self._size -= _size(self._answers.pop(key)[1])
        self._answers[key] = (self._clock.seconds() + self._keep, answer)
        self._size += _size(answer)
        while self._size > _ROOM:
            self._size -= _size(self._answers.popitem(last=False)[1][1])


def _size(answer: object) -> int:
    return _ALWAYS + (len(answer) if isinstance(answer, frozenset) else 0)


def _check(url: str) -> str:
    found = urlsplit(url) if _URL.fullmatch(url) else None
    if found is None or not found.hostname or "@" in found.netloc:
        raise ValueError(f"{url!r} is not a URL such as 'https://index.example'.")
    if found.query or found.fragment or "?" in url or "#" in url:
        raise ValueError(f"{url!r} has more than a host and a path.")
    return url.rstrip("/")


def _path(repository: RepositoryName) -> str:
    return f"/v1/repositories/{quote(spell_v1_name(repository), safe='/')}"


def _understand(status: int, body: bytes, read: Callable[[bytes], T]) -> T | None:
    """Tell an answer from a refusal, which is None, and from what is neither."""
    if status == _OK:
        return read(body)
    if 400 <= status < 500:  # noqa: PLR2004 - the class of statuses
        return None
    raise _NoAnswer(f"status {status}")


def _read_images(body: bytes) -> frozenset[str]:
    found: set[str] = set()
    for listed in msgspec.json.decode(body, type=list[_Listed]):
        try:
            found.add(ImageId.parse(listed.id).text)
        except ImageIdInvalid:
            continue
    return frozenset(found)


def _read_access(body: bytes) -> bool:
    return msgspec.json.decode(body, type=_May).access
