"""What every `IStagingArea` must do: part of the contract of stores."""

from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.contracts.storecase import (
    KEY,
    OTHER,
    BrokenOff,
    BrokenReader,
    StoreTestCase,
)
from txregistry.storage.interfaces import (
    MARK_LIMIT,
    Held,
    IObjectStore,
    IStagingArea,
    NotFound,
)
from txregistry.streams import BytesReader

OFFSETS = st.integers(0, 40)
FEW = settings(max_examples=30)


class StagingContract(StoreTestCase):
    """``stage``, and `IStagingArea`."""

    def test_interface(self) -> None:
        area = self.make_store({}).stage(KEY)
        self.assertTrue(verifyObject(IStagingArea, area))

    def test_knows_its_key(self) -> None:
        self.assertEqual(self.make_store({}).stage(KEY).key, KEY)

    def test_naming_it_touches_nothing(self) -> None:
        store = self.make_store({})
        store.stage(KEY)
        self.assertEqual(self.list_all(store, "docker/"), ())

    def test_size_before_anything_was_appended(self) -> None:
        self.fails(NotFound, self.make_store({}).stage(KEY).size())

    def test_open_before_anything_was_appended(self) -> None:
        self.fails(NotFound, self.make_store({}).stage(KEY).open(0, 1))

    def test_commit_before_anything_was_appended(self) -> None:
        self.fails(NotFound, self.make_store({}).stage(KEY).commit(OTHER))

    @FEW
    @given(st.lists(st.binary(max_size=20), min_size=1, max_size=4))
    def test_append_adds_to_the_end(self, chunks: list[bytes]) -> None:
        store = self.make_store({})
        area = store.stage(KEY)
        for place, chunk in enumerate(chunks, 1):
            size = self.result(area.append(BytesReader(chunk), lambda _: None, None))
            self.assertEqual(size, len(b"".join(chunks[:place])))
        whole = b"".join(chunks)
        self.assertEqual(self.read_range(area.open(0, len(whole))), whole)

    def test_append_shows_what_it_writes_in_order(self) -> None:
        data = bytes(range(256)) * 5000
        _, seen = self.stage(self.make_store({}), data)
        self.assertEqual(b"".join(seen), data)

    def test_append_does_not_close_its_source(self) -> None:
        source = BytesReader(b"data")
        area = self.make_store({}).stage(KEY)
        self.result(area.append(source, lambda _: None, None))
        self.assertEqual(self.result(source.read(1)), b"")

    def test_wrong_hint_of_the_size_does_no_harm(self) -> None:
        area = self.make_store({}).stage(KEY)
        size = self.result(area.append(BytesReader(b"data"), lambda _: None, 100))
        self.assertEqual((size, self.result(area.size())), (4, 4))

    def test_size_is_of_everything(self) -> None:
        area, _ = self.stage(self.make_store({}), b"data")
        self.assertEqual(self.result(area.size()), 4)

    @FEW
    @given(st.binary(max_size=40), OFFSETS, OFFSETS)
    def test_open_gives_a_range(self, data: bytes, start: int, stop: int) -> None:
        area, _ = self.stage(self.make_store({}), data)
        self.assertEqual(self.read_range(area.open(start, stop)), data[start:stop])

    def test_what_came_before_a_failure_of_the_source_is_kept(self) -> None:
        area = self.make_store({}).stage(KEY)
        source = BrokenReader(b"data", BrokenOff())
        self.fails(BrokenOff, area.append(source, lambda _: None, 100))
        self.assertEqual(self.read_range(area.open(0, 100)), b"data")

    def test_goes_on_after_a_failure_of_the_source(self) -> None:
        area = self.make_store({}).stage(KEY)
        source = BrokenReader(b"da", BrokenOff())
        self.fails(BrokenOff, area.append(source, lambda _: None, 4))
        self.result(area.append(BytesReader(b"ta"), lambda _: None, 2))
        self.assertEqual(self.read_range(area.open(0, 4)), b"data")

    def test_survives_a_restart(self) -> None:
        store = self.make_store({})
        self.stage(store, b"data")
        area = self.reopen(store).stage(KEY)
        self.assertEqual(self.read_range(area.open(0, 4)), b"data")

    def test_goes_on_after_a_restart(self) -> None:
        store = self.make_store({})
        self.stage(store, b"da")
        area = self.reopen(store).stage(KEY)
        self.result(area.append(BytesReader(b"ta"), lambda _: None, None))
        self.assertEqual(self.read_range(area.open(0, 4)), b"data")

    def append(self, area: IStagingArea, data: bytes, mark: str | None = None) -> int:
        """Append some bytes, with a mark."""
        source = BytesReader(data)
        told = None if mark is None else lambda: mark
        return self.result(area.append(source, lambda _: None, len(data), told))

    def held(self, store: IObjectStore) -> Held:
        """Say what the area holds for those who come later."""
        return self.result(self.reopen(store).stage(KEY).held())

    def test_held_before_anything_was_appended(self) -> None:
        self.fails(NotFound, self.make_store({}).stage(KEY).held())

    def test_what_is_held_is_told_without_a_mark(self) -> None:
        store = self.make_store({})
        self.append(store.stage(KEY), b"data")
        self.assertEqual(self.held(store), Held(4))

    def test_a_mark_is_kept_with_the_bytes(self) -> None:
        store = self.make_store({})
        mark = "m" * MARK_LIMIT
        self.append(store.stage(KEY), b"data", mark)
        self.assertEqual(self.held(store), Held(4, mark))

    def test_a_mark_is_asked_for_when_all_was_seen(self) -> None:
        store = self.make_store({})
        seen: list[bytes] = []
        self.result(
            store.stage(KEY).append(
                BytesReader(b"data"), seen.append, 4, lambda: b"".join(seen).hex()
            )
        )
        self.assertEqual(self.held(store), Held(4, b"data".hex()))

    def test_the_latest_mark_counts(self) -> None:
        store = self.make_store({})
        self.append(store.stage(KEY), b"da", "first")
        self.append(self.reopen(store).stage(KEY), b"ta", "second")
        self.assertEqual(self.held(store), Held(4, "second"))

    def test_an_append_without_a_mark_takes_it_away(self) -> None:
        store = self.make_store({})
        area = store.stage(KEY)
        self.append(area, b"da", "first")
        self.append(area, b"ta")
        self.assertEqual(self.held(store), Held(4))

    def test_what_came_before_a_failure_of_the_source_is_marked(self) -> None:
        store = self.make_store({})
        seen: list[bytes] = []
        self.fails(
            BrokenOff,
            store.stage(KEY).append(
                BrokenReader(b"data", BrokenOff()),
                seen.append,
                100,
                lambda: str(len(b"".join(seen))),
            ),
        )
        self.assertEqual(self.held(store), Held(4, "4"))

    def test_discard_forgets_the_mark(self) -> None:
        store = self.make_store({})
        area = store.stage(KEY)
        self.append(area, b"before", "mark")
        self.result(area.discard())
        self.append(area, b"after")
        self.assertEqual(self.held(store), Held(5))

    def test_what_was_looked_at_is_what_is_committed(self) -> None:
        store = self.make_store({})
        area = store.stage(KEY)
        self.append(area, b"data", "mark")
        again = self.reopen(store).stage(KEY)
        self.assertEqual(self.result(again.held()), Held(4, "mark"))
        self.result(again.commit(OTHER))
        self.assertEqual(self.read(store, OTHER), b"data")

    def test_commit_makes_it_an_object(self) -> None:
        store = self.make_store({})
        area, _ = self.stage(store, b"data")
        self.result(area.commit(OTHER))
        self.assertEqual(self.read(store, OTHER), b"data")

    def test_commit_takes_the_place_of_what_was_there(self) -> None:
        store = self.make_store({OTHER: b"before"})
        area, _ = self.stage(store, b"after")
        self.result(area.commit(OTHER))
        self.assertEqual(self.read(store, OTHER), b"after")

    def test_commit_gives_a_new_identity(self) -> None:
        store = self.make_store({OTHER: b"data"})
        before = self.result(store.stat(OTHER)).identity
        area, _ = self.stage(store, b"data")
        self.result(area.commit(OTHER))
        self.assertNotEqual(self.result(store.stat(OTHER)).identity, before)

    def test_commit_survives_a_restart(self) -> None:
        store = self.make_store({})
        area, _ = self.stage(store, b"data")
        self.result(area.commit(OTHER))
        self.assertEqual(self.read(self.reopen(store), OTHER), b"data")

    def test_commit_leaves_the_area_until_it_is_discarded(self) -> None:
        area, _ = self.stage(self.make_store({}), b"data")
        self.result(area.commit(OTHER))
        self.assertEqual(self.result(area.size()), 4)

    def test_commit_can_be_repeated(self) -> None:
        store = self.make_store({})
        area, _ = self.stage(store, b"data")
        self.result(area.commit(OTHER))
        self.result(area.commit(OTHER))
        self.assertEqual(self.read(store, OTHER), b"data")

    def test_appending_after_a_commit_does_not_touch_the_object(self) -> None:
        store = self.make_store({})
        area, _ = self.stage(store, b"data")
        self.result(area.commit(OTHER))
        self.result(area.append(BytesReader(b"more"), lambda _: None, None))
        self.assertEqual(self.read(store, OTHER), b"data")

    def test_appending_after_a_commit_goes_on_where_it_was(self) -> None:
        store = self.make_store({})
        area, _ = self.stage(store, b"data")
        self.result(area.commit(OTHER))
        self.result(area.append(BytesReader(b"more"), lambda _: None, None))
        self.assertEqual(self.read_range(area.open(0, 9)), b"datamore")

    def test_discarding_after_a_commit_leaves_the_object(self) -> None:
        store = self.make_store({})
        area, _ = self.stage(store, b"data")
        self.result(area.commit(OTHER))
        self.result(area.discard())
        self.assertEqual(self.list_all(store, "docker/"), (OTHER,))

    def test_discard_forgets_everything(self) -> None:
        area, _ = self.stage(self.make_store({}), b"data")
        self.result(area.discard())
        self.fails(NotFound, area.size())

    def test_discard_of_nothing(self) -> None:
        self.assertIsNone(self.result(self.make_store({}).stage(KEY).discard()))

    def test_begins_anew_after_a_discard(self) -> None:
        area, _ = self.stage(self.make_store({}), b"before")
        self.result(area.discard())
        self.result(area.append(BytesReader(b"after"), lambda _: None, None))
        self.assertEqual(self.read_range(area.open(0, 9)), b"after")

    def test_discard_leaves_no_group(self) -> None:
        store = self.make_store({OTHER: b"x"})
        area, _ = self.stage(store, b"data")
        self.result(area.discard())
        page = self.result(
            store.list("docker/registry/v2/some/", limit=9, delimiter=True)
        )
        self.assertEqual(page.names, ("docker/registry/v2/some/other/",))

    def test_areas_do_not_mix(self) -> None:
        store = self.make_store({})
        first, _ = self.stage(store, b"first", KEY)
        self.stage(store, b"second", OTHER)
        self.assertEqual(self.read_range(first.open(0, 9)), b"first")

    def direct(
        self, store: IObjectStore, data: bytes, expected: int | None = None
    ) -> IStagingArea:
        """Stage some bytes whose final key is known."""
        area = store.stage(KEY, OTHER)
        seen: list[bytes] = []
        size = self.result(area.append(BytesReader(data), seen.append, expected))
        self.assertEqual((size, b"".join(seen)), (len(data), data))
        return area

    @FEW
    @given(st.binary(max_size=40), st.none() | st.integers(0, 60))
    def test_commit_to_where_it_was_to_lie(
        self, data: bytes, expected: int | None
    ) -> None:
        store = self.make_store({})
        area = self.direct(store, data, expected)
        self.result(area.commit(OTHER))
        self.assertEqual(self.read(store, OTHER), data)
        self.result(area.discard())
        self.assertEqual(self.list_all(self.reopen(store), "docker/"), (OTHER,))

    def test_commit_to_where_it_was_to_lie_can_be_repeated(self) -> None:
        store = self.make_store({})
        area = self.direct(store, b"data")
        self.result(area.commit(OTHER))
        self.result(area.commit(OTHER))
        self.assertEqual(self.read_range(area.open(1, 3)), b"at")
        self.assertEqual(self.result(area.size()), 4)

    def test_commit_to_where_it_was_to_lie_replaces_what_was_there(self) -> None:
        store = self.make_store({OTHER: b"before"})
        area = self.direct(store, b"after")
        self.result(area.commit(OTHER))
        self.assertEqual(self.read(store, OTHER), b"after")

    def test_where_it_is_to_lie_nothing_is_seen_before_the_commit(self) -> None:
        store = self.make_store({})
        area = self.direct(store, b"data", 4)
        self.fails(NotFound, store.stat(OTHER))
        self.result(area.discard())
        self.fails(NotFound, store.stat(OTHER))
        self.assertEqual(self.list_all(store, "docker/"), ())

    def test_discard_leaves_what_was_where_it_was_to_lie(self) -> None:
        store = self.make_store({OTHER: b"before"})
        self.result(self.direct(store, b"data").discard())
        self.assertEqual(self.read(store, OTHER), b"before")

    def test_a_source_that_fails_on_the_way_to_where_it_was_to_lie(self) -> None:
        store = self.make_store({OTHER: b"before"})
        area = store.stage(KEY, OTHER)
        source = BrokenReader(b"data", BrokenOff())
        self.fails(BrokenOff, area.append(source, lambda _: None, 9))
        self.result(area.discard())
        self.assertEqual(self.list_all(store, "docker/"), (OTHER,))
        self.assertEqual(self.read(store, OTHER), b"before")

    def test_discard_of_what_never_was_on_its_way_to_where_it_was_to_lie(self) -> None:
        store = self.make_store({})
        area = store.stage(KEY, OTHER)
        self.fails(NotFound, area.size())
        self.fails(NotFound, area.commit(OTHER))
        self.assertIsNone(self.result(area.discard()))
