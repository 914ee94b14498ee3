"""Tests of blobs that are read while they go to a store on another machine."""

from random import Random

from twisted.internet.defer import Deferred, gatherResults

from tests.integration.stores import s3case, test_swift
from txregistry.model.digest import Digest
from txregistry.registry.filling import Filling
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.streams import BytesReader, read_all
from txregistry.tasks import at_once

DATA = Random(6).randbytes(3 * 1024 * 1024 + 1)  # noqa: S311 - an example
DIGEST = Digest.of(DATA)
STAGED = keys.single_upload("11111111-1111-1111-1111-111111111111")


async def fill(store: IObjectStore, *, final: bool) -> bool:
    """Fill a blob, let two read it, and say whether they, and the store, have it."""
    area = store.stage(STAGED, keys.blob(DIGEST) if final else None)
    filling = Filling(store, area, BytesReader(DATA), at_once, DIGEST, len(DATA))

    async def keep(_: Digest) -> None:
        pass

    readers = [read_all(filling.reader(), 1 << 30) for _ in range(2)]
    work = [Deferred.fromCoroutine(each) for each in (filling.run(keep), *readers)]
    digest, *found = await gatherResults(work)
    kept = await read_all(await store.open(keys.blob(DIGEST), 0, len(DATA)), 1 << 30)
    return digest == DIGEST and [*found, kept] == [DATA] * 3


class S3FillingTests(s3case.S3StoreCase):
    async def test_is_read_while_it_comes(self) -> None:
        for final in (False, True):
            self.assertTrue(await fill(self.open_store(), final=final))


class SwiftFillingTests(test_swift.SwiftStoreCase):
    async def test_is_read_while_it_comes(self) -> None:
        for final in (False, True):
            self.assertTrue(await fill(self.open_store(), final=final))
