"""Collection on the stores of other machines: while clients work, and where it dies."""

from collections.abc import Iterable
from random import Random
from typing import Any, Final

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred, gatherResults

from tests.figures import tell
from tests.integration.stores import s3case, test_swift
from tests.registry.case import chunk
from tests.registry.content import image
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown, NameUnknown
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.collection import lease
from txregistry.registry.collection.collector import Collector, NotOurTurn
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.storage.kinds import Link, recognize
from txregistry.storage.passing import PassingStore
from txregistry.tasks import at_once

NAMES: Final = tuple(RepositoryName(f"team/app{number}") for number in range(3))
TAGS: Final = (Tag("v1"), Tag("v2"))
LAYERS: Final = tuple(f"layer {number}".encode() for number in range(6))
CONFIG: Final = b"{}"
_FLOOR: Final = 8.0
_SECONDS: Final = 10.0
_CLIENTS: Final = 4
_DEATHS: Final = (4, 9)
"""Writes of a round before which it dies: some of those that memory tries all of."""


class Killed(BaseException):
    """The process is no more."""


class MortalStore(PassingStore):
    """A store that is not there any more after so many writes."""

    def __init__(self, store: IObjectStore, left: int) -> None:
        super().__init__(store)
        self.left = left

    def step(self) -> None:
        """Take it that something is to be written."""
        self.left -= 1
        if self.left <= 0:
            raise Killed

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        self.step()
        return await super().put(key, data, if_absent=if_absent)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        self.step()
        await super().delete(keys)


async def push(node: Registry, name: RepositoryName, tag: Tag, layer: bytes) -> None:
    """Push an image as clients do: what is there already, they do not send."""
    for blob in (CONFIG, layer):
        digest = Digest.of(blob)
        if not await node.blobs.holds(name, digest):
            await node.uploads.push(name, digest, chunk(blob))
    await node.acceptance.push(name, tag, image(layers=[layer]), None)


async def delete(node: Registry, name: RepositoryName, layer: bytes) -> None:
    """Delete an image, if it is there."""
    try:
        await node.acceptance.delete(name, Digest.of(image(layers=[layer])))
    except (ManifestUnknown, NameUnknown):
        return


async def all_keys(store: IObjectStore, prefix: str) -> list[Key]:
    """List what is there, which is little."""
    return [Key(name) for name in (await store.list(prefix, limit=10_000)).names]


class CollectionContract:
    """What holds wherever content is kept. Inherit it beside a case of a store."""

    timeout = 400

    def make(self, store: IObjectStore, floor: float) -> tuple[Registry, Collector]:
        """Make a node, and who collects there."""
        node = Registry(store, reactor, at_once, floor=floor, write_fallback=False)
        bare = Registry(store, reactor, at_once, floor=None, write_fallback=False)
        contents = Contents(store, at_once)
        owner = f"node {id(node)}"
        return node, Collector(bare, at_once, floor, owner, contents, KeepingAll())

    async def check(self, store: IObjectStore, *, clean: bool) -> None:
        """Expect manifests to be whole, and maybe that nothing else is there."""
        case: Any = self
        found = await all_keys(store, keys.ROOT)
        needed: set[Key] = set()
        for key in found:
            kind = recognize(key)
            if not isinstance(kind, Link) or kind.role != "revision":
                continue
            data = await store.get(keys.blob(kind.digest), 1 << 20)
            needed |= {key, keys.blob(kind.digest)}
            for each in parse_manifest(data, None).blobs:
                needed.add(keys.blob(each.digest))
                needed.add(keys.layer_link(kind.repository, each.digest))
        case.assertEqual(needed - set(found), set())
        if clean:
            left = {key for key in found if "/_manifests/tags/" not in key} - needed
            case.assertEqual(left, set())

    async def test_while_clients_work(self) -> None:
        case: Any = self
        store: IObjectStore = case.open_store()
        clock: Any = reactor
        nodes = [self.make(store, _FLOOR) for _ in range(2)]
        end = clock.seconds() + _SECONDS
        done = {"pushed": 0, "deleted": 0, "rounds": 0}

        async def work(seed: int) -> None:
            chance = Random(seed)  # noqa: S311 - an example
            while clock.seconds() < end:
                node = nodes[chance.randrange(2)][0]
                name, layer = NAMES[seed % 3], chance.choice(LAYERS)
                if chance.randrange(3):
                    await push(node, name, chance.choice(TAGS), layer)
                    done["pushed"] += 1
                else:
                    await delete(node, name, layer)
                    done["deleted"] += 1

        async def collect(collector: Collector) -> None:
            while clock.seconds() < end:
                try:
                    await collector.collect()
                    done["rounds"] += 1
                except NotOurTurn:
                    pass

        await gatherResults(
            [
                *(Deferred.fromCoroutine(work(seed)) for seed in range(_CLIENTS)),
                *(Deferred.fromCoroutine(collect(each)) for _, each in nodes[:1]),
            ]
        )
        await self.check(store, clean=False)
        # What is left is old enough for who waits for nothing.
        _, last = self.make(store, 0.0)
        for _ in range(3):
            await last.collect()
        await self.check(store, clean=True)
        tell(f"{type(self).__name__}: {done}")

    async def test_where_it_dies(self) -> None:
        case: Any = self
        case.patch(lease, "_PAUSE", 0.1)
        died = 0
        for death in _DEATHS:
            store: IObjectStore = case.open_store(f"death-{death}")
            node, _ = self.make(store, 0.0)
            await push(node, NAMES[0], TAGS[0], LAYERS[0])
            await push(node, NAMES[1], TAGS[0], LAYERS[1])
            await delete(node, NAMES[1], LAYERS[1])
            mortal = MortalStore(store, 1000)
            _, collector = self.make(mortal, 0.0)
            await collector.collect()
            mortal.left = death
            try:
                await collector.collect()
            except Killed:
                died += 1
            await self.check(store, clean=False)
            await store.delete([keys.collection_lease()])  # as if it had run out
            await push(node, NAMES[2], TAGS[0], LAYERS[1])
            _, after = self.make(store, 0.0)
            for _ in range(3):
                await after.collect()
            await self.check(store, clean=True)
        case.assertEqual(died, len(_DEATHS))
        tell(f"{type(self).__name__}: it died at {died} places: {died} steps tried")


class S3CollectionTests(CollectionContract, s3case.S3StoreCase):
    """On S3."""


class SwiftCollectionTests(CollectionContract, test_swift.SwiftStoreCase):
    """On Swift."""
