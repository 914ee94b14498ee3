"""Tests of ``txregistry/registry/collection/collector.py``: what goes, what stays."""

from tests.registry.case import NAME, OTHER, V1
from tests.registry.collection import case
from tests.registry.collection.case import FLOOR
from tests.registry.content import CONFIG, LAYER, image, index, numbered
from txregistry.model.digest import Digest
from txregistry.model.errors import ReferenceUnknown
from txregistry.model.names import Tag
from txregistry.registry.collection.collector import NotOurTurn
from txregistry.storage import keys
from txregistry.storage.interfaces import Key


class CollectorTests(case.CollectionTestCase):
    def test_what_a_manifest_names_stays(self) -> None:
        self.push_blobs()
        self.push(numbered(1), V1)
        self.push(numbered(2))  # by its digest alone
        before = self.keys(keys.ROOT)
        self.collect_all()
        self.assertEqual(self.keys(keys.ROOT), before)

    def test_what_nothing_names_goes(self) -> None:
        self.push_blobs()
        self.push(numbered(1), V1)
        before = self.keys(keys.ROOT)
        self.push_blob(b"nobody's")
        self.collect_all()
        self.assertEqual(self.keys(keys.ROOT), before)

    def test_what_is_deleted_goes(self) -> None:
        self.push_blobs()
        digest = self.push(numbered(1), V1)
        self.result(self.registry.acceptance.delete(NAME, digest))
        report = self.collect_all()
        self.assertEqual(self.keys(keys.ROOT), ())
        self.assertTrue(report.finished)

    def test_nothing_goes_before_the_floor(self) -> None:
        self.push_blobs()
        for _ in range(4):
            self.collect()
            self.clock.advance(FLOOR / 5)
        self.assertTrue(self.holds(LAYER))

    def test_blob_goes_with_its_last_link(self) -> None:
        self.push_blobs()
        self.push_blobs(OTHER)
        self.push(numbered(1), V1, OTHER)
        report = self.collect()
        self.assertEqual((report.links_condemned, report.blobs_condemned), (2, 0))
        self.result(self.registry.acceptance.delete_all(OTHER))
        self.clock.advance(FLOOR)
        report = self.collect()
        self.assertEqual((report.links_removed, report.blobs_removed), (2, 0))
        self.assertEqual((report.links_condemned, report.blobs_condemned), (2, 3))
        self.assertTrue(self.is_stored(LAYER))
        self.clock.advance(FLOOR)
        report = self.collect()
        self.assertEqual((report.links_removed, report.blobs_removed), (2, 3))
        self.assertFalse(self.is_stored(LAYER))

    def test_who_was_told_that_it_is_there_may_name_it(self) -> None:
        self.push_blobs()
        for _ in range(6):
            self.collect()
            self.clock.advance(FLOOR - 10)
            self.assertTrue(self.holds(LAYER) and self.holds(CONFIG))
            self.collect()
            self.clock.advance(20)
        self.push(numbered(1), V1)
        self.collect_all()
        self.assertEqual(self.pull_blob(Digest.of(LAYER)), LAYER)

    def test_what_is_pushed_again_stays(self) -> None:
        self.push_blobs()
        self.collect()
        self.clock.advance(FLOOR)
        self.collect()  # they are gone
        self.push_blobs()
        self.clock.advance(FLOOR)
        self.collect()
        self.push(numbered(1), V1)
        self.collect_all()
        self.assertEqual(self.pull_blob(Digest.of(LAYER)), LAYER)

    def test_what_is_mounted_stays(self) -> None:
        self.push_blobs()
        self.collect()
        self.clock.advance(FLOOR - 1)
        for data in (CONFIG, LAYER):
            mounted = self.registry.blobs.mount(OTHER, Digest.of(data), NAME)
            self.assertTrue(self.result(mounted))
        self.push(numbered(1), V1, OTHER)
        self.collect_all()
        self.assertEqual(self.pull_blob(Digest.of(LAYER), OTHER), LAYER)
        self.assertFalse(self.holds(LAYER))

    def test_members_of_indexes_stay(self) -> None:
        self.push_blobs()
        self.push(numbered(1))
        self.push(index([numbered(1)]), V1)
        before = self.keys(keys.ROOT)
        self.collect_all()
        self.assertEqual(self.keys(keys.ROOT), before)

    def test_blob_of_an_index_stays(self) -> None:
        self.push_blob(LAYER)
        self.push(index([LAYER]), V1)  # as BuildKit keeps its cache
        self.collect_all()
        self.assertTrue(self.holds(LAYER))

    def test_other_names_of_content_stay_as_it_does(self) -> None:
        for data in (CONFIG, LAYER):
            self.push_blob(data, algorithm="sha512")
        data = numbered(1)
        self.push(data, Digest.of(data, "sha512"))
        self.push_blob(b"other", algorithm="sha512")
        self.collect_all()
        self.assertTrue(self.holds(LAYER))
        found = self.registry.blobs.find(NAME, Digest.of(LAYER, "sha512"))
        self.result(found)
        self.assertFalse(self.is_stored(b"other"))
        self.assertEqual(len(self.keys(keys.layer_links(NAME))), 4)

    def test_repository_of_which_nothing_is_left_is_gone(self) -> None:
        self.push_blob(LAYER, OTHER)
        self.collect_all()
        self.assertEqual(self.keys(keys.ROOT), ())

    def test_repository_with_a_damaged_manifest_is_left_alone(self) -> None:
        self.push_blobs()
        digest = self.push(numbered(1), V1)
        self.push_blob(b"more")
        self.put(keys.blob(digest), b"damaged")
        before = self.keys(keys.ROOT)
        report = self.collect_all()
        self.assertEqual(self.keys(keys.ROOT), before)
        self.assertEqual(report.blind, [str(NAME)])

    def test_manifest_that_is_gone_may_come_back(self) -> None:
        self.push_blobs()
        digest = self.push(numbered(1), V1)
        self.result(self.store.delete([keys.blob(digest)]))
        self.collect_all()
        self.assertTrue(self.is_stored(LAYER))

    def test_names_of_other_registries_keep_their_content(self) -> None:
        self.push_blobs()
        self.push(numbered(1), V1)
        for key in self.keys(keys.REPOSITORIES):
            self.put(
                key.replace("library/alpine", "Library/" + "a" * 300), self.get(key)
            )
            self.result(self.store.delete([Key(key)]))
        before = self.keys(keys.ROOT)
        self.collect_all()
        self.assertEqual(self.keys(keys.ROOT), before)

    def test_tag_without_the_rest_keeps_its_content(self) -> None:
        self.push_blobs()
        digest = self.push(numbered(1), V1)
        self.result(self.store.delete([keys.revision_link(NAME, digest)]))
        self.collect_all()
        self.assertTrue(self.is_stored(LAYER) and self.is_stored(numbered(1)))

    def test_manifest_without_a_link_to_its_layer_keeps_it(self) -> None:
        self.push_blobs()
        self.push(numbered(1), V1)
        self.result(self.store.delete([keys.layer_link(NAME, Digest.of(LAYER))]))
        self.collect_all()
        self.assertTrue(self.is_stored(LAYER))

    def test_index_keeps_what_it_lists_without_a_link(self) -> None:
        self.push_blobs()
        digest = self.push(numbered(1))
        self.push(index([numbered(1)]), V1)
        self.result(self.store.delete([keys.revision_link(NAME, digest)]))
        self.collect_all()
        self.assertTrue(self.is_stored(numbered(1)) and self.is_stored(LAYER))

    def test_nothing_at_all(self) -> None:
        self.assertTrue(self.collect().finished)

    def test_what_is_not_ours_stays(self) -> None:
        self.push_blobs()
        strange = (
            f"{keys.BLOBS}sha256/ab/strange/data",
            f"{keys.BLOBS}md5/ab/abc/data",
            f"{keys.layer_links(NAME)}sha256/strange/link",
            f"{keys.repository(NAME)}file",
            f"{keys.PRIVATE}other",
        )
        for key in strange:
            self.put(key, b"x")
        self.collect_all()
        found = set(self.keys()) - {keys.collection_report()}
        self.assertEqual(found, set(strange))

    def test_dry_run_changes_nothing(self) -> None:
        self.push_blobs()
        before = self.keys(keys.ROOT)
        report = self.collect(dry_run=True)
        self.assertEqual(report.links_condemned, 2)
        self.assertEqual(self.keys(keys.ROOT), before)

    def test_only_some_repositories(self) -> None:
        self.push_blobs()
        self.push_blobs(OTHER)
        for _ in range(3):
            self.collect(only=lambda name: name == OTHER)
            self.clock.advance(FLOOR)
        self.assertTrue(self.holds(LAYER))
        self.assertFalse(self.holds(LAYER, OTHER))

    def test_one_at_a_time(self) -> None:
        self.push_blobs()
        first, second = self.collector, self.make_collector("second")
        self.wait_for(first._lease.take())
        failure: list[object] = []

        async def collect() -> None:
            try:
                await second.collect()
            except NotOurTurn as error:
                failure.append(error)

        self.wait_for(collect())
        self.assertEqual(len(failure), 1)

    def test_manifest_that_names_what_went_is_refused(self) -> None:
        self.push_blobs()
        self.collect()
        self.clock.advance(FLOOR)
        self.collect()
        work = self.registry.acceptance.push(NAME, Tag("v2"), image(), None)
        self.fails(ReferenceUnknown, work)
