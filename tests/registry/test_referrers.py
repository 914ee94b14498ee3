"""Tests of ``txregistry/registry/referrers.py``."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from tests.registry.content import (
    CONFIG_TYPE,
    descriptor,
    image,
    index,
    numbered,
)
from txregistry.model.descriptors import OCI_INDEX, OCI_MANIFEST, Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown
from txregistry.model.manifests import Manifest
from txregistry.model.names import fallback_tag
from txregistry.registry import descriptions
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, Page

SUBJECT = image()
DIGEST = Digest.of(SUBJECT)
TAG = fallback_tag(DIGEST)
ROOM = 1 << 20


class ReferrersTestCase(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()

    def list(
        self, *types: str, after: str = "", limit: int = 999, room: int = ROOM
    ) -> list[Descriptor]:
        page = self.result(
            self.registry.referrers.page(
                NAME, DIGEST, types=types, after=after, limit=limit, room=room
            )
        )
        return list(page.descriptors)

    def digests(self) -> set[Digest]:
        return {each.digest for each in self.list()}

    def delete(self, digest: Digest) -> None:
        self.result(self.registry.acceptance.delete(NAME, digest))

    def fallback(self) -> Manifest:
        return self.result(self.registry.manifests.find(NAME, TAG)).parse()

    def fallen_back(self) -> set[Digest]:
        return {child.digest for child in self.fallback().children}

    def no_fallback(self) -> None:
        self.fails(ManifestUnknown, self.registry.manifests.find(NAME, TAG))


class ListTests(ReferrersTestCase):
    def test_nobody_refers_to_what_is_unknown(self) -> None:
        self.assertEqual(self.list(), [])

    def test_nobody_refers_within_an_unknown_repository(self) -> None:
        page = self.result(
            self.registry.referrers.page(OTHER, DIGEST, limit=9, room=ROOM)
        )
        self.assertEqual((page.descriptors, page.more), ((), False))

    def test_referrer_is_described(self) -> None:
        data = numbered(1, SUBJECT)
        self.push(data)
        wanted = Descriptor(
            OCI_MANIFEST, Digest.of(data), len(data), CONFIG_TYPE, {"number": "1"}
        )
        self.assertEqual(self.list(), [wanted])

    def test_index_refers_as_well(self) -> None:
        self.push(
            index(
                [],
                subject=descriptor(SUBJECT, OCI_MANIFEST),
            )
        )
        self.assertEqual([each.media_type for each in self.list()], [OCI_INDEX])

    def test_index_without_a_type_of_artifact_shows_none(self) -> None:
        self.push(
            index(
                [],
                subject=descriptor(SUBJECT, OCI_MANIFEST),
            )
        )
        self.assertEqual([each.artifact_type for each in self.list()], [None])

    def test_pushed_twice_it_refers_once(self) -> None:
        self.push(numbered(1, SUBJECT))
        self.push(numbered(1, SUBJECT), V1)
        self.assertEqual(len(self.list()), 1)

    def test_types_are_chosen(self) -> None:
        self.push(image(subject=SUBJECT, artifactType="a/a"))
        self.push(image(subject=SUBJECT, artifactType="b/b"))
        self.push(image(subject=SUBJECT, artifactType="c/c"))
        found = {each.artifact_type for each in self.list("a/a", "c/c")}
        self.assertEqual(found, {"a/a", "c/c"})

    def test_deleted_referrer_is_not_listed(self) -> None:
        digest = self.push(numbered(1, SUBJECT))
        self.push(numbered(2, SUBJECT))
        self.delete(digest)
        self.assertEqual(self.digests(), {Digest.of(numbered(2, SUBJECT))})

    def test_referrers_outlive_their_subject(self) -> None:
        self.push(SUBJECT)
        self.push(numbered(1, SUBJECT))
        self.delete(DIGEST)
        self.assertEqual(len(self.list()), 1)

    def test_strange_file_in_the_index_is_left_out(self) -> None:
        self.push(numbered(1, SUBJECT))
        self.put(f"{keys.referrers(NAME, DIGEST)}strange", b"x")
        self.assertEqual(len(self.list()), 1)

    def test_link_without_a_manifest_is_left_out(self) -> None:
        other = Digest.of(b"other")
        self.put(keys.referrer_link(NAME, DIGEST, other), str(other).encode())
        self.assertEqual(self.list(), [])

    def test_many_let_others_have_their_turn(self) -> None:
        self.registry = self.make_registry(write_fallback=False)
        for number in range(120):
            self.push(numbered(number, SUBJECT))
        self.assertEqual(len(self.list()), 120)

    @settings(max_examples=15)
    @given(count=st.integers(0, 6), limit=st.integers(1, 3))
    def test_pages_give_everything_once(self, count: int, limit: int) -> None:
        self.setUp()
        wanted = {self.push(numbered(number, SUBJECT)) for number in range(count)}
        found: list[Descriptor] = []
        while page := self.list(
            after=str(found[-1].digest) if found else "", limit=limit
        ):
            found += page
        self.assertEqual([each.digest for each in found], sorted(wanted))

    def test_page_ends_where_the_room_does(self) -> None:
        for number in range(5):
            self.push(numbered(number, SUBJECT))
        self.assertEqual(len(self.list(room=700)), 2)

    def test_one_is_given_however_little_room_there_is(self) -> None:
        self.push(numbered(1, SUBJECT))
        self.assertEqual(len(self.list(room=1)), 1)

    @settings(max_examples=25)
    @given(
        linked=st.sets(st.integers(0, 9)),
        listed=st.sets(st.integers(0, 9)),
        limit=st.integers(1, 4),
        after=st.text("sha256:0f/", max_size=9),
    )
    def test_links_and_fallback_are_one_list(
        self, linked: set[int], listed: set[int], limit: int, after: str
    ) -> None:
        self.setUp()
        self.registry = self.make_registry(write_fallback=False)
        manifests = [numbered(number, SUBJECT) for number in range(10)]
        for number in linked | listed:
            self.push(manifests[number])
        for number in listed - linked:
            link = keys.referrer_link(NAME, DIGEST, Digest.of(manifests[number]))
            self.result(self.store.delete([link]))
        self.push(index([manifests[number] for number in sorted(listed)]), TAG)
        wanted = sorted(Digest.of(manifests[number]) for number in linked | listed)
        wanted = [digest for digest in wanted if str(digest) > after]
        found: list[Digest] = []
        while page := self.list(after=str(found[-1]) if found else after, limit=limit):
            found += [each.digest for each in page]
        self.assertEqual(found, wanted)

    def test_both_algorithms_are_listed(self) -> None:
        self.push(numbered(1, SUBJECT))
        data = numbered(2, SUBJECT)
        self.push(data, Digest.of(data, "sha512"))
        first, second = (each.digest for each in self.list())
        self.assertEqual((first.algorithm, second.algorithm), ("sha256", "sha512"))
        self.assertEqual([each.digest for each in self.list(after="sha3")], [second])
        self.assertEqual([each.digest for each in self.list(limit=1)], [first])
        found = self.list(after=str(first))
        self.assertEqual([each.digest for each in found], [second])

    def test_place_that_is_no_digest_is_no_place_elsewhere(self) -> None:
        wanted = [self.push(numbered(1, SUBJECT))]
        for after in ("", "sha256:", "sha256:../../x", "../", "sha256:" + "0" * 5000):
            found = [each.digest for each in self.list(after=after)]
            self.assertEqual(found, wanted if after < str(wanted[0]) else [], after)


class FolderListTests(ListTests):
    """The same where there are folders, which are listed whole."""

    def make_store(self) -> IObjectStore:
        store = super().make_store()
        store.flat = False
        return store


class CostTests(ReferrersTestCase):
    """What is not asked for costs nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.registry = self.make_registry(write_fallback=False)
        for number in range(60):
            self.push(image(subject=SUBJECT, artifactType=f"a/{number}"))
        self.registry = self.make_registry()
        self.gets = 0
        self.lists = 0
        get, listing = self.store.get, self.store.list

        async def counted_get(key: Key, limit: int) -> bytes:
            self.gets += 1
            return await get(key, limit)

        async def counted_list(prefix: str, **more: Any) -> Page:
            self.lists += 1
            return await listing(prefix, **more)

        self.patch(self.store, "get", counted_get)
        self.patch(self.store, "list", counted_list)

    def test_page_looks_at_its_own(self) -> None:
        self.list(limit=3)
        self.assertLessEqual(self.gets, 12)
        self.assertLessEqual(self.lists, 3)

    def test_other_types_are_not_looked_at_again(self) -> None:
        self.assertEqual(len(self.list("a/7")), 1)
        self.gets = 0
        self.assertEqual(len(self.list("a/7")), 1)
        self.assertLessEqual(self.gets, 4)

    def test_what_was_deleted_is_not_listed_from_memory(self) -> None:
        (found,) = self.list("a/7")
        self.delete(found.digest)
        self.assertEqual((self.list("a/7"), len(self.list())), ([], 59))

    def test_memory_is_bounded(self) -> None:
        self.patch(descriptions, "_ROOM", 3600)
        self.registry = self.make_registry()
        for _ in range(2):
            self.assertEqual(len(self.list()), 60)
            self.assertLessEqual(len(self.registry.referrers._descriptions._known), 3)


