"""Objects that another machine keeps, to be read: what S3 and Swift have in common."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote

from zope.interface import implementer

from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    NotFound,
    Page,
    Stat,
    StorageUnavailable,
    TooLarge,
)
from txregistry.storage.remote import Answer
from txregistry.streams import BytesReader, IReader, read_all

T = TypeVar("T")

LISTING_LIMIT: Final = 8 * 1024 * 1024
"""Bytes in a listing at most: ``_NAMES`` of 1024 bytes, all quoted, and dates."""
WRITTEN: Final = "X-Amz-Meta-Written"
"""What we let S3 say of an object that we write, another thing each time: it tells the
time in seconds, and nothing else tells the same bytes apart that are written twice."""
_NAMES: Final = 1000
"""Names that one request asks for at most: S3 gives no more."""
_SPAN: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)
_OK: Final = 200
_PARTIAL: Final = 206
_ABSENT: Final = 404
_BEYOND: Final = 416

Take = Callable[[Answer], Awaitable[T]]
"""Makes what is wanted of an answer."""


class Names(NamedTuple):
    """Part of a listing.

    Attributes:
        names: The names, of objects and groups.
        more: Whether there are more.
        sizes: Bytes of objects, by name, as far as they are told.
    """

    names: list[str]
    more: bool
    sizes: Mapping[str, int]


@implementer(IObjectSource)
class RemoteObjectSource(ABC):
    """Read what lies in one container, or bucket, below a prefix.

    Args:
        place: What is read from, in words, for whoever has to look into a failure.
        root: What all names there begin with, and no key does: names joined by ``/``.
    """

    def __init__(self, place: str, root: str) -> None:
        self._place = place
        self._root = f"{root.strip('/')}/".lstrip("/")
        self._seen = False

    async def stat(self, key: Key) -> Stat:
        """See `IObjectSource`."""

        async def take(answer: Answer) -> Stat:
            await self._accept(answer, key)
            return _stat(answer)

        return await self._ask_for(key, "HEAD", {}, take)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectSource`."""
        return (await self.get_tagged(key, limit))[0]

    async def get_tagged(self, key: Key, limit: int) -> tuple[bytes, str]:
        """Read a small object whole, as `IObjectSource.get` does.

        Returns:
            Its bytes, and its entity tag.
        """

        async def take(answer: Answer) -> tuple[bytes, str]:
            await self._accept(answer, key)
            expected = answer.body.expected
            if expected is not None and expected > limit:
                raise TooLarge(key)
            data = await read_all(answer.body, limit)
            if data is None:
                raise TooLarge(key)
            return data, answer.header("ETag")

        return await self._ask_for(key, "GET", {}, take)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`: the first bytes have come then."""
        if start >= stop:
            await self.stat(key)
            return BytesReader(b"")

        async def take(answer: Answer) -> IReader:
            if answer.status == _BEYOND:
                await answer.remark()
                return BytesReader(b"")
            await self._accept(answer, key, _PARTIAL)
            answer.body.expect(_expected(answer, start, stop))
            await answer.body.begin()
            return answer.body

        wanted = {"Range": f"bytes={start}-{stop - 1}"}
        return await self._ask_for(key, "GET", wanted, take)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectSource`."""
        prefix = self._root + prefix
        last = self._root + after if after else ""
        found: list[str] = []
        sizes: dict[str, int] = {}
        more = True
        while more and len(found) <= limit:
            # At least two: a server may begin with the group that was the last name.
            count = min(max(limit + 1 - len(found), 2), _NAMES)
            names, more, told = await self._list(
                prefix, last, count, delimiter=delimiter
            )
            sizes.update(told)
            self._seen = True
            names = [name for name in names if name > last]
            if names != sorted(set(names)) or (more and not names):
                raise StorageUnavailable(f"{self._place} lists names out of order")
            last = names[-1] if names else last
            found += [name for name in names if not _is_marker(name, prefix, delimiter)]
        cut = len(self._root)
        given = found[:limit]
        return Page(
            tuple(name[cut:] for name in given),
            len(found) > limit,
            {name[cut:]: sizes[name] for name in given if name in sizes},
        )

    @abstractmethod
    async def _ask(
        self,
        method: str,
        name: str,
        query: str,
        headers: Mapping[str, str],
        take: Take[T],
    ) -> T:
        """Ask about an object, or the container itself.

        Args:
            method: ``GET`` or ``HEAD``.
            name: The object's quoted name; empty for the container.
            query: The query of the URL, quoted.
            headers: Header fields beside those that say who asks.
            take: As for `RemoteServer.ask`.
        """

    @abstractmethod
    async def _list(
        self, prefix: str, after: str, count: int, *, delimiter: bool
    ) -> Names:
        """Ask for names, as `IObjectSource.list` does, but for whole ones.

        A group, or what lies in it, may be given although it does not sort after
        ``after``.

        Returns:
            The names, whether there are more, and how large what objects are.
        """

    def _reason(self, remark: bytes) -> str:
        """Find why something was refused, as a word or two, in what came with it."""
        del remark
        return ""

    async def _refusal(self, answer: Answer) -> StorageUnavailable:
        """Make an exception of an answer that is of no use."""
        reason = self._reason(await answer.remark())
        said = f"{answer.status} ({reason})" if reason else f"{answer.status}"
        return StorageUnavailable(f"{self._place} answered {said}")

    async def _accept(self, answer: Answer, key: Key, *also: int) -> None:
        """Go on where an answer has an object, or part of it."""
        if answer.status == _ABSENT:
            await answer.remark()
            raise NotFound(key)
        if answer.status != _OK and answer.status not in also:
            raise await self._refusal(answer)

    async def _ask_for(
        self, key: Key, method: str, headers: Mapping[str, str], take: Take[T]
    ) -> T:
        name = quoted_name(self._root, key)
        try:
            found = await self._ask(method, name, "", headers, take)
        except NotFound:
            # Without this, a mistake in the container's name would be an empty store.
            if not self._seen:
                await self._ask("HEAD", "", "", {}, self._look)
                self._seen = True
            raise
        self._seen = True
        return found

    async def _look(self, answer: Answer) -> None:
        """See whether the container is there; it need not be ours to look at."""
        if answer.status == _ABSENT:
            raise StorageUnavailable(f"{self._place} is not there")


def quoted_name(root: str, key: Key) -> str:
    """Spell an object's name in a URL.

    Raises:
        NotFound: nothing lies under such a key; there may be something else where the
            URL would lead.
    """
    if any(name in {"", ".", ".."} for name in key.split("/")):
        raise NotFound(key)
    try:
        return quote(root + key, safe="/~")
    except UnicodeEncodeError:
        raise NotFound(key) from None


def _is_marker(name: str, prefix: str, delimiter: bool) -> bool:  # noqa: FBT001
    """Whether an object only stands for a folder, as some programs leave them."""
    return name == prefix if delimiter else name.endswith("/")


def _stat(answer: Answer) -> Stat:
    size = answer.header("Content-Length")
    if not re.fullmatch(r"[0-9]{1,19}", size):
        raise StorageUnavailable(f"{answer.place} does not tell an object's size")
    marks = ("ETag", "X-Timestamp", "Last-Modified", "X-Amz-Version-Id", WRITTEN)
    text = "\n".join(map(answer.header, marks))
    mark = hashlib.sha256(text.encode(errors="surrogateescape")).digest()[:8]
    return Stat(int(size), _modified(answer), (int(size), int.from_bytes(mark)))


def _modified(answer: Answer) -> float:
    """Read when an object was written; Swift tells that more exactly by itself."""
    exact = answer.header("X-Timestamp")
    if re.fullmatch(r"[0-9]{1,12}\.[0-9]{1,9}", exact):
        return float(exact)
    try:
        return parsedate_to_datetime(answer.header("Last-Modified")).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _expected(answer: Answer, start: int, stop: int) -> int:
    """Give the bytes that an answer has of those that were asked for.

    Raises:
        StorageUnavailable: it has others.
    """
    length = answer.body.expected
    if answer.status == _PARTIAL:
        match = _SPAN.fullmatch(answer.header("Content-Range"))
        if match is not None:
            first, end = int(match[1]), int(match[2]) + 1
            last = end == stop or (end < stop and match[3] == str(end))
            if first == start and last and length in {None, end - start}:
                return end - start
    elif start == 0 and length is not None and length <= stop:
        return length
    raise StorageUnavailable(f"{answer.place} gave other bytes than it was asked for")
