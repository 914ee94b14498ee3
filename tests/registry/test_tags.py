"""Tests of ``txregistry/registry/tags.py``."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown
from txregistry.model.names import Tag
from txregistry.registry import tags
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Page

FIRST = Digest.of(b"first")
SECOND = Digest.of(b"second")
TEXTS = st.builds(str.__add__, st.sampled_from("1aZ_"), st.text("1aZ_.-", max_size=3))
"""Tags that sort differently before a ``/`` than they do alone."""


class TagsTestCase(RegistryTestCase):
    def point(self, text: str, digest: Digest = FIRST) -> None:
        self.result(self.registry.tags.point(NAME, Tag(text), digest))

    def remove(self, text: str) -> None:
        self.result(self.registry.tags.remove(NAME, Tag(text)))

    def find(self, text: str) -> Digest | None:
        return self.result(self.registry.tags.find(NAME, Tag(text)))


class PointingTests(TagsTestCase):
    def test_absent_tag_points_nowhere(self) -> None:
        self.assertIsNone(self.find("v1"))

    def test_tag_points_to_a_manifest(self) -> None:
        self.point("v1")
        self.assertEqual(self.find("v1"), FIRST)

    def test_tag_is_moved(self) -> None:
        self.point("v1")
        self.point("v1", SECOND)
        self.assertEqual(self.find("v1"), SECOND)

    def test_every_digest_that_it_pointed_to_is_remembered(self) -> None:
        self.point("v1")
        self.point("v1", SECOND)
        for digest in (FIRST, SECOND):
            link = self.get(keys.tag_history_link(NAME, V1, digest))
            self.assertEqual(link, str(digest).encode())

    def test_case_tells_tags_apart(self) -> None:
        self.point("V1")
        self.assertIsNone(self.find("v1"))

    def test_repositories_have_tags_of_their_own(self) -> None:
        self.point("v1")
        self.assertIsNone(self.result(self.registry.tags.find(OTHER, V1)))

    def test_removed_tag_points_nowhere(self) -> None:
        self.point("v1")
        self.remove("v1")
        self.assertIsNone(self.find("v1"))

    def test_removing_leaves_nothing_but_a_memory_of_our_own(self) -> None:
        self.point("v1")
        self.point("v1", SECOND)
        self.remove("v1")
        (key,) = self.keys()
        self.assertTrue(key.startswith(keys.deleted_tags(NAME)))

    def test_removing_a_tag_leaves_those_that_begin_so(self) -> None:
        self.point("v1")
        self.point("v1.1")
        self.remove("v1")
        self.assertEqual(self.find("v1.1"), FIRST)

    def test_absent_tag_cannot_be_removed(self) -> None:
        self.fails(ManifestUnknown, self.registry.tags.remove(NAME, V1))

    def test_what_a_crash_left_of_a_tag_is_removed(self) -> None:
        self.put(keys.tag_history_link(NAME, V1, FIRST), str(FIRST).encode())
        self.fails(ManifestUnknown, self.registry.tags.remove(NAME, V1))
        self.assertEqual(self.tags(), [])

    def test_tag_that_was_moved_meanwhile_is_left(self) -> None:
        self.point("v1", SECOND)
        self.result(self.registry.tags.remove(NAME, V1, [FIRST]))
        self.assertEqual(self.find("v1"), SECOND)

    def test_tags_are_found_by_what_they_point_to(self) -> None:
        self.point("a", FIRST)
        self.point("b", SECOND)
        self.point("c", FIRST)
        found = self.result(self.registry.tags.pointing_to(NAME, {FIRST}))
        self.assertEqual(found, [Tag("a"), Tag("c")])


class ListTests(TagsTestCase):
    def page(self, after: str, limit: int | None) -> tuple[list[str], bool]:
        page = self.result(self.registry.tags.page(NAME, after, limit))
        return [str(tag) for tag in page.tags], page.more

    @settings(max_examples=60)
    @given(st.sets(TEXTS, max_size=12))
    def test_is_in_byte_order(self, texts: set[str]) -> None:
        self.setUp()
        for text in texts:
            self.point(text)
        self.assertEqual(self.tags(), sorted(texts))

    @settings(max_examples=60)
    @given(st.sets(TEXTS, max_size=12), TEXTS | st.text(max_size=3), st.integers(1, 5))
    def test_page_is_what_follows(
        self, texts: set[str], after: str, limit: int
    ) -> None:
        self.setUp()
        for text in texts:
            self.point(text)
        wanted = [text for text in sorted(texts) if text > after]
        self.assertEqual(self.page(after, limit), (wanted[:limit], len(wanted) > limit))

    def test_more_tags_than_one_batch(self) -> None:
        texts = [f"v{number}" for number in range(450)]
        for text in texts:
            self.point(text)
        self.assertEqual(self.tags(), sorted(texts))

    def test_unknown_repository_has_none(self) -> None:
        self.assertEqual(self.page("", None), ([], False))

    def test_stray_file_is_no_tag(self) -> None:
        self.point("v1")
        self.put(f"{keys.tags(NAME)}stray", b"x")
        self.assertEqual(self.tags(), ["v1"])

    def test_folder_that_is_no_tag_is_left_out(self) -> None:
        self.point("v1")
        self.put(f"{keys.tags(NAME)}-x/current/link", b"x")
        self.assertEqual(self.tags(), ["v1"])


class FlatListTests(ListTests):
    """The same in pages that are short, as where there are no folders."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(tags, "_MOST", 3)
        self.asked: list[str] = []
        listing = self.store.list

        async def counting(prefix: str, **more: Any) -> Page:
            self.asked.append(prefix)
            return await listing(prefix, **more)

        self.patch(self.store, "list", counting)

    def test_page_is_one_request(self) -> None:
        self.patch(tags, "_MOST", 999)
        texts = [f"v{number}.{number % 7}-rc.1" for number in range(150)]
        for text in texts:
            self.point(text)
        self.asked.clear()
        self.assertEqual(self.page("", 200), (sorted(texts), False))
        self.assertEqual(self.asked, [keys.tags(NAME)])

    def test_page_of_many_is_few_requests(self) -> None:
        self.patch(tags, "_MOST", 999)
        texts = [f"v{number}.{number % 7}-rc.1" for number in range(150)]
        for text in texts:
            self.point(text)
        self.asked.clear()
        found = sorted(texts)
        self.assertEqual(self.page(found[9], 50), (found[10:60], True))
        # Names that would come after the last one, and begin it, are looked for.
        self.assertLessEqual(len(self.asked), 4)


class FolderListTests(ListTests):
    """The same where there are folders, which are listed whole."""

    def make_store(self) -> IObjectStore:
        store = super().make_store()
        store.flat = False
        return store

    def setUp(self) -> None:
        super().setUp()
        self.patch(tags, "_BATCH", 3)


class LargeFolderListTests(FolderListTests):
    """The same where there are too many tags to sort them all for a page."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(tags, "_FEW", -1)
