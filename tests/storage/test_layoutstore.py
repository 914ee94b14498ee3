"""Tests of ``txregistry/storage/layoutstore.py``."""

import os
from collections.abc import Mapping

from twisted.internet.task import Clock

from tests.contracts import objectsource, objectstore
from tests.contracts.storecase import KEY, OTHER, StoreTestCase
from tests.storage.layouts import LayoutFolder, named
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.secrets import find_secret
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectSource,
    IObjectStore,
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.layoutsource import LayoutObjectSource
from txregistry.storage.layoutstore import LayoutObjectStore
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import BytesReader
from txregistry.tasks import at_once

APP = RepositoryName("app")


class LayoutObjectStoreContractTests(objectstore.ObjectStoreContract):
    """What is written over nothing, in memory, is all that there is."""

    def make_store(self, objects: Mapping[Key, bytes]) -> IObjectStore:
        store = LayoutObjectStore(MemoryObjectStore(Clock()), Clock())
        for key, data in objects.items():
            self.result(store.put(key, data))
        return store

    def reopen(self, store: IObjectStore) -> IObjectStore:
        return store  # it is kept as long as the process


class LayoutSourceContractTests(objectsource.ObjectSourceContract):
    """Half of it is the source's, and half was written over it."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        below = dict(list(objects.items())[::2])
        store = LayoutObjectStore(MemoryObjectStore(Clock(), below), Clock())
        for key, data in list(objects.items())[1::2]:
            await store.put(key, data)
        return store


class LayoutObjectStoreTests(StoreTestCase):
    def setUp(self) -> None:
        self.folder = LayoutFolder(os.path.join(make_folder(self), "medium"))
        image = self.folder.image(b"layer")
        self.folder.list(named(image, ref="app:1"))
        source = LayoutObjectSource(self.folder.root, Clock(), at_once)
        self.store = LayoutObjectStore(source, Clock(), room=20_000, largest=5_000)
        self.tag = keys.tag_link(APP, Tag("1"))
        self.digest = image["digest"].encode()

    def files(self) -> dict[str, tuple[int, int]]:
        """Look at all files of the layout."""
        return {
            path: (os.stat(path).st_ino, os.stat(path).st_mtime_ns)
            for folder, _, names in os.walk(self.folder.root)
            for path in (folder, *(os.path.join(folder, name) for name in names))
        }

    def test_what_the_source_has_stays_what_it_is(self) -> None:
        before = self.files()
        self.fails(StorageUnavailable, self.store.put(self.tag, b"x"))
        self.fails(StorageUnavailable, self.store.put(self.tag, b"x" * 99))
        self.fails(StorageUnavailable, self.store.delete([self.tag]))
        self.assertFalse(self.result(self.store.put(self.tag, b"x", if_absent=True)))
        self.assertEqual(self.read(self.store, self.tag), self.digest)
        self.assertEqual(self.files(), before)

    def test_writing_what_is_there_is_fine(self) -> None:
        self.assertTrue(self.result(self.store.put(self.tag, self.digest)))

    def test_nothing_is_written_into_the_folder(self) -> None:
        before = self.files()
        self.result(self.store.put(KEY, b"data"))
        area, _ = self.stage(self.store, b"staged", OTHER)
        self.result(area.commit(OTHER))
        self.result(find_secret(self.store, "tokens"))
        self.result(self.store.check())
        self.result(self.store.sweep(0))
        self.assertEqual(self.read(self.store, OTHER), b"staged")
        self.assertEqual(self.files(), before)

    def test_a_check_fails_where_the_medium_is_gone(self) -> None:
        self.result(self.store.check())
        os.unlink(self.folder.path("index.json"))
        self.fails(StorageUnavailable, self.store.check())

    def test_what_was_written_first_is_forgotten_first(self) -> None:
        written = [Key(f"docker/registry/v2/some/{n}/data") for n in range(9)]
        for key in written:
            self.result(self.store.put(key, bytes(4000)))
        self.fails(NotFound, self.store.stat(written[0]))
        self.assertEqual(len(self.read(self.store, written[-1])), 4000)

    def test_secrets_are_not_forgotten(self) -> None:
        secret = self.result(find_secret(self.store, "tokens"))
        for number in range(20):
            key = Key(f"docker/registry/v2/some/{number}/data")
            self.result(self.store.put(key, bytes(4000)))
        self.assertEqual(self.result(find_secret(self.store, "tokens")), secret)

    def test_what_is_too_large_is_refused(self) -> None:
        self.fails(StorageFull, self.store.put(KEY, bytes(5001)))
        area = self.store.stage(KEY)
        self.result(area.append(BytesReader(bytes(3000)), lambda _: None, None))
        self.fails(
            StorageFull,
            area.append(BytesReader(bytes(2001)), lambda _: None, None),
        )

    def test_one_listing_has_both(self) -> None:
        digest = Digest.of(b"made")
        made = keys.layer_link(APP, digest)
        self.result(self.store.put(made, str(digest).encode()))
        names = self.list_all(self.store, keys.layer_links(APP))
        self.assertIn(made, names)
        self.assertIn(keys.layer_link(APP, Digest.of(b"layer")), names)
        self.assertEqual(list(names), sorted(names))
