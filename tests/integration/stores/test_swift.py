"""Tests of ``txregistry/storage/swift.py`` against Swift."""

import json
import time
from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.interfaces import IReactorTime

from tests.contracts import objectsource, objectstore, stagingarea
from tests.contracts.objectsource import DATA, KEY, LARGE
from tests.integration.stores import service, spinning
from txregistry.storage import objects
from txregistry.storage.interfaces import (
    IObjectSource,
    IObjectStore,
    Key,
    StorageUnavailable,
)
from txregistry.storage.swift import SwiftObjectSource, SwiftObjectStore
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftlogin import SwiftLogin1
from txregistry.storage.swiftsession import SwiftIdentity
from txregistry.streams import IReader, read_all

_ROOTS = count()


class SwiftCase(service.ServiceCase):
    """Make sources of the test's own container."""

    def open_source(
        self,
        root: str = "",
        container: str = "",
        user: str = service.USER,
        key: str = service.KEY,
    ) -> SwiftObjectSource:
        """Read what lies in a container."""
        return SwiftObjectSource(self.open_container(container, user, key), root)

    def open_container(
        self, name: str = "", user: str = service.USER, key: str = service.KEY
    ) -> SwiftContainer:
        """Use a container."""
        login = SwiftLogin1(self.service.login, user, key)
        identity = SwiftIdentity(self.server, login, IReactorTime(reactor))
        return SwiftContainer(self.server, identity, name or self.container)


class SwiftContractTests(SwiftCase, objectsource.ObjectSourceContract):
    """The contract, at the top of a container."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        self.keep(objects)
        return self.open_source()


class SwiftRootContractTests(SwiftCase, objectsource.ObjectSourceContract):
    """The contract, below a prefix, beside what is not ours."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        self.keep(objects, "some/root /")
        self.keep({"some/root 0": b"x", "some/root": b"x", "k/other": b"x"})
        return self.open_source("/some/root /")


class SwiftStoreCase(SwiftCase):
    """Make stores in the test's own container."""

    def open_store(
        self, root: str = "", container: str = "", **settings: Any
    ) -> SwiftObjectStore:
        """Keep objects in a container."""
        return SwiftObjectStore(
            self.open_container(container), IReactorTime(reactor), root, **settings
        )


class MadeStoreCase(SwiftStoreCase, spinning.SpinningCase):
    """Make stores below a prefix of its own, each."""

    settings: Mapping[str, Any] = MappingProxyType({})

    def make_store(self, objects: Mapping[Key, bytes]) -> IObjectStore:
        self.root = f"some root/{next(_ROOTS)}"
        for key, data in objects.items():
            self.service.put(f"{self.container}/{self.root}/files/{key}", data)
        return self.open_store(self.root, **self.settings)

    def reopen(self, store: IObjectStore) -> IObjectStore:
        del store
        return self.open_store(self.root, **self.settings)


class SwiftStoreContractTests(MadeStoreCase, objectstore.ObjectStoreContract):
    """The whole contract."""


class StaticContractTests(MadeStoreCase, stagingarea.StagingContract):
    """What is staged, in segments of a few bytes and manifests of a few segments."""

    settings: Mapping[str, Any] = MappingProxyType({"largest": 3, "most": 2})

    def test_append_shows_what_it_writes_in_order(self) -> None:
        self.settings = {**self.settings, "largest": 300_000}
        super().test_append_shows_what_it_writes_in_order()


class DynamicContractTests(StaticContractTests):
    """The same, as Distribution 2 has them."""

    settings: Mapping[str, Any] = MappingProxyType({"largest": 3, "dynamic": True})


