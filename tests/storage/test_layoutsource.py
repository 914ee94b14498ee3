"""Tests of ``txregistry/storage/layoutsource.py`` and what it is made of."""

import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from tests.contracts.keyspace import grouped, listed
from tests.storage.layoutcase import APP, LayoutCase
from tests.storage.layouts import LayoutFolder, digest_of, layers_of, named
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectSource,
    NotFound,
    Page,
    StorageUnavailable,
    TooLarge,
)
from txregistry.streams import IFileReader

ROOT = keys.ROOT


class LayoutSourceTests(LayoutCase):
    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IObjectSource, self.open()))

    def test_a_tag_points_to_what_the_index_names(self) -> None:
        image = self.folder.image(b"layer")
        self.folder.list(named(image, ref="team/app:1"))
        self.assertEqual(self.tag(self.open(), APP, "1"), image["digest"])

    def test_has_the_keys_that_a_push_would_have_written(self) -> None:
        image = self.folder.image(b"layer", config=b'{"a":1}')
        self.folder.list(named(image, ref="team/app:1"))
        digest, (layer,) = digest_of(image), layers_of(self.folder, image)
        config = Digest.of(b'{"a":1}')
        wanted = [
            keys.blob(digest),
            keys.blob(layer),
            keys.blob(config),
            keys.layer_link(APP, layer),
            keys.layer_link(APP, config),
            keys.revision_link(APP, digest),
            keys.tag_link(APP, Tag("1")),
            keys.tag_history_link(APP, Tag("1"), digest),
        ]
        self.assertEqual(self.all_keys(self.open()), sorted(wanted))

    def test_links_say_what_they_lead_to(self) -> None:
        image = self.folder.image(b"layer")
        self.folder.list(named(image, ref="team/app:1"))
        source = self.open()
        (layer,) = layers_of(self.folder, image)
        for key, digest in (
            (keys.layer_link(APP, layer), layer),
            (keys.revision_link(APP, digest_of(image)), digest_of(image)),
        ):
            self.assertEqual(self.result(source.get(key, 71)), str(digest).encode())
            self.assertEqual(self.result(source.stat(key)).size, 71)
            self.assertEqual(
                self.read_range(source.open(key, 7, 9)), str(digest).encode()[7:9]
            )
            self.fails(TooLarge, source.get(key, 70))

    def test_a_blob_is_its_file(self) -> None:
        image = self.folder.image(b"0123456789")
        self.folder.list(named(image, ref="team/app:1"))
        key = keys.blob(Digest.of(b"0123456789"))
        source = self.open()
        reader = self.result(source.open(key, 2, 5))
        self.assertEqual(IFileReader(reader).span(), (2, 5))
        self.result(reader.close())
        self.assertEqual(self.result(source.stat(key)).size, 10)
        self.assertEqual(self.result(source.get(key, 10)), b"0123456789")
        self.fails(TooLarge, source.get(key, 9))

    def test_an_index_brings_its_images(self) -> None:
        one, two = self.folder.image(b"one"), self.folder.image(b"two")
        inner = self.folder.index(two)
        self.folder.list(named(self.folder.index(one, inner), ref="team/app:1"))
        source = self.open()
        for each in (one, two, inner):
            self.result(source.stat(keys.revision_link(APP, digest_of(each))))
        self.result(source.stat(keys.layer_link(APP, Digest.of(b"two"))))

    def test_blobs_in_an_index_are_blobs(self) -> None:
        cache = {"mediaType": "application/x", "digest": str(self.folder.blob(b"c"))}
        index = self.folder.index({**cache, "size": 1})
        self.folder.list(named(index, ref="team/app:1"))
        source = self.open()
        self.result(source.stat(keys.layer_link(APP, Digest.of(b"c"))))
        self.fails(NotFound, source.stat(keys.revision_link(APP, Digest.of(b"c"))))

    def test_a_repository_has_nothing_of_another(self) -> None:
        one, two = self.folder.image(b"one"), self.folder.image(b"two")
        self.folder.list(named(one, ref="team/app:1"), named(two, ref="other:1"))
        source = self.open()
        for link in (
            keys.layer_link(APP, Digest.of(b"two")),
            keys.revision_link(APP, digest_of(two)),
            keys.tag_link(RepositoryName("other"), Tag("2")),
            keys.layer_link(RepositoryName("team"), Digest.of(b"one")),
        ):
            self.fails(NotFound, source.stat(link))
            self.fails(NotFound, source.get(link, 256))
            self.fails(NotFound, source.open(link, 0, 1))

    def test_what_is_not_listed_cannot_be_had(self) -> None:
        image = self.folder.image(b"layer")
        source = self.open()
        self.fails(NotFound, source.stat(keys.revision_link(APP, digest_of(image))))
        self.assertEqual(
            self.result(source.list(keys.REPOSITORIES, limit=9, delimiter=True)),
            Page((), more=False),
        )

    def test_referrers_are_found(self) -> None:
        image = self.folder.image(b"layer")
        about = self.folder.image(b"signature", subject=image)
        self.folder.list(named(image, ref="team/app:1"), named(about, name="team/app"))
        key = keys.referrer_link(APP, digest_of(image), digest_of(about))
        self.assertEqual(
            self.result(self.open().get(key, 71)).decode(), about["digest"]
        )

    def test_manifests_by_sha512_are_found_as_our_own_store_has_them(self) -> None:
        image = self.folder.image(b"layer", algorithm="sha512")
        self.folder.list(named(image, ref="team/app:1"))
        source, named_by = self.open(), digest_of(image)
        self.assertEqual(self.tag(source, APP, "1"), image["digest"])
        link = self.result(source.get(keys.revision_link(APP, named_by), 256))
        stored = Digest.parse(link.decode())
        self.assertEqual(stored.algorithm, "sha256")
        data = self.result(source.get(keys.blob(stored), 9999))
        self.assertEqual(Digest.of(data), stored)
        layer = Digest.of(b"layer", "sha512")
        self.assertEqual(
            self.result(source.get(keys.layer_link(APP, layer), 256)).decode(),
            str(layer),
        )
        self.assertEqual(self.result(source.get(keys.blob(layer), 9)), b"layer")

    def test_another_index_is_seen_at_once(self) -> None:
        one, two = self.folder.image(b"one"), self.folder.image(b"two")
        self.folder.list(named(one, ref="team/app:1"))
        source = self.open()
        self.assertEqual(self.tag(source, APP, "1"), one["digest"])
        self.folder.listed.clear()
        self.folder.list(named(two, ref="team/app:1"), named(one, ref="other:2"))
        self.assertEqual(self.tag(source, APP, "1"), two["digest"])
        self.fails(NotFound, source.stat(keys.revision_link(APP, digest_of(one))))

    def test_identities_change_with_the_index(self) -> None:
        self.folder.list(named(self.folder.image(b"one"), ref="team/app:1"))
        source, key = self.open(), keys.tag_link(APP, Tag("1"))
        before = self.result(source.stat(key)).identity
        self.assertEqual(self.result(source.stat(key)).identity, before)
        self.folder.list()
        self.assertNotEqual(self.result(source.stat(key)).identity, before)

    def test_a_medium_that_is_gone(self) -> None:
        self.folder.list(named(self.folder.image(b"one"), ref="team/app:1"))
        source = self.open()
        os.rename(self.folder.root, f"{self.folder.root}-gone")
        self.addCleanup(os.rename, f"{self.folder.root}-gone", self.folder.root)
        key = keys.tag_link(APP, Tag("1"))
        self.fails(StorageUnavailable, source.stat(key))
        self.fails(StorageUnavailable, source.list(ROOT, limit=1))

    def test_nothing_is_written(self) -> None:
        self.folder.list(named(self.folder.image(b"one"), ref="team/app:1"))

        def state() -> list[tuple[str, int, int]]:
            return sorted(
                (path, os.stat(path).st_mtime_ns, os.stat(path).st_ino)
                for folder, _, names in os.walk(self.folder.root)
                for path in (folder, *(os.path.join(folder, name) for name in names))
            )

        before = state()
        source = self.open()
        for key in self.all_keys(source):
            self.result(source.get(key, 9999))
        self.assertEqual(state(), before)

    def test_many_manifests_let_others_have_their_turn(self) -> None:
        images = [self.folder.image(b"%d" % place) for place in range(50)]
        self.folder.list(named(self.folder.index(*images), ref="team/app:1"))
        reading = Deferred.fromCoroutine(
            self.open().stat(keys.layer_link(APP, Digest.of(b"49")))
        )
        self.assertNoResult(reading)
        self.clock.pump([0] * 3)
        self.assertEqual(self.successResultOf(reading).size, 71)


