"""Tests of ``txregistry/storage/s3.py`` against Swift's S3 API."""

import json
import time
from collections.abc import Mapping
from itertools import count

from tests.contracts import objectsource, objectstore
from tests.contracts.objectsource import DATA, KEY, LARGE
from tests.integration.stores import s3case, service, spinning
from txregistry.storage import objects
from txregistry.storage.credentials import S3Credentials
from txregistry.storage.interfaces import (
    IObjectSource,
    IObjectStore,
    Key,
    StorageUnavailable,
)
from txregistry.storage.s3 import S3ObjectStore
from txregistry.storage.s3refusals import Refused
from txregistry.storage.s3signing import Payload
from txregistry.streams import IReader, read_all

_ROOTS = count()


class S3ContractTests(s3case.S3Case, objectsource.ObjectSourceContract):
    """The contract, at the top of a bucket."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        self.keep(objects)
        return self.open_source()


class S3RootContractTests(s3case.S3Case, objectsource.ObjectSourceContract):
    """The contract, below a prefix, beside what is not ours."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        self.keep(objects, "some/root /")
        self.keep({"some/root 0": b"x", "some/root": b"x", "k/other": b"x"})
        return self.open_source("/some/root /")


class S3StoreContractTests(
    s3case.S3StoreCase, spinning.SpinningCase, objectstore.ObjectStoreContract
):
    """The contract of stores; each has a root of its own."""

    def make_store(self, objects: Mapping[Key, bytes]) -> IObjectStore:
        root = f"some/root {next(_ROOTS)}"
        self.keep(objects, f"{root}/")
        return self.open_store(root)

    def reopen(self, store: IObjectStore) -> IObjectStore:
        assert isinstance(store, S3ObjectStore)
        return self.open_store(store._root)


class S3DecidingTests(s3case.S3StoreCase):
    """Swift 2.30 cannot write only what is absent, and later ones can."""

    async def test_it_is_found_out_whether_the_service_can(self) -> None:
        store = self.open_store()
        decides = True
        try:
            await store._client.put_object("k", Payload.of(b""), if_absent=True)
        except Refused as refused:
            self.assertEqual(refused.status, 501)
            decides = False
        for wrote in (True, False):
            self.assertEqual(await store.put(KEY, DATA, if_absent=True), wrote)
        self.assertEqual(store._decides, decides)
        await store.delete([KEY])
        self.assertTrue(await store.put(KEY, DATA, if_absent=True))


class S3ObjectSourceTests(s3case.S3Case):
    async def fails(self, source: IObjectSource, text: str) -> None:
        """Expect every way to ask to be a fault that says something, and no secret."""
        for work in (
            source.get(KEY, 9),
            source.open(KEY, 0, 9),
            source.list("k/", limit=9),
        ):
            with self.assertRaises(StorageUnavailable) as caught:
                await work
            self.assertIn(text, str(caught.exception))
            self.assertNotIn("wrong-secret", str(caught.exception))
        with self.assertRaises(StorageUnavailable):
            await source.stat(KEY)

    async def test_a_wrong_key_is_refused(self) -> None:
        credentials = S3Credentials(service.USER, "wrong-secret")
        await self.fails(
            self.open_source(credentials=credentials), "403 (SignatureDoesNotMatch)"
        )

    async def test_a_session_token_is_sent(self) -> None:
        self.keep({KEY: DATA})
        credentials = S3Credentials(service.USER, service.KEY, "some-token")
        source = self.open_source(credentials=credentials)
        self.assertEqual(await source.get(KEY, 99), DATA)

    async def test_somebody_without_rights_is_refused(self) -> None:
        credentials = S3Credentials(service.READER, service.READER_KEY)
        await self.fails(
            self.open_source(credentials=credentials), "403 (AccessDenied)"
        )

    async def test_another_region_is_a_fault(self) -> None:
        await self.fails(
            self.open_source(region="moon-1"), "400 (AuthorizationHeaderMalformed)"
        )

    async def test_a_bucket_that_is_not_there_is_a_fault(self) -> None:
        source = self.open_source(bucket="no-such-bucket")
        for work in (source.get(KEY, 9), source.stat(KEY), source.list("k/", limit=9)):
            with self.assertRaises(StorageUnavailable):
                await work

    async def test_time_of_change_is_the_services(self) -> None:
        self.keep({KEY: DATA})
        found = await self.open_source().stat(KEY)
        self.assertLess(abs(found.modified - time.time()), 3600)

    async def test_what_is_written_again_has_another_identity(self) -> None:
        source = self.open_source()
        self.keep({KEY: b"before"})
        before = await source.stat(KEY)
        self.keep({KEY: b"behind"})
        self.assertNotEqual((await source.stat(KEY)).identity, before.identity)

    async def test_what_is_stored_as_gzip_is_not_unpacked(self) -> None:
        path = f"{self.container}/{KEY}"
        self.service.put(path, b"no gzip", Content_Encoding="gzip")
        self.assertEqual(await self.open_source().get(KEY, 99), b"no gzip")

    async def test_markers_of_folders_are_not_listed(self) -> None:
        self.keep({"k/": b"", "k/a/": b"", "k/a/x": b"x"})
        source = self.open_source()
        for limit in (1, 9):
            page = await source.list("k/", limit=limit)
            self.assertEqual((page.names, page.more), (("k/a/x",), False))
            page = await source.list("k/", limit=limit, delimiter=True)
            self.assertEqual((page.names, page.more), (("k/a/",), False))

    async def test_more_names_than_one_request_gives(self) -> None:
        self.patch(objects, "_NAMES", 3)
        names = [f"k/{number:02}" for number in range(11)]
        self.keep(dict.fromkeys(names, b""))
        source = self.open_source()
        for limit, more in ((10, True), (11, False), (99, False)):
            page = await source.list("k/", limit=limit)
            self.assertEqual((page.names, page.more), (tuple(names[:limit]), more))

    async def test_a_large_object_in_parts_is_read_as_one(self) -> None:
        parts = LARGE[: 1 << 20], LARGE[1 << 20 :]
        for number, part in enumerate(parts):
            self.keep({f"parts/{number}": part})
        manifest = [
            {"path": f"/{self.container}/parts/{number}", "size_bytes": len(part)}
            for number, part in enumerate(parts)
        ]
        self.service.put(
            f"{self.container}/{KEY}",
            json.dumps(manifest).encode(),
            "multipart-manifest=put",
        )
        source = self.open_source()
        self.assertEqual((await source.stat(KEY)).size, len(LARGE))
        reader: IReader = await source.open(KEY, (1 << 20) - 9, (1 << 20) + 9)
        self.assertEqual(
            await read_all(reader, 99), LARGE[(1 << 20) - 9 : (1 << 20) + 9]
        )
