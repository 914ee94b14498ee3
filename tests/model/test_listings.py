"""Tests of ``txregistry/model/listings.py``."""

import io
import tarfile

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.listings import (
    MAX_PATH,
    FileListing,
    ListingTooLarge,
    diff,
)
from txregistry.model.tarballs import TarEntry, TarParser

SECOND = ("f", False, 200000, 1420070400, 420, 0, 0)
PART = st.sampled_from(("a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq", ".", "a.b"))
NAME = st.lists(PART, min_size=1, max_size=4).map("/".join)
NAMES = st.lists(st.tuples(NAME, st.sampled_from("05")), max_size=8)


def entry(name: str, typeflag: str = "0", size: int = 0, mode: int = 0o644) -> TarEntry:
    """Make an entry of an archive."""
    return TarEntry(
        name=name,
        mode=mode,
        uid=0,
        gid=0,
        size=size,
        mtime=1420070400,
        typeflag=typeflag,
        linkname="",
        uname="",
        gname="",
        devmajor=0,
        devminor=0,
    )


def listed(*entries: TarEntry | str) -> FileListing:
    """List entries; of a text, a file, or a directory if it ends with a slash."""
    listing = FileListing(100, 10_000)
    for each in entries:
        if isinstance(each, str):
            listing.entry(entry(each, "5" if each.endswith("/") else "0"))
        else:
            listing.entry(each)
    return listing


def paths(*names: str) -> list[tuple[str, bool]]:
    """Say what a listing of files has: paths, and whether they are deleted."""
    return [(info.path, info.deleted) for info in listed(*names).files]


def changes(listing: FileListing, *below: FileListing) -> dict[str, list[str]]:
    """Say which paths changed in which way, where any did."""
    found = diff(listing, below)
    return {kind: sorted(found[kind]) for kind in found if found[kind]}


class FileListingTests(SynchronousTestCase):
    def test_the_example_of_the_protocol(self) -> None:
        listing = listed(entry("./second.bin", size=200000, mode=0o100644))
        self.assertEqual(
            msgspec.json.encode(listing.files),
            b'[["/second.bin","f",false,200000,1420070400,420,0,0]]',
        )

    def test_is_a_visitor_of_an_archive(self) -> None:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            info = tarfile.TarInfo("name")
            info.size = 7
            archive.addfile(info, io.BytesIO(b"content"))
        listing = FileListing(10, 100)
        parser = TarParser(listing, 10)
        parser.feed(file.getvalue())
        parser.finish()
        self.assertEqual([each.path for each in listing.files], ["/name"])

    def test_paths_are_from_the_root(self) -> None:
        for name in ("a/b", "/a/b", "./a/b", "a//b", "a/./b", "a/b/", "./a/b/."):
            self.assertEqual(paths(name), [("/a/b", False)])

    def test_the_root_is_a_slash(self) -> None:
        for name in (".", "./", "/"):
            self.assertEqual(paths(name), [("/", False)])

    def test_types(self) -> None:
        for typeflag, letter in (
            *zip("01234567", "flscbdit", strict=True),
            ("\0", "f"),
            ("S", "S"),
            ("V", "u"),
        ):
            self.assertEqual(listed(entry("a", typeflag)).files[0].type, letter)

    def test_directories_of_old_archives(self) -> None:
        self.assertEqual(listed(entry("a/", "\0")).files[0].type, "d")

    def test_permissions_are_all_of_the_mode(self) -> None:
        self.assertEqual(listed(entry("a", mode=0o104755)).files[0].mode, 0o4755)

    def test_whiteouts_are_deletions_of_what_they_hide(self) -> None:
        for name in ("dir/.wh.x", "./dir/.wh.x", "/dir/.wh.x"):
            self.assertEqual(paths(name), [("/dir/x", True)])

    def test_whiteouts_of_the_root(self) -> None:
        self.assertEqual(paths(".wh.x"), [("/x", True)])

    def test_what_only_a_driver_minds_is_left_out(self) -> None:
        for name in (".wh..wh.aufs", "a/.wh..wh.orph/", ".wh..wh.plnk/1.2"):
            self.assertEqual(paths(name), [])

    def test_whiteouts_of_nothing_are_left_out(self) -> None:
        for name in (".wh.", "a/.wh..", "a/.wh..."):
            self.assertEqual(paths(name), [])

    def test_opaque_directories_are_no_files(self) -> None:
        listing = listed("a/b/.wh..wh..opq", ".wh..wh..opq")
        self.assertEqual((listing.files, listing.opaque), ([], {"/a/b", "/"}))

    def test_what_is_not_utf8_is_replaced(self) -> None:
        listing = listed("caf\udce9")
        self.assertEqual(listing.files[0].path, "/caf�")
        msgspec.json.encode(listing.files)

    def test_all_entries_of_a_path_are_listed(self) -> None:
        deleted = [deleted for _, deleted in paths("a", ".wh.a", "a")]
        self.assertEqual(deleted, [False, True, False])

    def test_the_last_entry_of_a_path_counts(self) -> None:
        listing = listed(entry("a", size=1), entry("a", size=2))
        self.assertEqual(listing.by_path()["/a"].size, 2)

    def test_an_entry_counts_for_more_than_a_whiteout(self) -> None:
        for names in (("a", ".wh.a"), (".wh.a", "a")):
            self.assertFalse(listed(*names).by_path()["/a"].deleted)

    def test_refuses_too_many_entries(self) -> None:
        listing = FileListing(2, 100)
        listing.entry(entry("a"))
        listing.entry(entry(".wh..wh.aufs"))
        self.assertRaises(ListingTooLarge, listing.entry, entry("c"))

    def test_refuses_too_long_names_in_all(self) -> None:
        listing = FileListing(10, 5)
        listing.entry(entry("abcde"))
        self.assertRaises(ListingTooLarge, listing.entry, entry("f"))

    def test_refuses_a_too_long_name(self) -> None:
        listing = FileListing(10, 10 * MAX_PATH)
        listing.entry(entry("a" * MAX_PATH))
        self.assertRaises(ListingTooLarge, listing.entry, entry("a" * (MAX_PATH + 1)))


