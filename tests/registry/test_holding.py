"""Tests of ``txregistry/registry/holding.py``."""

from collections.abc import Iterable
from typing import Any

from tests.registry.case import NAME, RegistryTestCase
from txregistry.model.digest import Digest
from txregistry.registry import holding
from txregistry.registry.holding import held
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, Page

FOLDER = keys.revision_links(NAME)
ALL = [Digest.of(b"%d" % number) for number in range(60)]


class HeldTests(RegistryTestCase):
    """Where a listing costs as little as one look."""

    flat = True

    def setUp(self) -> None:
        super().setUp()
        self.store.flat = self.flat
        self.asked: list[str] = []
        get, listing = self.store.get, self.store.list
        self.sizes: dict[str, int] = {}
        self.late: set[str] = set()

        async def counted_get(key: Key, limit: int) -> bytes:
            self.asked.append("get")
            return await get(key, limit)

        async def counted_list(prefix: str, **more: Any) -> Page:
            self.asked.append("list")
            page = await listing(prefix, **more)
            names = tuple(name for name in page.names if name not in self.late)
            sizes = {name: self.sizes.get(name, 71) for name in names}
            return Page(names, page.more, sizes)

        self.patch(self.store, "get", counted_get)
        self.patch(self.store, "list", counted_list)

    def link(self, digests: Iterable[Digest]) -> None:
        for digest in digests:
            self.put(keys.link(FOLDER, digest), str(digest).encode())

    def held(self, digests: list[Digest]) -> set[Digest]:
        self.asked.clear()
        return self.result(held(self.store, FOLDER, digests))

    def test_those_that_are_there(self) -> None:
        self.link(ALL[::2])
        self.assertEqual(self.held(ALL), set(ALL[::2]))
        self.assertEqual(self.held(ALL[:3]), {ALL[0], ALL[2]})
        self.assertEqual(self.held([]), set())

    def test_another_algorithm(self) -> None:
        others = [Digest.of(b"%d" % number, "sha512") for number in range(40)]
        self.link(others[1:])
        self.link(ALL)
        self.assertEqual(self.held([*others, *ALL]), {*others[1:], *ALL})

    def test_link_that_cannot_be_read_is_none(self) -> None:
        self.link(ALL)
        self.put(keys.link(FOLDER, ALL[7]), b"")
        self.sizes[keys.link(FOLDER, ALL[7])] = 0
        self.assertEqual(self.held(ALL), {*ALL} - {ALL[7]})


class FolderHeldTests(HeldTests):
    """Where one look costs little."""

    flat = False


class ListedTests(HeldTests):
    def test_many_are_one_listing(self) -> None:
        self.link(ALL)
        self.assertEqual(self.held(ALL), set(ALL))
        self.assertEqual(self.asked, ["list"])

    def test_few_are_looked_at(self) -> None:
        self.link(ALL)
        self.held(ALL[:5])
        self.assertEqual(self.asked, ["get"] * 5)

    def test_few_among_many_are_looked_at_in_the_end(self) -> None:
        self.patch(holding, "_PAGE", 8)
        self.link(ALL)
        self.assertEqual(self.held(ALL), set(ALL))
        self.assertLessEqual(len(self.asked), 60)
        self.assertEqual(self.asked.count("list"), 1)

    def test_long_ways_are_listed_on(self) -> None:
        self.patch(holding, "_PAGE", 20)
        self.link(ALL)
        self.assertEqual(self.held(ALL), set(ALL))
        self.assertEqual(self.asked, ["list"] * 3)

    def test_what_is_listed_late_is_there(self) -> None:
        self.link(ALL)
        self.late = {keys.link(FOLDER, each) for each in ALL[3:6]}
        self.assertEqual(self.held(ALL), set(ALL))
        self.assertEqual(sorted(self.asked), ["get"] * 3 + ["list"])
