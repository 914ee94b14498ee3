"""Tests of ``txregistry/registry/listing.py``."""

from tests.registry.case import RegistryTestCase
from txregistry.registry import listing
from txregistry.registry.listing import folders_of, groups, objects

PREFIX = "docker/registry/txregistry/some/"


class ListingTests(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.names = [f"{PREFIX}{number:02}/data" for number in range(10)]
        for name in (*self.names, f"{PREFIX}03/more", f"{PREFIX[:-1]}-other/data"):
            self.put(name, b"x")
        self.all = sorted((*self.names, f"{PREFIX}03/more"))

    def test_all_keys_are_given(self) -> None:
        self.assertEqual(self.result(objects(self.store, PREFIX)), self.all)

    def test_all_keys_of_many_pages_are_given(self) -> None:
        for batch in (1, 2, 5, 11):
            self.patch(listing, "_BATCH", batch)
            self.assertEqual(self.result(objects(self.store, PREFIX)), self.all)

    def test_each_group_is_given_once(self) -> None:
        for batch in (1, 3, 1000):
            self.patch(listing, "_BATCH", batch)
            found = self.result(groups(self.store, PREFIX))
            self.assertEqual(found, [f"{number:02}" for number in range(10)])

    def test_nothing_has_no_keys(self) -> None:
        self.assertEqual(self.result(objects(self.store, f"{PREFIX}none/")), [])

    def test_folders_of_pages_are_listed_whole(self) -> None:
        self.assertIsNone(folders_of(self.store))
        self.put(f"{PREFIX}03-a", b"x")
        self.store.flat = False
        folders = folders_of(self.store)
        assert folders is not None
        for batch in (1, 3, 1000):
            self.patch(listing, "_BATCH", batch)
            found = self.result(folders.names([PREFIX, "none/", f"{PREFIX}03/"]))
            wanted = sorted(["03-a", *(f"{number:02}/" for number in range(10))])
            self.assertEqual(found, [wanted, [], ["data", "more"]])
