"""What every `IObjectStore` must do, as its docstrings promise.

Inherit as ``objectstore.ObjectStoreContract``, so that it is not collected itself.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.contracts.keyspace import (
    KEY_SETS,
    KEYS,
    PREFIXES,
    grouped,
    listed,
)
from tests.contracts.stagingarea import StagingContract
from tests.contracts.storecase import KEY, OTHER, StoreTestCase
from txregistry.storage.interfaces import (
    IObjectStore,
    Key,
    NotFound,
    Page,
    TooLarge,
)
from txregistry.streams import read_all

OFFSETS = st.integers(0, 40)
FEW = settings(max_examples=30)


class ReadingContract(StoreTestCase):
    """``stat``, ``get`` and ``open``."""

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IObjectStore, self.make_store({})))

    @given(st.binary(max_size=100))
    def test_stat_tells_the_size(self, data: bytes) -> None:
        store = self.make_store({KEY: data})
        self.assertEqual(self.result(store.stat(KEY)).size, len(data))

    def test_stat_of_what_is_absent(self) -> None:
        self.fails(NotFound, self.make_store({}).stat(KEY))

    def test_stat_of_a_group(self) -> None:
        store = self.make_store({KEY: b"x"})
        self.fails(NotFound, store.stat(Key("docker/registry")))

    def test_identity_stays_while_nothing_is_written(self) -> None:
        store = self.make_store({KEY: b"x"})
        before = self.result(store.stat(KEY)).identity
        self.assertEqual(self.result(store.stat(KEY)).identity, before)

    def test_identity_differs_once_the_same_is_written_again(self) -> None:
        store = self.make_store({KEY: b"x"})
        before = self.result(store.stat(KEY)).identity
        self.result(store.put(KEY, b"x"))
        self.assertNotEqual(self.result(store.stat(KEY)).identity, before)

    @given(st.binary(max_size=100))
    def test_get_gives_it_whole(self, data: bytes) -> None:
        store = self.make_store({KEY: data})
        self.assertEqual(self.result(store.get(KEY, len(data))), data)

    def test_get_of_what_is_absent(self) -> None:
        self.fails(NotFound, self.make_store({}).get(KEY, 10))

    def test_get_of_a_group(self) -> None:
        store = self.make_store({KEY: b"x"})
        self.fails(NotFound, store.get(Key("docker/registry"), 10))

    def test_get_of_what_lies_below_an_object(self) -> None:
        store = self.make_store({KEY: b"x"})
        self.fails(NotFound, store.get(Key(f"{KEY}/more"), 10))

    def test_get_of_more_than_the_limit(self) -> None:
        self.fails(TooLarge, self.make_store({KEY: b"12345"}).get(KEY, 4))

    @given(st.binary(max_size=40), OFFSETS, OFFSETS)
    def test_open_gives_a_range(self, data: bytes, start: int, stop: int) -> None:
        store = self.make_store({KEY: data})
        self.assertEqual(
            self.read_range(store.open(KEY, start, stop)), data[start:stop]
        )

    @given(st.binary(min_size=1, max_size=40), st.integers(1, 50))
    def test_a_read_gives_no_more_than_its_limit(self, data: bytes, limit: int) -> None:
        reader = self.result(self.make_store({KEY: data}).open(KEY, 0, len(data)))
        self.assertEqual(self.result(reader.read(limit)), data[:limit])
        self.result(reader.close())

    def test_open_of_what_is_absent(self) -> None:
        self.fails(NotFound, self.make_store({}).open(KEY, 0, 1))

    def test_open_of_a_group(self) -> None:
        store = self.make_store({KEY: b"x"})
        self.fails(NotFound, store.open(Key("docker/registry"), 0, 1))

    def test_reader_closes_twice(self) -> None:
        reader = self.result(self.make_store({KEY: b"x"}).open(KEY, 0, 1))
        self.result(reader.close())
        self.assertIsNone(self.result(reader.close()))

    def test_reader_keeps_its_version_when_it_is_overwritten(self) -> None:
        store = self.make_store({KEY: b"before"})
        opened = self.result(store.open(KEY, 0, 6))
        self.result(store.put(KEY, b"behind"))
        self.assertEqual(self.result(read_all(opened, 10)), b"before")

    def test_reader_keeps_its_version_when_it_is_deleted(self) -> None:
        store = self.make_store({KEY: b"before"})
        opened = self.result(store.open(KEY, 0, 6))
        self.result(store.delete([KEY]))
        self.assertEqual(self.result(read_all(opened, 10)), b"before")


class WritingContract(StoreTestCase):
    """``put``, ``delete``, ``redirect`` and ``check``."""

    @given(st.binary(max_size=100))
    def test_put_is_read_again(self, data: bytes) -> None:
        store = self.make_store({})
        self.assertTrue(self.result(store.put(KEY, data)))
        self.assertEqual(self.read(store, KEY), data)

    def test_put_takes_the_place_of_what_was_there(self) -> None:
        store = self.make_store({KEY: b"before, and longer"})
        self.result(store.put(KEY, b"after"))
        self.assertEqual(self.read(store, KEY), b"after")

    def test_put_survives_a_restart(self) -> None:
        store = self.make_store({})
        self.result(store.put(KEY, b"data"))
        self.assertEqual(self.read(self.reopen(store), KEY), b"data")

    def test_put_if_absent_writes_what_is_absent(self) -> None:
        store = self.make_store({})
        self.assertTrue(self.result(store.put(KEY, b"data", if_absent=True)))
        self.assertEqual(self.read(store, KEY), b"data")

    def test_put_if_absent_leaves_what_is_there(self) -> None:
        store = self.make_store({KEY: b"first"})
        self.assertFalse(self.result(store.put(KEY, b"second", if_absent=True)))
        self.assertEqual(self.read(store, KEY), b"first")

    def test_put_if_absent_writes_again_what_was_deleted(self) -> None:
        store = self.make_store({KEY: b"first"})
        self.result(store.delete([KEY]))
        self.assertTrue(self.result(store.put(KEY, b"second", if_absent=True)))

    @FEW
    @given(KEY_SETS)
    def test_delete_of_many(self, keys: list[Key]) -> None:
        store = self.make_store(dict.fromkeys(keys, b"x"))
        gone, left = keys[::2], keys[1::2]
        self.result(store.delete(gone))
        self.assertEqual(list(self.list_all(store, "k/")), sorted(left))

    def test_delete_of_what_is_absent(self) -> None:
        store = self.make_store({OTHER: b"x"})
        self.assertIsNone(self.result(store.delete([KEY])))

    def test_delete_goes_on_after_what_is_absent(self) -> None:
        store = self.make_store({OTHER: b"x"})
        self.result(store.delete([KEY, Key(f"{OTHER}/below"), OTHER]))
        self.fails(NotFound, store.stat(OTHER))

    def test_delete_of_a_group_leaves_what_is_in_it(self) -> None:
        store = self.make_store({KEY: b"x"})
        self.result(store.delete([Key("docker/registry")]))
        self.assertEqual(self.read(store, KEY), b"x")

    def test_delete_of_nothing(self) -> None:
        self.assertIsNone(self.result(self.make_store({}).delete([])))

    def test_redirect_gives_a_url_or_nothing(self) -> None:
        found = self.result(self.make_store({KEY: b"x"}).redirect(KEY, "GET", 60.0))
        self.assertTrue(found is None or "://" in found)

    def test_check_finds_a_sound_store(self) -> None:
        free = self.result(self.make_store({}).check()).free
        self.assertTrue(free is None or free > 0)

    def test_sweeping_leaves_what_is_in_use(self) -> None:
        store = self.make_store({OTHER: b"x"})
        area, _ = self.stage(store, b"data")
        for dry_run in (True, False):
            self.assertEqual(self.result(store.sweep(0.0, dry_run=dry_run)), 0)
        self.assertEqual(self.read_range(area.open(0, 9)), b"data")
        self.assertEqual(self.read(store, OTHER), b"x")


class ListingContract(StoreTestCase):
    """``list``, against a sorted set."""

    @FEW
    @given(KEY_SETS, PREFIXES)
    def test_lists_what_begins_with_a_prefix(
        self, keys: list[Key], prefix: str
    ) -> None:
        store = self.make_store(dict.fromkeys(keys, b"x"))
        self.assertEqual(
            self.result(store.list(prefix, limit=100)),
            Page(tuple(listed(keys, prefix)), more=False),
        )

    @FEW
    @given(KEY_SETS, PREFIXES)
    def test_groups_by_the_delimiter(self, keys: list[Key], prefix: str) -> None:
        store = self.make_store(dict.fromkeys(keys, b"x"))
        self.assertEqual(
            self.result(store.list(prefix, limit=100, delimiter=True)),
            Page(tuple(grouped(keys, prefix)), more=False),
        )

    @FEW
    @given(
        keys=KEY_SETS,
        prefix=PREFIXES,
        after=KEYS,
        limit=st.integers(1, 4),
        delimiter=st.booleans(),
    )
    def test_page_begins_after_a_key_and_ends_at_the_limit(
        self, keys: list[Key], prefix: str, after: str, limit: int, *, delimiter: bool
    ) -> None:
        store = self.make_store(dict.fromkeys(keys, b"x"))
        whole = grouped(keys, prefix) if delimiter else listed(keys, prefix)
        wanted = [name for name in whole if name > after]
        found = self.result(
            store.list(prefix, after=after, limit=limit, delimiter=delimiter)
        )
        self.assertEqual(found, Page(tuple(wanted[:limit]), more=len(wanted) > limit))

    @FEW
    @given(
        keys=KEY_SETS,
        prefix=PREFIXES,
        limit=st.integers(1, 3),
        delimiter=st.booleans(),
    )
    def test_pages_give_everything_once(
        self, keys: list[Key], prefix: str, limit: int, *, delimiter: bool
    ) -> None:
        store = self.make_store(dict.fromkeys(keys, b"x"))
        found: list[str] = []
        after, more = "", True
        while more:
            page = self.result(
                store.list(prefix, after=after, limit=limit, delimiter=delimiter)
            )
            found += page.names
            after, more = (page.names or ("",))[-1], page.more
        wanted = grouped(keys, prefix) if delimiter else listed(keys, prefix)
        self.assertEqual(found, wanted)

    def test_nothing_is_listed_below_what_is_absent(self) -> None:
        store = self.make_store({KEY: b"x"})
        self.assertEqual(self.result(store.list("absent/", limit=9)), Page((), False))

    def test_what_is_put_is_listed_at_once(self) -> None:
        store = self.make_store({KEY: b"x"})
        self.list_all(store, "docker/")
        self.result(store.put(OTHER, b"x"))
        self.assertEqual(self.list_all(store, "docker/"), (OTHER, KEY))

    def test_what_is_deleted_is_listed_no_more(self) -> None:
        store = self.make_store({KEY: b"x", OTHER: b"x"})
        self.list_all(store, "docker/")
        self.result(store.delete([OTHER]))
        self.assertEqual(self.list_all(store, "docker/"), (KEY,))

    def test_a_group_goes_with_its_last_key(self) -> None:
        store = self.make_store({KEY: b"x", OTHER: b"x"})
        self.result(store.delete([KEY]))
        page = self.result(
            store.list("docker/registry/v2/some/", limit=9, delimiter=True)
        )
        self.assertEqual(page.names, ("docker/registry/v2/some/other/",))

    def test_groups_above_go_with_their_last_key(self) -> None:
        store = self.make_store({KEY: b"x"})
        self.result(store.delete([KEY]))
        page = self.result(store.list("docker/", limit=9, delimiter=True))
        self.assertNotIn("docker/registry/v2/", page.names)


class ObjectStoreContract(
    ReadingContract, WritingContract, ListingContract, StagingContract
):
    """All of it."""
