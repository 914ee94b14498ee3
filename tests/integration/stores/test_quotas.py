"""Counts of quotas on the stores of other machines: sizes come with the listing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.interfaces import IReactorTime

from tests.integration.stores import s3case, test_swift
from tests.registry.case import chunk
from tests.registry.content import CONFIG, LAYER, image
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.quotas import tally
from txregistry.registry.quotas.counts import Usage, read_count
from txregistry.registry.quotas.rules import Quota, QuotaRules
from txregistry.registry.quotas.tally import Tallying
from txregistry.registry.repositories import Registry
from txregistry.registry.uploads import Chunk
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, Stat
from txregistry.storage.passing import PassingStore
from txregistry.streams import BytesReader
from txregistry.tasks import at_once

MIB: Final = 1 << 20
APP: Final = RepositoryName("team/app")
BIG: Final = bytes(range(256)) * 4096 * 3
"""3 MiB: more than a piece of those that stores here are made of."""


class LookingStore(PassingStore):
    """A store that says which blobs are looked at."""

    def __init__(self, store: IObjectStore) -> None:
        super().__init__(store)
        self.looked: set[str] = set()

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        if key.startswith(keys.BLOBS):
            self.looked.add(key)
        return await super().stat(key)


class CountContract:
    """What holds wherever content is kept. Inherit it beside a case of a store."""

    timeout = 120
    settings: Mapping[str, Any] = MappingProxyType({})
    untold: frozenset[str] = frozenset()
    """Blobs of which a listing does not tell the size."""

    async def test_sizes_come_with_the_listing(self) -> None:
        case: Any = self
        case.patch(tally, "_PAUSE", 0.1)
        store = LookingStore(case.open_store(**self.settings))
        clock = IReactorTime(reactor)
        quotas = [Quota(("team/**",), 4 * MIB)]
        registry = Registry(store, clock, at_once, quotas=quotas)
        for data in (CONFIG, LAYER):
            await registry.uploads.push(APP, Digest.of(data), chunk(data))
        session = await registry.uploads.begin(APP)
        unmeasured = Chunk(BytesReader(BIG), None)  # as docker sends it
        await registry.uploads.append(APP, session, unmeasured)
        await registry.uploads.finish(APP, session, Digest.of(BIG), chunk(b""))
        manifest = image(layers=[LAYER, BIG])
        await registry.acceptance.push(APP, Tag("v1"), manifest, None)
        parts = (CONFIG, LAYER, BIG, manifest)
        wanted = Usage(sum(map(len, parts)), 1)
        case.assertEqual((await registry.quotas.uses())[0].usage, wanted)
        store.looked.clear()
        tallying = Tallying(store, QuotaRules(quotas), clock, at_once)
        async with tallying.counting(clock.seconds()):
            pass  # nothing is looked at, so that nothing is counted
        case.assertEqual((await read_count(store)).quotas, {"team/**": Usage()})
        await tallying.count(clock.seconds())
        case.assertEqual((await read_count(store)).quotas, {"team/**": wanted})
        case.assertEqual(store.looked, self.untold)
        again = Registry(store, clock, at_once, quotas=quotas)
        other = BIG[::-1]
        try:
            await again.uploads.push(APP, Digest.of(other), chunk(other))
        except Denied as error:
            case.assertIn("use 3 MiB of 4 MiB", error.message)
        else:
            case.fail("It was let in.")


class S3CountTests(CountContract, s3case.S3StoreCase):
    """On S3."""


class SwiftCountTests(CountContract, test_swift.SwiftStoreCase):
    """On Swift, where a large blob is a static large object."""

    settings = MappingProxyType({"largest": MIB})


class DynamicCountTests(CountContract, test_swift.SwiftStoreCase):
    """The same with dynamic large objects, which a listing takes to be empty."""

    settings = MappingProxyType({"largest": MIB, "dynamic": True})
    untold = frozenset([str(keys.blob(Digest.of(BIG)))])
