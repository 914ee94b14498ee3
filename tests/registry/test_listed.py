"""What is listed is what is there, whoever changes it, though listings are kept."""

import os
import time
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from tests.registry.case import RegistryTestCase
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.catalog import Catalog
from txregistry.registry.tags import Tags
from txregistry.storage import folders, keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import Key
from txregistry.tasks import at_once

DIGEST = Digest.of(b"")
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
                page = self.result(catalog.page(after, 3))
                self.assertEqual(self.result(catalog.page(after, 3)), page)
                wanted = [name for name in repositories if name > after]
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
