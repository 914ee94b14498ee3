"""What is listed is what is there, whoever changes it, though listings are kept."""

import gc
import os
import subprocess
import time
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from tests.registry.case import V1, RegistryTestCase
from tests.registry.content import numbered
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.catalog import Catalog
from txregistry.registry.tags import Tags
from txregistry.storage import folders, keys, watch
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.tasks import at_once

DIGEST = Digest.of(b"")
MANIFEST = numbered(1)
NAMES = ("a", "a/b", "a-b", "a-b/c", "a.b", "b", "b/a/c")
TAGS = ("1", "1-rc", "1.0", "1.0-rc", "10", "a")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("put", "delete")),
        st.sampled_from(NAMES),
        st.sampled_from(("", *TAGS)),
        st.integers(0, 1),
    ),
    max_size=25,
)
"""Whether to put or delete, in which repository, which tag or else a manifest, and by
which of two processes."""


async def begins_with_a(name: RepositoryName) -> bool:
    """Be somebody who may not see everything."""
    return name.text[0] == "a"


class ListedTests(RegistryTestCase):
    """Two processes change a tree; each lists it after each change."""

    ticks = False

    def setUp(self) -> None:
        self.clock = Clock()
        self.root = make_folder(self)
        self.stores = [
            FilesystemObjectStore(
                self.root, f"{keys.PRIVATE}scratch", at_once, keys.COMPANIONS
            )
            for _ in range(2)
        ]
        # What they keep has to be what is there, however long they live.
        self.lists = [
            (Catalog(store, self.clock), Tags(store, self.clock))
            for store in self.stores
        ]

    def pass_tick(self) -> None:
        """Let the file system's clock go on: then no two changes have one time."""
        path = os.path.join(self.root, "tick")
        times: set[int] = set()
        while len(times) < 2:
            with open(path, "wb"):
                pass
            times.add(os.stat(path).st_ctime_ns)

    def tree(self) -> Iterator[str]:
        """Give the keys of all that is there, without a memory."""
        for folder, _, files in os.walk(self.root):
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), self.root)

    def check(self) -> None:
        """See that each process lists what is there."""
        there = set(self.tree())
        repositories = [
            name
            for name in sorted(NAMES)
            if any(
                key.startswith(keys.manifests(RepositoryName(name))) for key in there
            )
        ]
        for catalog, tags in self.lists:
            for after in ("", "a", "a/", "a-b", "b"):
                for _ in range(3):  # by looks, from memory, and from what is watched
                    page = self.result(catalog.page(after, 3))
                    wanted = [name for name in repositories if name > after]
                    self.assertEqual([str(name) for name in page.names], wanted[:3])
                    self.assertEqual(page.more, len(wanted) > 3)
                page = self.result(catalog.page(after, 3, begins_with_a))
                wanted = [name for name in wanted if name[0] == "a"]
                self.assertEqual([str(name) for name in page.names], wanted[:3])
                self.assertEqual(page.more, len(wanted) > 3)
            for text in NAMES:
                name = RepositoryName(text)
                wanted = [tag for tag in TAGS if keys.tag_link(name, Tag(tag)) in there]
                found = self.result(tags.page(name, "", None)).tags
                self.assertEqual([str(tag) for tag in found], sorted(wanted))

    def run_steps(self, steps: list[tuple[str, str, str, int]]) -> None:
        for what, text, tag, process in steps:
            name, store = RepositoryName(text), self.stores[process]
            key = keys.revision_link(name, DIGEST)
            if tag:
                key = keys.tag_link(name, Tag(tag))
            self.change(store, what, key)
            self.check()

    def change(self, store: FilesystemObjectStore, what: str, key: Key) -> None:
        if self.ticks:
            self.pass_tick()
        if what == "put":
            self.result(store.put(key, str(DIGEST).encode()))
        else:
            self.result(store.delete([key]))

    @settings(max_examples=30)
    @given(STEPS)
    def test_what_changes_now_is_listed(
        self, steps: list[tuple[str, str, str, int]]
    ) -> None:
        self.setUp()
        self.run_steps(steps)

    @settings(max_examples=30)
    @given(STEPS)
    def test_what_changed_long_ago_is_kept_until_it_changes(
        self, steps: list[tuple[str, str, str, int]]
    ) -> None:
        """All folders are taken to be settled, and none to be small."""
        self.setUp()
        real = time.time_ns
        self.patch(time, "time_ns", lambda: real() + 10**10)
        self.patch(folders, "_FEW", -1)
        self.ticks = True
        self.run_steps(steps)

    @settings(max_examples=30)
    @given(STEPS)
    def test_it_is_where_the_kernel_does_not_tell_of_changes(
        self, steps: list[tuple[str, str, str, int]]
    ) -> None:
        self.patch(watch, "_OURS_ALONE", frozenset())
        self.setUp()
        real = time.time_ns
        self.patch(time, "time_ns", lambda: real() + 10**10)
        self.ticks = True
        self.run_steps(steps)


