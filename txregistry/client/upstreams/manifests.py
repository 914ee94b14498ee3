"""Manifests, as an upstream gives them."""

from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from txregistry.client.upstreams.answers import Answer, Malformed
from txregistry.client.upstreams.interfaces import Fetched, Found, UpstreamWrong
from txregistry.client.upstreams.readers import Documents, dismiss
from txregistry.model.descriptors import MANIFESTS
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.manifests import MAX_SIZE, summarize_manifest
from txregistry.model.names import Reference
from txregistry.tasks import Blocking

P = ParamSpec("P")
T = TypeVar("T")

ACCEPT: Final = ", ".join(sorted(MANIFESTS))

_OK: Final = 200
ABSENT: Final = frozenset({404, 410})
_SMALL: Final = 256 * 1024
"""Bytes that are hashed, or looked through, here and now."""


class Manifests:
    """Understand what an upstream answers who is asked for a manifest.

    Args:
        name: What it is called.
        documents: Reads answers.
        blocking: Where work goes that takes its time.
    """

    def __init__(self, name: str, documents: Documents, blocking: Blocking) -> None:
        self._name = name
        self._documents = documents
        self._blocking = blocking

    async def found(self, answer: Answer, reference: Reference) -> Found | None:
        """Understand the answer to ``HEAD``."""
        await dismiss(answer, self._documents.clock)
        if answer.status in ABSENT:
            return None
        self._check(answer)
        digest, size = self._said(answer)
        self._compare(digest, reference)
        if size is not None and size > MAX_SIZE:
            raise UpstreamWrong(self._name, "has a manifest larger than there can be")
        return Found(digest, size, answer.media_type)

    async def fetched(self, answer: Answer, reference: Reference) -> Fetched | None:
        """Understand the answer to ``GET``."""
        if answer.status in ABSENT:
            await dismiss(answer, self._documents.clock)
            return None
        self._check(answer)
        digest, _ = self._said(answer)
        self._compare(digest, reference)
        data = await self._documents.read(answer, MAX_SIZE)
        wanted = reference if isinstance(reference, Digest) else digest
        algorithm = CANONICAL if wanted is None else wanted.algorithm
        computed = await self._do(Digest.of, data, algorithm)
        if wanted not in {None, computed}:
            raise UpstreamWrong(self._name, "gives a manifest of another digest")
        return Fetched(data, await self._type(answer, data), computed)

    def _check(self, answer: Answer) -> None:
        if answer.is_page:
            raise UpstreamWrong(self._name, "answers with a page for people")
        if answer.status != _OK:
            raise UpstreamWrong(self._name, f"answered {answer.status}")

    def _said(self, answer: Answer) -> tuple[Digest | None, int | None]:
        try:
            return answer.digest, answer.length
        except Malformed:
            raise UpstreamWrong(
                self._name, "gives a digest or a length that is none"
            ) from None

    def _compare(self, said: Digest | None, reference: Reference) -> None:
        """See that what an upstream calls a manifest by is what it was asked for."""
        if (
            isinstance(reference, Digest)
            and said is not None
            and said.algorithm == reference.algorithm
            and said != reference
        ):
            raise UpstreamWrong(self._name, "gives a manifest of another digest")

    async def _do(
        self,
        work: Callable[Concatenate[bytes, P], T],
        data: bytes,
        *args: P.args,
        **others: P.kwargs,
    ) -> T:
        """Do something with a manifest, elsewhere where it is long."""
        if len(data) <= _SMALL:
            return work(data, *args, **others)
        return await self._blocking(work, data, *args, **others)

    async def _type(self, answer: Answer, data: bytes) -> str:
        if answer.media_type in MANIFESTS and data.lstrip()[:1] == b"{":
            return answer.media_type
        try:
            return (await self._do(summarize_manifest, data)).media_type
        except ManifestInvalid:
            raise UpstreamWrong(
                self._name, "gives something that is no manifest of a known type"
            ) from None