class DiffTests(SynchronousTestCase):
    def test_the_example_of_the_protocol(self) -> None:
        listing = listed(entry("second.bin", size=200000))
        self.assertEqual(
            diff(listing, [listed("first.bin")]),
            {"created": {"/second.bin": SECOND}, "changed": {}, "deleted": {}},
        )

    def test_what_is_below_is_changed(self) -> None:
        self.assertEqual(
            changes(listed("a", "b"), listed("a")),
            {"changed": ["/a"], "created": ["/b"]},
        )

    def test_what_is_far_below_is_changed(self) -> None:
        below = listed("a"), listed("b"), listed("c")
        self.assertEqual(changes(listed("a"), *below), {"changed": ["/a"]})

    def test_what_was_deleted_below_is_created(self) -> None:
        below = listed("a"), listed(".wh.a")
        self.assertEqual(changes(listed("a"), *below), {"created": ["/a"]})

    def test_what_came_again_below_is_changed(self) -> None:
        below = listed("a"), listed(".wh.a"), listed("a")
        self.assertEqual(changes(listed("a"), *below), {"changed": ["/a"]})

    def test_whiteouts_are_deletions(self) -> None:
        self.assertEqual(
            changes(listed("a/.wh.b"), listed("a/", "a/b")), {"deleted": ["/a/b"]}
        )

    def test_whiteouts_of_a_base_are_deletions(self) -> None:
        self.assertEqual(
            diff(listed(".wh.a"), []),
            {
                "created": {},
                "changed": {},
                "deleted": {"/a": ("f", True, 0, 1420070400, 420, 0, 0)},
            },
        )

    def test_what_was_in_a_deleted_directory_is_created(self) -> None:
        for whiteout in (".wh.a", "a/.wh..wh..opq", ".wh..wh..opq"):
            below = listed("a/", "a/b"), listed(whiteout)
            self.assertEqual(changes(listed("a/b"), *below), {"created": ["/a/b"]})

    def test_what_a_file_replaced_is_created(self) -> None:
        below = listed("a/", "a/b"), listed("a")
        self.assertEqual(
            changes(listed("a/", "a/b"), *below),
            {"changed": ["/a"], "created": ["/a/b"]},
        )

    def test_what_is_next_to_a_deleted_directory_is_changed(self) -> None:
        names = "a.b", "ab", "a\x01b", "a!/b"
        below = listed("a/", "a/b", *names), listed(".wh.a")
        self.assertEqual(
            changes(listed(*names), *below),
            {"changed": sorted(f"/{name}" for name in names)},
        )

    def test_opaque_directories_of_the_same_layer_hide_nothing_of_it(self) -> None:
        below = listed("a/b"), listed("a/c", "a/.wh..wh..opq")
        self.assertEqual(
            changes(listed("a/b", "a/c"), *below),
            {"created": ["/a/b"], "changed": ["/a/c"]},
        )

    def test_what_an_opaque_directory_hides_is_deleted(self) -> None:
        base = listed("a/", "a/b/", "a/b/c", entry("a/d", size=9), "a/e", "f")
        found = diff(listed("a/", "a/.wh..wh..opq", "a/e"), [base])
        self.assertEqual(sorted(found["deleted"]), ["/a/b", "/a/d"])
        self.assertEqual(found["deleted"]["/a/d"][:3], ("f", True, 9))
        self.assertEqual(sorted(found["changed"]), ["/a", "/a/e"])

    def test_what_a_directory_that_is_made_anew_had_is_deleted(self) -> None:
        base = listed("a/", "a/b/", "a/b/c")
        self.assertEqual(
            changes(listed(".wh.a", "a/", "a/b/"), base),
            {"changed": ["/a", "/a/b"], "deleted": ["/a/b/c"]},
        )

    def test_what_is_in_a_deleted_directory_is_not_listed(self) -> None:
        base = listed("a/", "a/b/", "a/b/c")
        self.assertEqual(changes(listed(".wh.a"), base), {"deleted": ["/a"]})

    def test_layers_may_be_listed_one_by_one(self) -> None:
        below = (listed(name) for name in ("a", "b"))
        self.assertEqual(sorted(diff(listed("a", "b"), below)["changed"]), ["/a", "/b"])

    def test_refuses_too_many_paths_below(self) -> None:
        below = [listed("a", "b"), listed("b", "c")]
        self.assertEqual(len(diff(listed("d"), below, max_paths=3)["created"]), 1)
        with self.assertRaises(ListingTooLarge):
            diff(listed("d"), below, max_paths=2)

    @given(layers=st.lists(NAMES, min_size=1, max_size=4))
    def test_agrees_with_a_file_system(
        self, layers: list[list[tuple[str, str]]]
    ) -> None:
        listings = [listed(*(entry(*each) for each in layer)) for layer in layers]
        own = listings[-1]
        visible: set[str] = set()
        kinds: dict[str, str] = {}
        for listing in listings[:-1]:
            present = {info.path: info for info in listing.files if not info.deleted}
            last = {path: info.type for path, info in present.items()}
            gone = listing.whiteouts()
            files = {
                path
                for path in last
                if last[path] != "d" and path in visible and kinds[path] == "d"
            }
            visible = {
                path
                for path in visible
                if path not in gone
                and not any(
                    path.startswith(f"{each.rstrip('/')}/") and path != each
                    for each in gone | files | listing.opaque
                )
            }
            visible |= set(last)
            kinds.update(last)
        found = diff(own, listings[:-1])
        present_now = {info.path for info in own.files if not info.deleted}
        self.assertEqual(set(found["changed"]), present_now & visible)
        self.assertEqual(set(found["created"]), present_now - visible)
        self.assertLessEqual(own.whiteouts() - present_now, set(found["deleted"]))
        self.assertLessEqual(
            set(found["deleted"]), (visible | own.whiteouts()) - present_now
        )