class WarmTests(RegistryTestCase):
    """A page that is known and watched, and what changes then."""

    watched = True
    names = ("b/a", "b/b", "b/c", "b/d", "c")

    def setUp(self) -> None:
        gc.collect()  # stores of other tests watch something as well
        if not self.watched:
            self.patch(watch, "_OURS_ALONE", frozenset())
        real = time.time_ns
        self.patch(time, "time_ns", lambda: real() + 10**10)
        self.root = make_folder(self)
        super().setUp()
        for text in self.names:
            self.make(text)
        self.warm()

    def make_store(self) -> IObjectStore:
        return self.open()

    def open(self) -> IObjectStore:
        return FilesystemObjectStore(
            self.root, f"{keys.PRIVATE}scratch", at_once, keys.COMPANIONS
        )

    def make(self, text: str) -> None:
        """Push an image without content."""
        name = RepositoryName(text)
        self.push_blobs(name)
        self.push(MANIFEST, V1, name)

    def page(self) -> list[str]:
        page = self.result(self.registry.catalog.page("b/a", 2))
        return [*map(str, page.names), "more"] if page.more else [*map(str, page.names)]

    def warm(self) -> None:
        for _ in range(3):
            self.assertEqual(self.page(), ["b/b", "b/c", "more"])

    def folder(self, text: str) -> str:
        return f"{self.root}/{keys.REPOSITORIES}{text}"

    def test_new_before_it_changes_nothing(self) -> None:
        self.make("a")
        self.make("b/0")
        self.warm()

    def test_new_after_it_changes_nothing(self) -> None:
        self.make("b/cc")
        self.make("d")
        self.warm()

    def test_new_within_it(self) -> None:
        self.make("b/bb")
        self.assertEqual(self.page(), ["b/b", "b/bb", "more"])

    def test_new_that_sorts_elsewhere_than_its_folder(self) -> None:
        self.make("b/b-x")
        self.assertEqual(self.page(), ["b/b", "b/b-x", "more"])

    def test_nested_within_one_of_it(self) -> None:
        self.make("b/b/deep/er")
        self.assertEqual(self.page(), ["b/b", "b/b/deep/er", "more"])
        self.make("b/b/deep")
        self.assertEqual(self.page(), ["b/b", "b/b/deep", "more"])

    def test_folder_of_others_that_is_one_itself_by_now(self) -> None:
        self.make("b/bb/x")
        self.assertEqual(self.page(), ["b/b", "b/bb/x", "more"])
        self.page()
        self.make("b/bb")
        self.assertEqual(self.page(), ["b/b", "b/bb", "more"])

    def test_upload_that_becomes_an_image(self) -> None:
        name = RepositoryName("b/bb")
        self.push_blobs(name)
        self.warm()
        self.push(MANIFEST, V1, name)
        self.assertEqual(self.page(), ["b/b", "b/bb", "more"])

    def test_one_that_is_deleted(self) -> None:
        self.assertTrue(
            self.result(self.registry.removal.delete(RepositoryName("b/b")))
        )
        self.assertEqual(self.page(), ["b/c", "b/d", "more"])

    def test_one_whose_last_manifest_is_deleted(self) -> None:
        """It goes as soon as nothing of it is left, which the walk knows."""
        name = RepositoryName("b/b")
        self.result(self.registry.acceptance.delete(name, V1))
        self.assertEqual(self.page(), self.fresh())
        self.result(self.registry.acceptance.delete(name, Digest.of(MANIFEST)))
        self.assertEqual(self.page(), ["b/c", "b/d", "more"])
        self.assertEqual(self.page(), self.fresh())

    def test_a_way_to_them_that_is_moved(self) -> None:
        for text in ("b/x/y/1", "b/x/y/2"):
            self.make(text)
        for _ in range(3):
            page = self.result(self.registry.catalog.page("b/x/y/", 1))
            self.assertEqual([str(name) for name in page.names], ["b/x/y/1"])
        moved = ["mv", self.folder("b/x"), self.folder("b/w")]
        subprocess.run(moved, check=True)
        page = self.result(self.registry.catalog.page("b/x/y/", 1))
        self.assertEqual([str(name) for name in page.names], ["c"])

    def fresh(self) -> list[str]:
        """Give the page as somebody has it who remembers nothing."""
        catalog = Catalog(self.open(), self.clock)
        page = self.result(catalog.page("b/a", 2))
        return [*map(str, page.names), "more"] if page.more else [*map(str, page.names)]

    def test_one_that_is_deleted_and_pushed_again(self) -> None:
        self.result(self.registry.removal.delete(RepositoryName("b/b")))
        self.page()
        self.make("b/b")
        self.warm()

    def test_what_follows_is_deleted(self) -> None:
        for text in ("b/d", "c"):
            self.result(self.registry.removal.delete(RepositoryName(text)))
        self.assertEqual(self.page(), ["b/b", "b/c"])

    def test_another_process_deletes_one_and_moves_another(self) -> None:
        """With tools that know nothing of us."""
        subprocess.run(["rm", "-r", self.folder("b/b")], check=True)
        self.assertEqual(self.page(), ["b/c", "b/d", "more"])
        self.page()
        moved = ["mv", self.folder("c"), self.folder("b/bb")]
        subprocess.run(moved, check=True)
        self.assertEqual(self.page(), ["b/bb", "b/c", "more"])

    def test_another_process_moves_all_of_them(self) -> None:
        moved = ["mv", self.folder("b"), self.folder("a")]
        subprocess.run(moved, check=True)
        self.assertEqual(self.page(), ["c"])

    def test_another_process_copies_one_with_its_times(self) -> None:
        copied = ["cp", "-a", self.folder("c"), self.folder("b/bb")]
        subprocess.run(copied, check=True)
        self.assertEqual(self.page(), ["b/b", "b/bb", "more"])

    def test_nobody_sees_what_another_may(self) -> None:
        async def others(name: RepositoryName) -> bool:
            return name.text in {"b/c", "c"}

        async def none(name: RepositoryName) -> bool:
            del name
            return False

        for _ in range(3):
            page = self.result(self.registry.catalog.page("b/a", 2, others))
            self.assertEqual([str(name) for name in page.names], ["b/c", "c"])
            self.assertFalse(page.more)
            page = self.result(self.registry.catalog.page("b/a", 1, others))
            self.assertEqual([str(name) for name in page.names], ["b/c"])
            self.assertTrue(page.more)
            page = self.result(self.registry.catalog.page("b/a", 2, none))
            self.assertEqual((page.names, page.more), ((), False))
            self.warm()


class UnwatchedWarmTests(WarmTests):
    """The same where the kernel does not tell."""

    watched = False