NAMES = st.sampled_from(("a", "a-b", "a/b", "a.b/c", "a/b/c", "ab", "b", "0", "z/0"))


class LayoutListingTests(LayoutCase):
    @settings(max_examples=40)
    @given(
        st.lists(
            st.tuples(NAMES, st.sampled_from(("1", "1.0", "1-a"))),
            min_size=1,
            max_size=8,
        ),
        st.data(),
    )
    def test_lists_as_a_sorted_set_does(
        self, images: list[tuple[str, str]], data: st.DataObject
    ) -> None:
        self.folder = LayoutFolder(make_folder(self))
        for name, tag in dict.fromkeys(images):
            image = self.folder.image(f"{name}{tag}".encode())
            self.folder.list(named(image, ref=f"{name}:{tag}"))
        source = self.open()
        whole = self.all_keys(source)
        self.assertEqual(whole, sorted(set(whole)))
        for key in whole:
            self.result(source.stat(key))
        groups = {key[: place + 1] for key in whole for place in _slashes(key)}
        prefix = data.draw(st.sampled_from(sorted({*groups, ROOT, f"{ROOT}blobs/"})))
        after = data.draw(st.sampled_from(["", *whole, *groups, "a", "z", f"{ROOT}r"]))
        limit = data.draw(st.integers(1, 4))
        keys_found = [name for name in listed(whole, prefix) if name > after]
        page = self.result(source.list(prefix, after=after, limit=limit))
        self.assertEqual(
            page, Page(tuple(keys_found[:limit]), more=len(keys_found) > limit)
        )
        # Folders that are empty may be named, as those of local files are.
        page = self.result(source.list(prefix, after=after, limit=1000, delimiter=True))
        wanted = [name for name in grouped(whole, prefix) if name > after]
        found = [name for name in page.names if not name.endswith("/_referrers/")]
        self.assertEqual(found, wanted)
        first = self.result(
            source.list(prefix, after=after, limit=limit, delimiter=True)
        )
        self.assertEqual(first.names, page.names[:limit])
        self.assertEqual(first.more, len(page.names) > limit)

    def test_what_is_no_blob_is_not_listed(self) -> None:
        self.folder.list(named(self.folder.image(b"one"), ref="team/app:1"))
        whole = self.all_keys(self.open())
        for name in ("..data", "0" * 63, "Z" * 64, "f" * 65, "README"):
            self.folder.write(f"blobs/sha256/{name}", b"x")
        self.folder.write("blobs/md5/" + "0" * 32, b"x")
        self.folder.write("README.txt", b"x")
        self.assertEqual(self.all_keys(self.open()), whole)


