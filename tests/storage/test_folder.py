"""Tests of ``txregistry/storage/folder.py``."""

import os
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts import objectsource
from tests.contracts.keyspace import KEY_SETS, KEYS, PREFIXES, grouped, listed
from tests.storage.case import FolderTestCase
from tests.temporary import make_folder
from txregistry.storage.folder import FolderObjectSource
from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    NotFound,
    Page,
    StorageUnavailable,
)
from txregistry.streams import IFileReader
from txregistry.tasks import at_once


def write(root: str, objects: Mapping[Key, bytes]) -> None:
    """Write objects as files."""
    for key, data in objects.items():
        path = os.path.join(root, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


class FolderSourceContractTests(objectsource.ObjectSourceContract):
    """The contract, in a folder."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        root = make_folder(self)
        write(root, objects)
        return FolderObjectSource(root, at_once)


class FolderObjectSourceTests(FolderTestCase):
    def setUp(self) -> None:
        self.root = self.make_root()
        write(self.root, {Key("a/file"): b"data", Key("a/b/file"): b"more"})
        self.source = FolderObjectSource(self.root, at_once)

    def link(self, target: str, key: str) -> None:
        """Make a symbolic link."""
        os.symlink(target, os.path.join(self.root, key))

    def refuses(self, key: str) -> None:
        """Expect every way to look at a key to be refused."""
        self.fails(StorageUnavailable, self.source.stat(Key(key)))
        self.fails(StorageUnavailable, self.source.get(Key(key), 99))
        self.fails(StorageUnavailable, self.source.open(Key(key), 0, 9))

    @settings(max_examples=30)
    @given(KEY_SETS, PREFIXES, KEYS, st.integers(1, 4), st.booleans())
    def test_lists_as_a_sorted_set_does(
        self,
        keys: list[Key],
        prefix: str,
        after: str,
        limit: int,
        delimiter: bool,  # noqa: FBT001 - an example
    ) -> None:
        root = self.make_root()
        write(root, dict.fromkeys(keys, b"x"))
        whole = (grouped if delimiter else listed)(keys, prefix)
        wanted = [name for name in whole if name > after]
        source = FolderObjectSource(root, at_once)
        page = self.result(
            source.list(prefix, after=after, limit=limit, delimiter=delimiter)
        )
        self.assertEqual(page, Page(tuple(wanted[:limit]), more=len(wanted) > limit))

    def test_a_folder_that_is_not_there(self) -> None:
        with self.assertRaises(StorageUnavailable):
            FolderObjectSource(f"{self.root}/absent", at_once)

    def test_a_file_is_no_folder(self) -> None:
        with self.assertRaises(StorageUnavailable):
            FolderObjectSource(f"{self.root}/a/file", at_once)

    def test_the_folder_itself_may_be_a_link(self) -> None:
        link = os.path.join(self.make_root(), "link")
        os.symlink(self.root, link)
        source = FolderObjectSource(link, at_once)
        self.assertEqual(self.result(source.get(Key("a/file"), 9)), b"data")

    def test_time_of_change_is_the_files(self) -> None:
        os.utime(os.path.join(self.root, "a/file"), (42, 42))
        self.assertEqual(self.result(self.source.stat(Key("a/file"))).modified, 42)

    def test_nothing_is_written(self) -> None:
        before = self.files(self.root), self.folders(self.root)
        self.result(self.source.get(Key("a/file"), 9))
        self.fails(NotFound, self.source.get(Key("a/absent"), 9))
        self.result(self.source.list("a/", limit=9))
        self.assertEqual((self.files(self.root), self.folders(self.root)), before)

    def test_no_file_stays_open(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        self.result(self.source.stat(Key("a/file")))
        self.read_range(self.source.open(Key("a/file"), 0, 4))
        self.fails(NotFound, self.source.open(Key("a"), 0, 1))
        self.link("/etc", "a/out")
        self.refuses("a/out/passwd")
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_a_reader_is_a_file_that_the_kernel_can_send(self) -> None:
        reader = self.result(self.source.open(Key("a/file"), 1, 99))
        self.assertEqual(IFileReader(reader).span(), (1, 4))
        self.result(reader.close())

    def test_a_link_within_the_folder_is_followed(self) -> None:
        self.link("../a/b/file", "a/link")
        self.link("b", "a/folder")
        self.assertEqual(self.result(self.source.get(Key("a/link"), 9)), b"more")
        self.assertEqual(self.result(self.source.get(Key("a/folder/file"), 9)), b"more")

    def test_a_link_out_of_the_folder_is_refused(self) -> None:
        self.link("/etc/passwd", "a/link")
        self.refuses("a/link")

    def test_a_link_to_a_folder_outside_is_refused(self) -> None:
        self.link("/etc", "a/link")
        self.refuses("a/link/passwd")

    def test_a_folder_whose_name_begins_alike_is_outside(self) -> None:
        other = f"{self.root}-other"
        os.mkdir(other)
        self.addCleanup(os.rmdir, other)
        self.link(other, "a/link")
        self.refuses("a/link")

    def test_a_key_out_of_the_folder_is_refused(self) -> None:
        self.refuses("../" * 20 + "etc/passwd")

    def test_a_link_out_of_the_folder_is_not_listed_through(self) -> None:
        self.link("/etc", "a/link")
        self.fails(StorageUnavailable, self.source.list("a/link/", limit=9))
        self.fails(
            StorageUnavailable, self.source.list("a/link/", limit=9, delimiter=True)
        )

    def test_a_walk_does_not_pass_over_what_is_refused(self) -> None:
        self.link("/etc", "a/link")
        self.fails(StorageUnavailable, self.source.list("a/", limit=9))

    def test_a_link_to_the_folder_it_lies_in_is_walked_once(self) -> None:
        self.link(".", "a/again")
        names = self.result(self.source.list("a/", limit=99)).names
        self.assertEqual(names, ("a/b/file", "a/file"))

    def test_a_link_to_nowhere_is_absent(self) -> None:
        self.link("nowhere", "a/link")
        self.fails(NotFound, self.source.get(Key("a/link"), 9))

    def test_links_in_a_circle_are_a_fault(self) -> None:
        self.link("y", "a/x")
        self.link("x", "a/y")
        self.refuses("a/x")

    def test_a_pipe_is_absent(self) -> None:
        os.mkfifo(os.path.join(self.root, "a/pipe"))
        self.fails(NotFound, self.source.get(Key("a/pipe"), 9))

    def test_a_name_that_no_file_can_have_is_absent(self) -> None:
        self.fails(NotFound, self.source.get(Key("a/\0"), 9))
