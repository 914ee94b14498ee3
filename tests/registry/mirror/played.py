"""Another registry, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    Budget,
    Fetched,
    Found,
    IUpstream,
    Opened,
    UpstreamFault,
    UpstreamRefused,
)
from txregistry.model.digest import Digest
from txregistry.model.manifests import summarize_manifest
from txregistry.streams import BytesReader, IReader

NAME = "other.example"


@implementer(IReader)
class HeldReader:
    """Give bytes up to an offset, and the rest, or a fault, when one says so."""

    def __init__(self, data: bytes, first: int) -> None:
        self._data = data
        self._first = first
        self._offset = 0
        self._gate: Deferred[None] = Deferred()
        self.closed = False

    def release(self) -> None:
        """Let the rest come."""
        self._gate.callback(None)

    def fail(self, fault: UpstreamFault) -> None:
        """Break off."""
        self._gate.errback(fault)

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        if self._offset >= self._first and not self._gate.called:
            await self._gate
        stop = self._first if self._offset < self._first else len(self._data)
        data = self._data[self._offset : min(stop, self._offset + limit)]
        self._offset += len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        self.closed = True


@implementer(IUpstream)
@dataclass
class PlayedUpstream:
    """A registry that says what a test wants, and notes what it is asked."""

    name: str = NAME
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    blobs: dict[tuple[str, Digest], bytes] = field(default_factory=dict)
    lies: Mapping[Digest, bytes] = field(default_factory=dict)
    readers: dict[Digest, HeldReader] = field(default_factory=dict)
    fault: UpstreamFault | None = None
    waiting: Deferred[None] | None = None
    tells_size: bool = True
    members: frozenset[str] | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def take(self) -> list[tuple[str, ...]]:
        """Give what it was asked since this was last called."""
        asked, self.asked = self.asked, []
        return asked

    def add(self, name: str, data: bytes, *tags: str) -> Digest:
        """Have a manifest."""
        digest = Digest.of(data)
        for reference in (str(digest), *tags):
            self.manifests[name, reference] = data
        return digest

    def add_blob(self, name: str, data: bytes, algorithm: str = "sha256") -> Digest:
        """Have a blob."""
        digest = Digest.of(data, algorithm)
        self.blobs[name, digest] = data
        return digest

    async def _note(self, caller: Credentials | None, *asked: str) -> None:
        self.asked.append(asked)
        if self.waiting is not None:
            await self.waiting
        if self.fault is not None:
            raise self.fault
        shown = None if caller is None else caller.authorization
        if self.members is not None and shown not in self.members:
            raise UpstreamRefused(self.name, "does not let us in")

    async def head_manifest(
        self, repository: str, reference: str, caller: Credentials | None = None
    ) -> Found | None:
        """See `IUpstream`."""
        await self._note(caller, "head", repository, reference)
        data = self.manifests.get((repository, reference))
        if data is None:
            return None
        return Found(Digest.of(data), len(data), summarize_manifest(data).media_type)

    async def get_manifest(
        self, repository: str, reference: str, caller: Credentials | None = None
    ) -> Fetched | None:
        """See `IUpstream`."""
        await self._note(caller, "get", repository, reference)
        data = self.manifests.get((repository, reference))
        if data is None:
            return None
        return Fetched(data, "", Digest.of(data))

    async def head_blob(
        self, repository: str, digest: Digest, caller: Credentials | None = None
    ) -> Found | None:
        """See `IUpstream`."""
        await self._note(caller, "head blob", repository, str(digest))
        data = self.blobs.get((repository, digest))
        if data is None:
            return None
        return Found(digest, len(data) if self.tells_size else None, "")

    async def open_blob(
        self,
        repository: str,
        digest: Digest,
        start: int = 0,
        caller: Credentials | None = None,
        size: int | None = None,
        *,
        passed: bool = False,
    ) -> Opened | None:
        """See `IUpstream`."""
        del passed
        await self._note(caller, "open", repository, str(digest), str(start))
        data = self.blobs.get((repository, digest))
        if data is None:
            return None
        reader: IReader = BytesReader(self.lies.get(digest, data)[start:])
        if digest in self.readers:
            reader = self.readers[digest]
        return Opened(len(data) if self.tells_size else size, start, reader)

    async def referrers(
        self, repository: str, digest: Digest, caller: Credentials | None = None
    ) -> bytes | None:
        """See `IUpstream`."""
        await self._note(caller, "referrers", repository, str(digest))
        return None

    async def tags(
        self, repository: str, after: str, limit: int, caller: Credentials | None = None
    ) -> list[str] | None:
        """See `IUpstream`."""
        await self._note(caller, "tags", repository, after)
        names = (
            tag
            for name, tag in self.manifests
            if name == repository and ":" not in tag and tag > after
        )
        return sorted(names)[:limit] or None

    def budget(self) -> Budget | None:
        """See `IUpstream`."""
        return None

    async def close(self) -> None:
        """See `IUpstream`."""