class LayoutNamesTests(LayoutCase):
    def repositories(self, *images: dict[str, Any]) -> list[str]:
        """Give the repositories of a layout that lists some images."""
        self.folder.list(*images)
        prefix = keys.REPOSITORIES
        page = self.result(self.open().list(prefix, limit=99))
        return sorted(
            {key.removeprefix(prefix).partition("/_")[0] for key in page.names}
        )

    def test_a_tag_alone_is_one_of_the_folders_repository(self) -> None:
        image = named(self.folder.image(b"one"), ref="1.0")
        self.assertEqual(self.repositories(image), ["medium"])

    def test_a_tag_alone_may_be_one_of_a_given_repository(self) -> None:
        self.folder.list(named(self.folder.image(b"one"), ref="1.0"))
        digest = self.folder.listed[0]["digest"]
        self.assertEqual(self.tag(self.open(APP), APP, "1.0"), digest)

    def test_the_only_image_without_a_name_is_the_latest(self) -> None:
        image = self.folder.image(b"one")
        self.folder.list(image)
        name = RepositoryName("medium")
        self.assertEqual(self.tag(self.open(), name, "latest"), image["digest"])

    def test_of_several_without_a_name_none_has_a_tag(self) -> None:
        one, two = self.folder.image(b"one"), self.folder.image(b"two")
        self.folder.list(one, two)
        source, name = self.open(), RepositoryName("medium")
        self.fails(NotFound, source.stat(keys.tag_link(name, Tag("latest"))))
        self.result(source.stat(keys.revision_link(name, digest_of(two))))

    def test_the_first_image_has_a_tag_that_two_are_given(self) -> None:
        one, two = self.folder.image(b"one"), self.folder.image(b"two")
        self.folder.list(named(one, ref="team/app:1"), named(two, ref="team/app:1"))
        self.assertEqual(self.tag(self.open(), APP, "1"), one["digest"])


def _slashes(key: str) -> list[int]:
    return [place for place, letter in enumerate(key) if letter == "/"]
