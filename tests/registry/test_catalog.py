"""Tests of ``txregistry/registry/catalog.py``."""

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry.case import RegistryTestCase
from tests.storage.case import FolderTestCase
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry import keywindow
from txregistry.registry.catalog import Catalog
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, Page

DIGEST = Digest.of(b"")
COMPONENTS = st.sampled_from(
    ("a", "a-b", "a.b", "a_b", "a--b", "aa", "a0", "b", "0", "a-b.c", "a.b-c")
)
TEXTS = st.lists(COMPONENTS, min_size=1, max_size=3).map("/".join)


def link(text: str) -> Key:
    """Place a manifest of a repository."""
    return keys.revision_link(RepositoryName(text), DIGEST)


class CatalogTests(RegistryTestCase):
    flat = False

    def make_store(self) -> IObjectStore:
        store = super().make_store()
        store.flat = self.flat
        return store

    def make(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.put(link(text), b"x")

    def page(self, after: str = "", limit: int = 1000) -> tuple[list[str], bool]:
        page = self.result(self.registry.catalog.page(after, limit))
        return [str(name) for name in page.names], page.more

    @settings(max_examples=80)
    @given(st.sets(TEXTS, max_size=12))
    def test_is_in_byte_order(self, texts: set[str]) -> None:
        self.setUp()
        self.make(texts)
        self.assertEqual(self.page(), (sorted(texts), False))

    @settings(max_examples=80)
    @given(st.sets(TEXTS, max_size=12), TEXTS | st.text("a/.-_", max_size=5))
    def test_page_is_what_follows(self, texts: set[str], after: str) -> None:
        self.setUp()
        self.make(texts)
        wanted = [text for text in sorted(texts) if text > after]
        self.assertEqual(self.page(after, 3), (wanted[:3], len(wanted) > 3))

    @settings(max_examples=40)
    @given(st.sets(TEXTS, max_size=12), st.integers(1, 4))
    def test_pages_give_everything_once(self, texts: set[str], limit: int) -> None:
        self.setUp()
        self.make(texts)
        found: list[str] = []
        more = True
        while more:
            names, more = self.page(found[-1] if found else "", limit)
            found += names
        self.assertEqual(found, sorted(texts))

    def test_more_repositories_than_one_batch(self) -> None:
        texts = [f"r{number}" for number in range(130)]
        self.make(texts)
        self.assertEqual(self.page()[0], sorted(texts))

    def test_repository_without_manifests_is_none(self) -> None:
        self.put(keys.layer_link(RepositoryName("a"), DIGEST), b"x")
        self.assertEqual(self.page(), ([], False))

    def test_folders_of_a_repository_are_none(self) -> None:
        self.make(["a"])
        self.put(f"{keys.REPOSITORIES}a/_x/_manifests/y", b"x")
        self.assertEqual(self.page()[0], ["a"])

    def test_folder_that_is_no_name_is_left_out(self) -> None:
        self.make(["a"])
        self.put(f"{keys.REPOSITORIES}UPPER/_manifests/x", b"x")
        self.assertEqual(self.page()[0], ["a"])

    def test_many_others_within_do_not_hide_a_repository(self) -> None:
        texts = ["a", *(f"a/{number}" for number in range(9))]
        self.make(texts)
        self.assertEqual(self.page()[0], texts)

    def test_another_sign_gives_other_repositories(self) -> None:
        self.make(["a", "b/c"])
        self.put(keys.upload_data(RepositoryName("b"), "s"), b"x")
        others = Catalog(self.store, self.clock, keys.UPLOADS_FOLDER)
        page = self.result(others.page("", 9))
        self.assertEqual(page.names, (RepositoryName("b"),))


class FlatCatalogTests(CatalogTests):
    """The same where a store has no folders, in pages that are short."""

    flat = True

    def setUp(self) -> None:
        super().setUp()
        self.patch(keywindow, "_PAGE", 5)

    def test_few_listings_tell_of_many_repositories(self) -> None:
        self.patch(keywindow, "_PAGE", 1000)
        self.make(f"a{number // 100}/r{number % 100}" for number in range(1999))
        asked: list[str] = []
        listing = self.store.list

        async def counting(prefix: str, **more: Any) -> Page:
            asked.append(prefix)
            return await listing(prefix, **more)

        self.patch(self.store, "list", counting)
        self.assertEqual(len(self.page(limit=1999)[0]), 1999)
        self.assertEqual(len(asked), 2)
        asked.clear()
        self.assertEqual(len(self.page("a12/r5", 100)[0]), 100)
        self.assertEqual(len(asked), 1)

    def test_names_that_might_begin_others_are_not_looked_for(self) -> None:
        """Unless they would come after what was listed."""
        self.patch(keywindow, "_PAGE", 999)
        self.make(f"app{number}-web.v{number}" for number in range(200))
        self.make(["app7", "app7-web"])
        asked: list[str] = []
        listing = self.store.list

        async def counting(prefix: str, **more: Any) -> Page:
            asked.append(prefix)
            return await listing(prefix, **more)

        self.patch(self.store, "list", counting)
        self.assertEqual(len(self.page()[0]), 202)
        self.assertEqual(len(asked), 1)

    def test_many_tags_are_passed_over(self) -> None:
        self.make(["a", "b"])
        for number in range(99):
            tag = Tag(f"t{number}")
            self.put(keys.tag_link(RepositoryName("a"), tag), b"x")
        self.make(["a/b"])
        self.assertEqual(self.page()[0], ["a", "a/b", "b"])


class ConfinementTests(FolderTestCase):
    """Where a client says that a page begins leads nowhere else."""

    def setUp(self) -> None:
        self.seen: list[str] = []
        self.store = self.make_store({link("a/b"): b"x", link("c"): b"x"})

    def page(self, after: str) -> list[str]:
        registry = RegistryTestCase()
        registry.setUp()
        names = Catalog(self.store, registry.clock)
        listing = self.store.names

        async def seeing(prefixes: Sequence[str]) -> Sequence[Sequence[str]]:
            self.seen += prefixes
            return await listing(prefixes)

        self.patch(self.store, "names", seeing)
        page = registry.result(names.page(after, 9))
        return [str(name) for name in page.names]

    def check_confined(self) -> None:
        self.assertIn(keys.REPOSITORIES, self.seen)
        for prefix in self.seen:
            self.assertTrue(prefix.startswith(keys.REPOSITORIES), prefix)
            self.assertNotIn("..", prefix)

    def test_way_up_is_not_taken(self) -> None:
        self.assertEqual(self.page("../../../../../../etc/"), ["a/b", "c"])
        self.check_confined()

    def test_way_up_within_a_name_is_not_taken(self) -> None:
        self.assertEqual(self.page("a/../../x"), ["a/b", "c"])
        self.check_confined()

    def test_nul_is_no_name(self) -> None:
        self.assertEqual(self.page("a\0/x"), ["a/b", "c"])

    def test_depth_without_end_is_no_name(self) -> None:
        self.assertEqual(self.page("a/" * 5000), ["a/b", "c"])


class OtherRootTests(RegistryTestCase):
    """The same below another prefix, by another sign."""

    def test_names_below_it_are_listed(self) -> None:
        for text in ("a/b", "c"):
            name = RepositoryName(text)
            self.put(keys.announcement(name, DIGEST), b"[]")
            self.put(keys.repository_properties(RepositoryName("d")), b"{}")
        self.put(link("e"), b"x")
        names = self.result(self.registry.announced.page("", 9)).names
        self.assertEqual([str(name) for name in names], ["a/b", "c"])
