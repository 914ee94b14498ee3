"""Tests of ``txregistry/transfer/storecopy.py``: what is copied, and what is not."""

from tests.registry.content import LAYER
from tests.transfer import copying
from tests.transfer.copying import (
    IMAGE,
    INDEX,
    NESTED,
    OTHER,
    PRIVATE,
    V1,
    V2,
    A,
    B,
    contents,
    link,
    pushed,
)
from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.storage import keys
from txregistry.tasks import at_once
from txregistry.transfer.copyreport import CopyReport, Tally
from txregistry.transfer.storecopy import CopyStopped, StoreCopy

DIGEST = Digest.of(IMAGE)


class CopyTests(copying.StoreCopyCase):
    def test_a_registry_serves_the_copy(self) -> None:
        self.push_blobs()
        self.push(IMAGE, V1)
        self.copy()
        self.store = self.target
        self.registry = self.make_registry()
        self.assertEqual(self.tags(), ["v1"])
        self.assertEqual(self.pull_blob(Digest.of(LAYER)), LAYER)

    def test_everything_is_copied_and_counted(self) -> None:
        self.put_all(pushed(A, INDEX, V1, V2))
        self.put_all(pushed(NESTED, IMAGE, V1))
        report = self.copy()
        self.expect_all()
        size = sum(map(len, {*copying.CONTENTS} - {b""}))
        self.assertEqual(report.copied, Tally(blobs=6, links=12, tags=3))
        self.assertEqual(report.present, Tally())
        self.assertEqual((report.bytes, report.is_complete), (size, True))

    def test_what_is_there_is_not_copied_again(self) -> None:
        self.put_all(pushed(A, INDEX, V1))
        first = self.copy()
        self.target.writes.clear()
        report = self.copy()
        self.assertEqual(self.target.writes.count(keys.blob(DIGEST)), 0)
        self.assertEqual(
            [key for key in self.target.writes if "/uploads/" not in key], []
        )
        self.assertEqual(report.present, first.copied)
        self.assertEqual((report.copied, report.bytes), (Tally(), 0))

    def test_what_is_new_is_brought_and_tags_move(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        self.copy()
        self.put_all(pushed(A, OTHER, V1))
        report = self.copy()
        self.assertEqual(report.copied, Tally(blobs=2, links=3, tags=1))
        self.assertEqual(contents(self.target)[keys.tag_link(A, V1)], link(OTHER))
        self.expect_all()

    def test_what_is_deleted_stays_where_it_was_copied_to(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        self.copy()
        self.result(self.store.delete([keys.tag_link(A, V1)]))
        self.copy()
        self.assertIn(keys.tag_link(A, V1), contents(self.target))

    def test_every_byte_is_written_once_and_to_its_place(self) -> None:
        self.put_all(pushed(A, INDEX, V1))
        self.copy()
        self.assertEqual(len(self.target.writes), len(set(self.target.writes)))

    def test_nothing_is_left_on_its_way(self) -> None:
        self.put_all(pushed(A, INDEX, V1))
        self.copy()
        self.assertEqual(self.target._staged, {})

    def test_blobs_come_first_and_a_tag_after_what_it_needs(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        self.copy()
        order = [
            keys.blob(Digest.of(LAYER)),
            keys.layer_link(A, Digest.of(LAYER)),
            keys.revision_link(A, DIGEST),
            keys.tag_link(A, V1),
            keys.tag_history_link(A, V1, DIGEST),
        ]
        places = [self.target.writes.index(key) for key in order]
        self.assertEqual(places, sorted(places))

    def test_a_repository_is_private_before_it_is_there(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        properties = keys.repository_properties(A)
        self.put(properties, PRIVATE)
        for name in ("schema2", "gzip"):
            key = keys.gzip_form(DIGEST)
            if name == "schema2":
                key = keys.schema2_form(A, DIGEST)
            self.put(key, link(IMAGE))
        self.copy()
        writes = self.target.writes
        first = min(place for place, key in enumerate(writes) if f"/{A}/_" in key)
        self.assertEqual(writes[first], properties)
        self.expect_all()

    def test_a_repository_whose_privacy_cannot_be_told_is_not_copied(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        self.put_all(pushed(B, IMAGE, V1))
        properties = keys.repository_properties(A)
        self.put(properties, b" " * (5 << 20))
        report = self.copy()
        self.assertEqual({key for _, key in self.troubles(report)}, {properties})
        found = contents(self.target)
        self.assertEqual([key for key in found if "/a/" in key], [])
        self.assertIn(keys.tag_link(B, V1), found)

    def test_many_links_of_one_tag(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        for number in range(250):
            data = str(number).encode()
            self.put(keys.tag_history_link(A, V1, Digest.of(data)), link(data))
        report = self.copy()
        self.expect_all()
        self.assertEqual((report.copied.tags, report.copied.links), (1, 254))

    def test_documents_and_secrets(self) -> None:
        image_id = ImageId("a" * 64)
        for key in (
            keys.secret("cookies"),
            keys.image_record(A, image_id),
            keys.announcement(A, DIGEST),
            keys.announcer("0" * 32, A),
            keys.tag_property(A, V1),
            keys.repository_properties(A),
            keys.job("x", A, V1, f"{0:016x}-{0:016x}"),
            keys.deleted_tag(A, V1, 1, DIGEST),
        ):
            self.put(key, key.encode())
        report = self.copy()
        self.expect_all()
        self.assertEqual(report.copied.documents, 8)

    def test_a_document_that_changed(self) -> None:
        key = keys.tag_property(A, V1)
        self.put(key, b"1")
        self.copy()
        self.put(key, b"22")
        self.assertEqual(self.copy().copied.documents, 1)
        self.assertEqual(contents(self.target)[key], b"22")

    def test_another_secret_stays(self) -> None:
        key = keys.secret("cookies")
        self.put(key, b"ours")
        self.target = self.make_target({key: b"others"})
        report = self.copy()
        self.assertEqual(self.troubles(report), [("different", key)])
        self.assertEqual(contents(self.target)[key], b"others")
        self.assertTrue(report.is_complete)

    def test_the_same_secret(self) -> None:
        key = keys.secret("cookies")
        self.put(key, b"ours")
        self.copy()
        self.assertEqual(self.copy().present.documents, 1)

    def test_uploads_are_counted_and_stay(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        session = "8f14e45f-ceea-467f-9575-2f5a5b6c2f10"
        other = session.replace("8", "9")
        for key in (
            keys.upload_data(A, session),
            keys.upload_started(A, session),
            f"{keys.upload_data(A, session)}-parts/1",
            keys.upload_started(A, other),
            keys.single_upload(session),
            keys.image_upload("0" * 32, ImageId("a" * 64)),
            keys.image_upload_layer("0" * 32, ImageId("a" * 64)),
            f"{keys.PRIVATE}scratch/x",
            keys.quarantined(DIGEST),
        ):
            self.put(key, b"x")
        report = self.copy()
        self.assertEqual((report.uploads, report.foreign), (4, 0))
        self.expect_all()

    def test_what_is_nothing_of_ours_is_counted(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        strange = [
            f"{keys.ROOT}blobs/md5/aa/aaaa/data",
            f"{keys.REPOSITORIES}A/_layers/sha256/{'a' * 64}/link",
            f"{keys.REPOSITORIES}a/readme",
            f"{keys.PRIVATE}v9/new",
        ]
        for key in strange:
            self.put(key, b"x")
        report = self.copy()
        self.assertEqual(
            (report.foreign, sorted(report.examples)), (4, sorted(strange))
        )
        self.assertTrue(report.is_complete)
        self.expect_all()

    def test_empty_content(self) -> None:
        self.put(keys.blob(Digest.of(b"")), b"")
        self.assertEqual(self.copy().copied.blobs, 1)
        self.expect_all()

    def test_content_of_another_algorithm(self) -> None:
        digest = Digest.of(IMAGE, "sha512")
        self.put_all(pushed(A, IMAGE))
        self.put(keys.revision_link(A, digest), link(IMAGE))
        self.put(keys.layer_link(A, Digest.of(LAYER, "sha512")), link(LAYER))
        self.put(keys.blob(digest), IMAGE)
        self.put(keys.tag_link(A, V1), str(digest).encode())
        report = self.copy()
        self.assertEqual(report.left_out, [])
        self.expect_all()

    def test_keys_are_asked_for_in_pages(self) -> None:
        self.put_all(pushed(A, INDEX, V1))
        self.put_all(pushed(B, INDEX, V1))
        self.copy(page=2)
        self.expect_all()

    def test_several_at_the_same_time(self) -> None:
        self.put_all(pushed(A, INDEX, V1))
        self.copy(parallel=64)
        self.expect_all()


class VerifyTests(copying.StoreCopyCase):
    def setUp(self) -> None:
        super().setUp()
        self.put_all(pushed(A, IMAGE, V1))
        self.key = keys.blob(Digest.of(LAYER))

    def test_another_size_is_copied_anew(self) -> None:
        self.target = self.make_target({self.key: b"a"})
        report = self.copy()
        self.assertEqual(report.mended, 1)
        self.expect_all()

    def test_the_same_size_is_believed(self) -> None:
        self.target = self.make_target({self.key: b"a lAyer"})
        self.target.strict = False
        report = self.copy()
        self.assertEqual((report.mended, report.present.blobs), (0, 1))

    def test_the_same_size_is_read_where_that_is_asked_for(self) -> None:
        self.target = self.make_target({self.key: b"a lAyer"})
        report = self.copy(verify=True)
        self.assertEqual((report.mended, report.present.blobs), (1, 0))
        self.expect_all()
        again = self.copy(verify=True)
        self.assertEqual((again.mended, again.copied), (0, Tally()))

    def test_what_is_damaged_at_both_ends_is_not_mended(self) -> None:
        self.put(self.key, b"A LAYER")
        self.target = self.make_target({self.key: b"a lAyer"})
        self.target.strict = False
        report = self.copy(verify=True)
        self.assertEqual((report.mended, report.troubles["damaged"]), (0, 1))


class DryRunTests(copying.StoreCopyCase):
    def look(self) -> CopyReport:
        """Copy nothing."""
        copy = StoreCopy(self.store, self.target, None, self.clock, at_once)
        return self.result(copy.run())

    def test_it_tells_what_there_is_to_copy_and_changes_nothing(self) -> None:
        self.put_all(pushed(A, INDEX, V1))
        self.put(keys.secret("cookies"), b"x")
        self.put(keys.repository_properties(A), PRIVATE)
        told = self.look()
        self.assertEqual(self.target.writes, [])
        self.assertEqual(told, self.copy())

    def test_it_tells_what_there_is_already(self) -> None:
        self.put_all(pushed(A, INDEX, V1))
        self.copy()
        self.put_all(pushed(B, IMAGE, V1))
        told = self.look()
        self.assertEqual(told.copied, Tally(links=4, tags=1))
        self.assertEqual(told, self.copy())

    def test_it_tells_of_links_to_nothing(self) -> None:
        key = keys.layer_link(B, Digest.of(b"gone"))
        self.put(key, link(b"gone"))
        self.assertEqual(self.troubles(self.look()), [("dangling", key)])


class ImpossibleTests(copying.StoreCopyCase):
    def test_nothing_of_a_registry(self) -> None:
        self.put("somewhere/else", b"x")
        failure = self.fails(CopyStopped, self.make_copy().run())
        self.assertIn("FROM has nothing", str(failure))

    def test_the_same_place_twice(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        before = self.keys()
        failure = self.fails(CopyStopped, self.make_copy(target=self.store).run())
        self.assertIn("the same place", str(failure))
        self.assertEqual(self.keys(), before)
