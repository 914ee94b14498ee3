"""Lists that come in pages: tags, and what refers to a manifest.

Sources: OCI Distribution 1.1, "Listing Tags" and "Listing Referrers"; RFC 8288 for
``Link``.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.asking import Asking, Question
from txregistry.client.upstreams.interfaces import UpstreamWrong
from txregistry.client.upstreams.manifests import ABSENT
from txregistry.client.upstreams.readers import Documents, dismiss
from txregistry.model.descriptors import OCI_INDEX
from txregistry.model.errors import TagInvalid
from txregistry.model.names import Tag
from txregistry.tasks import Blocking

T = TypeVar("T")

_PAGES: Final = 10
"""Pages of what refers to one manifest."""
_PAGES_OF_TAGS: Final = 100
_MOST_AT_ONCE: Final = 1000
"""Tags in a page: Distribution takes it ill to be asked for more."""
_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of all pages together."""
_SMALL: Final = 256 * 1024
"""Bytes that are looked through here and now."""

_OK: Final = 200
_UNKNOWN: Final = ABSENT | {400, 405}
"""What servers answer that do not know of referrers."""
_LINK: Final = re.compile(
    r"<([!-;=?-~]{0,4096})>((?:[ \t]*;[ \t]*[a-z*]+[ \t]*=[ \t]*"
    r"(?:\"[^\"]*\"|[^\s;,\"]+))*)",
    re.ASCII | re.IGNORECASE,
)
_NEXT: Final = re.compile(
    r";[ \t]*rel[ \t]*=[ \t]*\"?next\"?[ \t]*(?=;|$)", re.IGNORECASE
)


class _Tags(msgspec.Struct):
    tags: list[Any] | None = None


class _Index(msgspec.Struct, rename="camel"):
    schema_version: int = 2
    media_type: str = OCI_INDEX
    manifests: list[msgspec.Raw] = []


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list.

    Attributes:
        data: What it is.
        next: The query by which the next one is had; None for no more.
    """

    data: bytes
    next: str | None


class Lists:
    """Read lists of an upstream's.

    Args:
        name: What it is called.
        asking: Asks it.
        documents: Reads answers.
        blocking: Where work goes that takes its time.
    """

    def __init__(
        self, name: str, asking: Asking, documents: Documents, blocking: Blocking
    ) -> None:
        self._name = name
        self._asking = asking
        self._documents = documents
        self._blocking = blocking

    async def tags(self, first: Question, after: str, limit: int) -> list[str] | None:
        """List tags; see `IUpstream.tags`.

        Args:
            first: Asks for them, without a query.
            after: After which of them.
            limit: How many at most.
        """
        asked = {"n": str(min(limit, _MOST_AT_ONCE))} | (
            {"last": after} if after else {}
        )
        pages = self._pages(first, urlencode(asked), ABSENT)
        found: list[str] = []
        # Some do not know of ``last``, and begin anew. Others have an order of their
        # own, in which what follows may sort before.
        doubtful = False
        count = 0
        async for page in pages:
            if page is None:
                return None
            count += 1
            found += await self._do(self._read_tags, [page])
            if after in found:
                del found[: found.index(after) + 1]
                doubtful = False
            elif count == 1 and after:
                doubtful = any(tag <= after for tag in found)
            if not doubtful and (len(found) >= limit or count >= _PAGES_OF_TAGS):
                break
            if count >= _PAGES_OF_TAGS:
                raise UpstreamWrong(self._name, "gives a list without an end")
        return found[:limit]

    async def referrers(self, first: Question) -> bytes | None:
        """List what refers to a manifest; None where the upstream does not know how.

        Args:
            first: Asks for it.
        """
        found: list[bytes] = []
        async for page in self._pages(first, "", _UNKNOWN):
            if page is None:
                return None
            if len(found) == _PAGES:
                raise UpstreamWrong(self._name, "gives a list without an end")
            found.append(page)
        return await self._do(self._join, found)

    async def _do(self, work: Callable[[list[bytes]], T], pages: list[bytes]) -> T:
        """Do something with pages, elsewhere where they are long."""
        if sum(map(len, pages)) <= _SMALL:
            return work(pages)
        return await self._blocking(work, pages)

    def _join(self, pages: list[bytes]) -> bytes:
        """Make one index of several; a single one stays as it is."""
        indexes = [self._decode(page, _Index) for page in pages]
        if any(each.media_type != OCI_INDEX for each in indexes):
            raise UpstreamWrong(self._name, "gives a list that cannot be read")
        if len(pages) == 1:
            return pages[0]
        manifests = [each for index in indexes for each in index.manifests]
        return msgspec.json.encode(_Index(manifests=manifests))

    def _read_tags(self, pages: list[bytes]) -> list[str]:
        return [
            tag
            for page in pages
            for tag in self._decode(page, _Tags).tags or []
            if isinstance(tag, str) and _is_tag(tag)
        ]

    def _decode(self, data: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamWrong(
                self._name, "gives a list that cannot be read"
            ) from None

    async def _pages(
        self, first: Question, query: str, unknown: frozenset[int]
    ) -> AsyncIterator[bytes | None]:
        """Ask for one page after the other; None for what the upstream has not.

        Of the URL of a next page only the query counts: where it is, we know.
        """
        seen = {query}
        left = _LARGEST
        while True:
            target = f"{first.target}?{query}" if query else first.target
            page = await self._asking.ask(
                replace(first, target=target), partial(self._take, unknown, left)
            )
            yield None if page is None else page.data
            if page is None or page.next is None:
                return
            left -= len(page.data)
            query = page.next
            if query in seen:
                raise UpstreamWrong(self._name, "gives a list that goes in circles")
            seen.add(query)

    async def _take(
        self, unknown: frozenset[int], left: int, answer: Answer
    ) -> Page | None:
        if answer.status in unknown:
            await dismiss(answer, self._documents.clock)
            return None
        if answer.status != _OK:
            raise UpstreamWrong(self._name, f"answered {answer.status}")
        data = await self._documents.read(answer, left)
        return Page(data, _next(answer.values("link")))


def _next(links: list[str]) -> str | None:
    """Find the query of the next page."""
    for value in links:
        for match in _LINK.finditer(value):
            if _NEXT.search(match[2]):
                return match[1].partition("#")[0].partition("?")[2]
    return None


def _is_tag(text: str) -> bool:
    try:
        Tag.parse(text)
    except TagInvalid:
        return False
    return True
