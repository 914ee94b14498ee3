"""Blobs, as an upstream gives them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from txregistry.client.upstreams.answers import Answer, Malformed
from txregistry.client.upstreams.interfaces import (
    Found,
    Opened,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits
from txregistry.client.upstreams.manifests import ABSENT
from txregistry.client.upstreams.readers import BodyReader, Documents, dismiss, skip
from txregistry.model.digest import Digest
from txregistry.streams import BytesReader, IReader

_OK: Final = 200
_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416
_NOT_BY_HEAD: Final = frozenset({400, 401, 403, 405})
_OCTETS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a blob.

    Attributes:
        digest: Which it is; None for what has no digest, a layer of version 1.
        start: The first byte that is wanted.
        size: How many bytes it has, where that is known.
    """

    digest: Digest | None
    start: int = 0
    size: int | None = None


class Blobs:
    """Understand what an upstream answers who is asked for a blob.

    Args:
        name: What it is called.
        documents: Reads what is no blob.
        limits: How much there may be of one, and how slow.
    """

    def __init__(self, name: str, documents: Documents, limits: Limits) -> None:
        self._name = name
        self._clock = documents.clock
        self._limits = limits

    async def found(self, answer: Answer, wanted: Wanted) -> Found | None:
        """Understand the answer to ``HEAD``."""
        await dismiss(answer, self._clock)
        if answer.status in ABSENT:
            return None
        if answer.status in _NOT_BY_HEAD:
            # Whoever signs a URL for GET has the blob; its size is not to be had.
            return Found(wanted.digest, None, _OCTETS)
        if answer.status != _OK:
            raise UpstreamWrong(self._name, f"answered {answer.status}")
        self._check(answer, wanted)
        size = self._length(answer)
        self._compare(size, wanted.size)
        return Found(wanted.digest, size, answer.media_type)

    async def opened(
        self, answer: Answer, wanted: Wanted, ended: Callable[[], None]
    ) -> Opened | None:
        """Understand the answer to ``GET``.

        Args:
            answer: The answer.
            wanted: What was asked for.
            ended: Is called once when nothing more is read, if something is at all.
        """
        if answer.status in ABSENT:
            await dismiss(answer, self._clock)
            return None
        if answer.status == _UNSATISFIABLE and wanted.start:
            return await self._nothing_left(answer, wanted, ended)
        if answer.status == _OK:
            return await self._whole(answer, wanted, ended)
        if answer.status == _PARTIAL and wanted.start:
            return self._part(answer, wanted, ended)
        raise UpstreamWrong(self._name, f"answered {answer.status}")

    async def _whole(
        self, answer: Answer, wanted: Wanted, ended: Callable[[], None]
    ) -> Opened:
        self._check(answer, wanted)
        size = self._length(answer)
        self._compare(size, wanted.size)
        size = wanted.size if size is None else size
        start = wanted.start
        if start > self._limits.skip:
            raise UpstreamUnavailable(self._name, "does not give parts of blobs")
        if size is not None and start > size:
            raise UpstreamWrong(self._name, "has a blob that is too short")
        reader = self._reader(answer, size, ended)
        if start and await skip(reader, start) < start:
            raise UpstreamWrong(self._name, "has a blob that is too short")
        return Opened(size, start, reader)

    def _part(
        self, answer: Answer, wanted: Wanted, ended: Callable[[], None]
    ) -> Opened:
        self._check(answer, wanted)
        first, last, total = self._range(answer)
        self._compare(total, wanted.size)
        total = wanted.size if total is None else total
        start, length = wanted.start, self._length(answer)
        if first != start or last is None or last < start:
            raise UpstreamWrong(self._name, "gives another part than was asked for")
        if total not in {None, last + 1} or length not in {None, last + 1 - start}:
            raise UpstreamWrong(self._name, "gives another part than was asked for")
        reader = self._reader(answer, last + 1 - start, ended)
        return Opened(total, start, reader)

    async def _nothing_left(
        self, answer: Answer, wanted: Wanted, ended: Callable[[], None]
    ) -> Opened:
        await dismiss(answer, self._clock)
        try:
            total = answer.part[2]
        except Malformed:
            total = None
        self._compare(total, wanted.size)
        total = wanted.size if total is None else total
        if total != wanted.start:
            raise UpstreamWrong(self._name, "has a blob that is too short")
        ended()
        return Opened(total, wanted.start, BytesReader(b""))

    def _reader(
        self, answer: Answer, expected: int | None, ended: Callable[[], None]
    ) -> IReader:
        if expected is not None and expected > self._limits.largest:
            raise UpstreamWrong(self._name, "has a blob larger than there can be")
        return BodyReader(
            self._name,
            answer.body,
            self._clock,
            self._limits,
            expected=expected,
            most=self._limits.largest,
            ended=ended,
        )

    def _check(self, answer: Answer, wanted: Wanted) -> None:
        """See that it is no page for people, and no other blob."""
        if answer.is_page:
            raise UpstreamWrong(self._name, "answers with a page for people")
        try:
            said = answer.digest
        except Malformed:
            said = None  # of a blob we know what it must be
        digest = wanted.digest
        if said is None or digest is None:
            return
        if said.algorithm == digest.algorithm and said != digest:
            raise UpstreamWrong(self._name, "gives a blob of another digest")

    def _compare(self, said: int | None, known: int | None) -> None:
        if said is not None and known is not None and said != known:
            raise UpstreamWrong(
                self._name, f"has {said} bytes of a blob that has {known}"
            )

    def _length(self, answer: Answer) -> int | None:
        try:
            return answer.length
        except Malformed:
            raise UpstreamWrong(self._name, "gives a length that is none") from None

    def _range(self, answer: Answer) -> tuple[int | None, int | None, int | None]:
        try:
            return answer.part
        except Malformed:
            raise UpstreamWrong(self._name, "gives a part that is none") from None
