"""A test case with a registry that is collected."""

from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.registry import images
from tests.registry.case import NAME
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.model.names import RepositoryName
from txregistry.registry.collection.collector import Collector
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.interfaces import IKeeping
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.collection.report import CollectionReport
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.interfaces import NotFound
from txregistry.tasks import at_once

T = TypeVar("T")

FLOOR: Final = 400.0


class CollectionTestCase(images.RaisingCase):
    """Collect a registry in memory. Inherit as ``case.CollectionTestCase``."""

    def setUp(self) -> None:
        """Make an empty registry, and who collects it."""
        super().setUp()
        self.collector = self.make_collector("first")

    def make_registry(self, **switches: Any) -> Registry:
        """See `RegistryTestCase`."""
        return super().make_registry(**{"floor": FLOOR, **switches})

    def make_collector(self, owner: str) -> Collector:
        """Make somebody who collects."""
        bare = super().make_registry(floor=None)
        contents = Contents(bare.store, at_once)
        keeping = self.make_keeping(bare, contents)
        return Collector(bare, at_once, FLOOR, owner, contents, keeping)

    def make_keeping(self, registry: Registry, contents: Contents) -> IKeeping:
        """Make what says what is kept: all manifests are."""
        del registry, contents
        return KeepingAll()

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to that takes its time."""
        done = Deferred.fromCoroutine(work)
        for _ in range(100_000):
            if done.called:
                break
            self.clock.advance(0.25)
        failures: list[Failure] = []
        _ = done.addErrback(failures.append)
        for failure in failures:
            failure.raiseException()
        return self.successResultOf(done)

    def collect(self, **switches: Any) -> CollectionReport:
        """Do a round."""
        return self.wait_for(self.collector.collect(**switches))

    def collect_all(self) -> CollectionReport:
        """Do rounds until what was unneeded from the beginning is gone, and blobs."""
        for _ in range(3):
            self.collect()
            self.clock.advance(FLOOR)
        return self.collect()

    def is_stored(self, data: bytes) -> bool:
        """Say whether the store has some content."""
        try:
            self.result(self.store.stat(keys.blob(Digest.of(data))))
        except NotFound:
            return False
        return True

    def holds(self, data: bytes, name: RepositoryName = NAME) -> bool:
        """Say whether a repository has a blob, as a client asks that."""
        try:
            self.result(self.registry.blobs.find(name, Digest.of(data)))
        except BlobUnknown:
            return False
        return True