class FallbackTests(ReferrersTestCase):
    """Referrers Tag Schema: older clients see the same."""

    def test_tag_lists_the_referrers(self) -> None:
        wanted = {self.push(numbered(number, SUBJECT)) for number in range(3)}
        self.assertEqual(self.fallen_back(), wanted)

    def test_tag_describes_as_the_api_does(self) -> None:
        self.push(numbered(1, SUBJECT))
        self.assertEqual(list(self.fallback().children), self.list())

    def test_tag_forgets_what_is_deleted(self) -> None:
        first = self.push(numbered(1, SUBJECT))
        second = self.push(numbered(2, SUBJECT))
        self.delete(first)
        self.assertEqual(self.fallen_back(), {second})

    def test_tag_goes_with_the_last_referrer(self) -> None:
        self.delete(self.push(numbered(1, SUBJECT)))
        self.no_fallback()

    def test_old_indexes_do_not_pile_up(self) -> None:
        for number in range(5):
            self.push(numbered(number, SUBJECT))
        links = self.keys(keys.revision_links(NAME))
        self.assertEqual(len(links), 6)

    def test_no_tag_is_written_where_none_is_wanted(self) -> None:
        self.registry = self.make_registry(write_fallback=False)
        self.push(numbered(1, SUBJECT))
        self.no_fallback()

    def test_tag_of_a_client_is_listed_by_the_api(self) -> None:
        data = numbered(1, SUBJECT)
        self.registry = self.make_registry(write_fallback=False)
        self.push(data)
        self.result(
            self.store.delete([keys.referrer_link(NAME, DIGEST, Digest.of(data))])
        )
        self.push(index([data]), TAG)
        self.assertEqual(self.digests(), {Digest.of(data)})

    def test_what_a_client_listed_stays_listed(self) -> None:
        plain = numbered(1)
        self.push(plain)
        self.push(index([plain]), TAG)
        added = self.push(numbered(2, SUBJECT))
        self.assertEqual(self.fallen_back(), {Digest.of(plain), added})

    def test_index_of_a_client_is_kept(self) -> None:
        plain = numbered(1)
        self.push(plain)
        made = self.push(index([plain]), TAG)
        self.push(numbered(2, SUBJECT))
        found = self.result(self.registry.manifests.find(NAME, made))
        self.assertEqual(found.digest, made)

    def test_what_does_not_refer_is_not_listed_by_the_api(self) -> None:
        plain = numbered(1)
        self.push(plain)
        self.push(index([plain]), TAG)
        self.assertEqual(self.list(), [])

    def test_image_under_that_tag_is_left_alone(self) -> None:
        digest = self.push(numbered(1), TAG)
        self.push(numbered(2, SUBJECT))
        found = self.result(self.registry.manifests.find(NAME, TAG))
        self.assertEqual(found.digest, digest)

    def test_tag_is_made_again_after_it_was_removed(self) -> None:
        first = self.push(numbered(1, SUBJECT))
        self.result(self.registry.acceptance.delete(NAME, TAG))
        second = self.push(numbered(2, SUBJECT))
        self.assertEqual(self.fallen_back(), {first, second})
