"""A test case with a registry in memory."""

from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.registry.content import BLOBS
from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.repositories import Registry
from txregistry.registry.uploads import Chunk
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import BytesReader, read_all
from txregistry.tasks import at_once

T = TypeVar("T")

NAME = RepositoryName("library/alpine")
OTHER = RepositoryName("team/app")
V1 = Tag("v1")


def chunk(data: bytes, start: int | None = None) -> Chunk:
    """Make a request's body."""
    span = None if start is None else (start, start + len(data))
    return Chunk(BytesReader(data), len(data), span)


class RegistryTestCase(SynchronousTestCase):
    """Talk to a registry over a store in memory."""

    store: IObjectStore

    def setUp(self) -> None:
        """Make an empty registry."""
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.sessions = 0
        self.store = self.make_store()
        self.registry = self.make_registry()

    def make_store(self) -> IObjectStore:
        """Make an empty store."""
        return MemoryObjectStore(self.clock)

    def make_registry(self, **switches: Any) -> Registry:
        """Make a registry over the store: a second one is a restart of the first."""
        return Registry(
            self.store,
            self.clock,
            at_once,
            new_session=self.new_session,
            **switches,
        )

    def new_session(self) -> str:
        """Give the next id."""
        self.sessions += 1
        return str(UUID(int=self.sessions))

    def finish(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Let some work go on until it is done."""
        done = Deferred.fromCoroutine(work)
        for _ in range(10_000):
            if done.called:
                break
            self.clock.advance(0)
        return done

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to."""
        return self.successResultOf(self.finish(work))

    def fails(self, kind: type[Exception], work: Coroutine[Any, Any, object]) -> Any:
        """Expect some work to fail, and give its failure."""
        return self.failureResultOf(self.finish(work), kind).value

    def put(self, key: str, data: bytes) -> None:
        """Write into the store, past the registry."""
        self.result(self.store.put(Key(key), data))

    def get(self, key: str) -> bytes:
        """Read from the store, past the registry."""
        return self.result(self.store.get(Key(key), 1 << 20))

    def keys(self, prefix: str = "docker/") -> tuple[str, ...]:
        """List the store."""
        return self.result(self.store.list(prefix, limit=10_000)).names

    def push_blob(
        self,
        data: bytes,
        name: RepositoryName = NAME,
        algorithm: str = "sha256",
    ) -> Digest:
        """Push a blob, and give its digest."""
        digest = Digest.of(data, algorithm)
        self.result(self.registry.uploads.push(name, digest, chunk(data)))
        return digest

    def pull_blob(self, digest: Digest, name: RepositoryName = NAME) -> bytes:
        """Pull a blob."""

        async def pull() -> bytes | None:
            blob = await self.registry.blobs.find(name, digest)
            reader = await self.registry.blobs.open(blob, 0, blob.size)
            return await read_all(reader, blob.size)

        data = self.result(pull())
        assert data is not None
        return data

    def push_blobs(self, name: RepositoryName = NAME) -> None:
        """Push what the images of these tests name."""
        for data in BLOBS:
            self.push_blob(data, name)

    def push(
        self,
        data: bytes,
        reference: Reference | None = None,
        name: RepositoryName = NAME,
    ) -> Digest:
        """Push a manifest, by default by its digest, and give what it is called."""
        wanted = reference or Digest.of(data)
        work = self.registry.acceptance.push(name, wanted, data, None)
        return self.result(work).digest

    def tags(self, name: RepositoryName = NAME) -> list[str]:
        """List all tags."""
        return [
            str(tag)
            for tag in self.result(self.registry.tags.page(name, "", None)).tags
        ]
