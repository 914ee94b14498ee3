"""Replication to Distribution's registry and to this one, which come and go."""

from typing import Any

from tests.integration.daemon import Daemon
from tests.integration.downstreams.case import (
    APP,
    BIG,
    CONFIG,
    SMALL,
    DownstreamCase,
    get_blob,
    get_tag,
    image,
)
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.replication.copying import Origin
from txregistry.registry.replication.replication import Replication
from txregistry.registry.replication.rules import ReplicationRule
from txregistry.registry.repositories import Registry
from txregistry.registry.uploads import Chunk
from txregistry.storage import keys
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import BytesReader

NAME = RepositoryName(APP)
V1 = Tag("v1")
IMAGE = image(SMALL, BIG)


class DistributionTests(DownstreamCase):
    """Distribution."""

    def begin(self) -> Daemon:
        """Run the registry to which is replicated."""
        return self.serve()

    def setUp(self) -> None:
        super().setUp()
        self.target = self.begin()
        self.store = MemoryObjectStore(self.reactor)
        self.registry = Registry(self.store, self.reactor, self.blocking)
        self.replicate()

    def replicate(self) -> None:
        """Replicate with new objects, as after a restart."""
        registry, downstream = self.registry, self.push_to(self.target.url)
        self.replication = Replication(
            self.store,
            Origin(
                registry.tags, registry.manifests, registry.blobs, registry.referrers
            ),
            self.reactor,
            self.blocking,
            [ReplicationRule("target", downstream)],
            chance=lambda: 0.0,
        )
        self.addCleanup(self.replication.stop)
        self.replication.start()

    async def push(self) -> None:
        """Push an image here."""
        for data in (CONFIG, SMALL, BIG):
            chunk = Chunk(BytesReader(data), len(data))
            await self.registry.uploads.push(NAME, Digest.of(data), chunk)
        accepted = await self.registry.acceptance.push(NAME, V1, IMAGE, None)
        await self.replication.note(NAME, V1, accepted.digest)

    async def assert_there(self) -> None:
        """Expect all of it to be there by and by, and no job to be left."""
        await self.eventually(lambda: self.replication.status()[0].waiting == 0)
        self.assertEqual(get_tag(self.target.url, "v1"), IMAGE)
        for data in (SMALL, BIG):
            self.assertEqual(get_blob(self.target.url, data), data)
        page: Any = await self.store.list(keys.jobs(), limit=1)
        self.assertEqual(page.names, ())

    async def test_what_is_pushed_is_there_then(self) -> None:
        await self.push()
        await self.assert_there()

    async def test_registry_that_is_not_there_for_a_while(self) -> None:
        self.target.kill()
        await self.push()
        await self.eventually(lambda: self.replication.status()[0].fault)
        self.target.start()
        await self.assert_there()

    async def test_registry_that_is_killed_amid_a_push(self) -> None:
        await self.push()
        await self.eventually(lambda: self.replication.status()[0].working)
        self.target.kill()
        self.target.start()
        await self.assert_there()

    async def test_we_are_restarted_amid_a_push(self) -> None:
        await self.push()
        await self.eventually(lambda: self.replication.status()[0].working)
        await self.replication.stop()
        self.replicate()
        await self.eventually(lambda: not self.replication.status()[0].more)
        await self.assert_there()


class OwnTests(DistributionTests):
    def begin(self) -> Daemon:
        return self.serve_ours()