class SwiftObjectSourceTests(SwiftCase):
    async def fails(self, source: IObjectSource, text: str) -> None:
        """Expect every way to ask to be a fault that says something, and no secret."""
        for work in (
            source.get(KEY, 9),
            source.open(KEY, 0, 9),
            source.stat(KEY),
            source.list("k/", limit=9),
        ):
            with self.assertRaises(StorageUnavailable) as caught:
                await work
            self.assertIn(text, str(caught.exception))
            self.assertNotIn("wrong-secret", str(caught.exception))

    async def test_a_wrong_key_is_refused(self) -> None:
        source = self.open_source(key="wrong-secret")
        await self.fails(source, f"{self.service.login} answered 401")

    async def test_somebody_without_rights_is_refused(self) -> None:
        source = self.open_source(user=service.READER, key=service.READER_KEY)
        await self.fails(source, f"{self.container} answered 403")

    async def test_a_container_that_is_not_there_is_a_fault(self) -> None:
        await self.fails(self.open_source(container="no-such"), "no-such")

    async def test_a_token_that_is_forgotten_is_renewed(self) -> None:
        self.keep({KEY: DATA})
        source = self.open_source()
        self.assertEqual(await source.get(KEY, 99), DATA)
        self.service.forget_tokens()
        self.assertEqual(await source.get(KEY, 99), DATA)

    async def test_a_token_that_is_forgotten_is_renewed_to_list(self) -> None:
        self.keep({"k/a": DATA})
        source = self.open_source()
        await source.list("k/", limit=9)
        self.service.forget_tokens()
        self.assertEqual((await source.list("k/", limit=9)).names, ("k/a",))

    async def test_time_of_change_is_the_services(self) -> None:
        self.keep({KEY: DATA})
        found = await self.open_source().stat(KEY)
        self.assertLess(abs(found.modified - time.time()), 3600)

    async def test_what_is_written_again_has_another_identity(self) -> None:
        source = self.open_source()
        self.keep({KEY: DATA})
        before = await source.stat(KEY)
        self.keep({KEY: DATA})
        self.assertNotEqual((await source.stat(KEY)).identity, before.identity)

    async def test_what_is_stored_as_gzip_is_not_unpacked(self) -> None:
        path = f"{self.container}/{KEY}"
        self.service.put(path, b"no gzip", Content_Encoding="gzip")
        self.assertEqual(await self.open_source().get(KEY, 99), b"no gzip")

    async def test_more_names_than_one_request_gives(self) -> None:
        self.patch(objects, "_NAMES", 3)
        names = [f"k/{number:02}" for number in range(11)]
        self.keep(dict.fromkeys(names, b""))
        source = self.open_source()
        for limit, more in ((10, True), (11, False), (99, False)):
            page = await source.list("k/", limit=limit)
            self.assertEqual((page.names, page.more), (tuple(names[:limit]), more))

    async def test_markers_of_folders_are_not_listed(self) -> None:
        self.keep({"k/": b"", "k/a/": b"", "k/a/x": b"x"})
        source = self.open_source()
        for limit in (1, 9):
            page = await source.list("k/", limit=limit)
            self.assertEqual((page.names, page.more), (("k/a/x",), False))
            page = await source.list("k/", limit=limit, delimiter=True)
            self.assertEqual((page.names, page.more), (("k/a/",), False))


class LargeObjectTests(SwiftCase):
    """What is kept in segments, as CNCF Distribution 2 did, is read as one object."""

    def setUp(self) -> None:
        super().setUp()
        self.segments = LARGE[: 1 << 20], LARGE[1 << 20 : 1 << 21], LARGE[1 << 21 :]
        for number, segment in enumerate(self.segments, 1):
            self.keep({f"segments/{number:016}": segment})

    def keep_dynamic(self) -> None:
        """Keep an object that consists of what a listing has."""
        manifest = f"{self.container}/segments/"
        self.service.put(f"{self.container}/{KEY}", b"", X_Object_Manifest=manifest)

    def keep_static(self) -> None:
        """Keep an object that consists of what a list names."""
        manifest = [
            {
                "path": f"/{self.container}/segments/{number:016}",
                "size_bytes": len(segment),
            }
            for number, segment in enumerate(self.segments, 1)
        ]
        data = json.dumps(manifest).encode()
        self.service.put(f"{self.container}/{KEY}", data, "multipart-manifest=put")

    async def is_read(self) -> None:
        """Expect the object to be like any other."""
        source = self.open_source()
        self.assertEqual((await source.stat(KEY)).size, len(LARGE))
        for start, stop in (
            (0, len(LARGE)),
            (0, 1 << 40),
            ((1 << 20) - 9, (1 << 21) + 9),
            (1 << 21, 1 << 40),
            (1 << 40, 1 << 41),
        ):
            reader: IReader = await source.open(KEY, start, stop)
            found = await read_all(reader, 1 << 30)
            self.assertTrue(found == LARGE[start:stop], f"{start}-{stop}")
        self.assertTrue(await source.get(KEY, len(LARGE)) == LARGE)

    async def test_a_dynamic_one(self) -> None:
        self.keep_dynamic()
        await self.is_read()

    async def test_a_static_one(self) -> None:
        self.keep_static()
        await self.is_read()

    async def test_a_static_one_whose_segment_is_gone_breaks_off(self) -> None:
        self.keep_static()
        self.service.delete(f"{self.container}/segments/{2:016}")
        reader: IReader = await self.open_source().open(KEY, 0, len(LARGE))
        with self.assertRaises(StorageUnavailable):
            await read_all(reader, 1 << 30)
