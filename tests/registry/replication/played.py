"""A registry, in memory, to which content is pushed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.client.downstreams.interfaces import IDownstream, OpenBlob
from txregistry.client.upstreams.interfaces import (
    Found,
    UpstreamFault,
    UpstreamUnavailable,
)
from txregistry.model.digest import Digest
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import parse_reference
from txregistry.streams import read_all

NAME = "sponsor.example"
_ALL = 1 << 20


class Step:
    """A moment at which something happens there, or fails, when one says so.

    Attributes:
        what: What is asked.
        is_done: Whether that has been done by then, and only the answer is to come.
    """

    def __init__(self, what: tuple[str, ...], *, is_done: bool) -> None:
        self.what = what
        self.is_done = is_done
        self.passed: Deferred[None] = Deferred()


@implementer(IDownstream)
@dataclass
class PlayedDownstream:
    """A registry that takes what is complete, and notes what it is asked.

    Attributes:
        name: See `IDownstream`.
        blobs: What it has, by repositories.
        manifests: Likewise, by digests and by tags.
        asked: What it was asked.
        minds: Whether it takes in what refers to what.
        mounts: Whether it mounts.
        fault: How everything fails; None for not at all.
        failing: Says how something fails before it is done, or afterwards.
        steps: Where each question waits, before it is done and afterwards; None where
            none waits.
        closed: Whether it was closed.
    """

    name: str = NAME
    blobs: dict[tuple[str, Digest], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    minds: bool = True
    mounts: bool = True
    fault: UpstreamFault | None = None
    failing: Callable[[str], UpstreamFault | None] | None = None
    steps: list[Step] | None = None
    closed: bool = False

    def take(self) -> list[tuple[str, ...]]:
        """Give what it was asked since this was last called."""
        asked, self.asked = self.asked, []
        return asked

    def pushed(self) -> list[str]:
        """Give what it was given since it was last asked for, in order."""
        return [each[-1] for each in self.take() if each[0] in {"push", "put"}]

    def tag(self, repository: str, tag: str) -> bytes | None:
        """Give what a tag points at."""
        return self.manifests.get((repository, tag))

    async def has_blob(self, repository: str, digest: Digest, size: int) -> bool:
        """See `IDownstream`."""
        del size
        await self._begin("has", repository, str(digest))
        found = (repository, digest) in self.blobs
        await self._end("has", repository, str(digest))
        return found

    async def mount_blob(self, repository: str, digest: Digest, source: str) -> bool:
        """See `IDownstream`."""
        await self._begin("mount", repository, source, str(digest))
        data = self.blobs.get((source, digest))
        found = data is not None and self.mounts
        if data is not None and found:
            self.blobs[repository, digest] = data
        await self._end("mount", repository, source, str(digest))
        return found

    async def push_blob(
        self, repository: str, digest: Digest, size: int, open_blob: OpenBlob
    ) -> None:
        """See `IDownstream`."""
        await self._begin("push", repository, str(digest))
        data = await read_all(await open_blob(0), _ALL)
        assert data is not None
        assert len(data) == size
        assert Digest.of(data, digest.algorithm) == digest
        self.blobs[repository, digest] = data
        await self._end("push", repository, str(digest))

    async def head_manifest(self, repository: str, reference: str) -> Found | None:
        """See `IDownstream`."""
        await self._begin("head", repository, reference)
        parse_reference(reference)
        data = self.manifests.get((repository, reference))
        await self._end("head", repository, reference)
        return None if data is None else Found(Digest.of(data), len(data), "")

    async def put_manifest(
        self,
        repository: str,
        reference: str,
        digest: Digest,
        data: bytes,
        media_type: str,
    ) -> bool:
        """See `IDownstream`."""
        await self._begin("put", repository, reference)
        manifest = parse_manifest(data, media_type)
        for blob in manifest.blobs:
            if not blob.is_nondistributable and not self._has(repository, blob.digest):
                raise UpstreamUnavailable(self.name, f"misses {blob.digest}")
        for child in manifest.children:
            if not self._has(repository, child.digest):
                raise UpstreamUnavailable(self.name, f"misses {child.digest}")
        self.manifests[repository, str(digest)] = data
        self.manifests[repository, reference] = data
        await self._end("put", repository, reference)
        return self.minds and manifest.subject is not None

    async def close(self) -> None:
        """See `IDownstream`."""
        self.closed = True

    def _has(self, repository: str, digest: Digest) -> bool:
        return (repository, digest) in self.blobs or (
            repository,
            str(digest),
        ) in self.manifests

    async def _begin(self, *what: str) -> None:
        self.asked.append(what)
        await self._pass(what, is_done=False)

    async def _end(self, *what: str) -> None:
        await self._pass(what, is_done=True)

    async def _pass(self, what: tuple[str, ...], *, is_done: bool) -> None:
        if self.steps is not None:
            step = Step(what, is_done=is_done)
            self.steps.append(step)
            await step.passed
        if self.fault is not None:
            raise self.fault
        if self.failing is not None:
            fault = self.failing(f"{what[0]} done" if is_done else what[0])
            if fault is not None:
                raise fault
