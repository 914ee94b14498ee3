"""Tests of ``txregistry/registry/quotas/quotas.py``: what is let in, and what not."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from tests.registry.case import V1, chunk
from tests.registry.content import CONFIG, LAYER, image, numbered
from tests.registry.quotas import case
from tests.registry.quotas.case import APP, ELSEWHERE, WEB
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied, DigestInvalid, UploadUnknown
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.quotas.rules import Quota
from txregistry.registry.uploads import Chunk
from txregistry.storage import keys
from txregistry.streams import BytesReader

BIG = b"b" * 1500
OTHER_BIG = b"o" * 1000


class BlobTests(case.QuotaTestCase):
    def test_what_is_let_in_is_counted(self) -> None:
        self.push_blob(BIG, APP)
        self.push_blob(LAYER, WEB)
        self.push_blob(BIG, ELSEWHERE)
        self.assertEqual(self.used(), [(1507, 0)])

    def test_what_is_too_much_is_refused(self) -> None:
        self.push_blob(BIG, APP)
        error = self.refused(OTHER_BIG, WEB)
        self.assertIn("team/**", error.message)
        self.assertIn("use 1.5 KiB of 2 KiB, and this takes 1000 bytes", error.message)
        self.assertEqual(
            error.detail,
            {
                "quota": "team/**",
                "unit": "bytes",
                "used": 1500,
                "allowed": 2000,
                "wanted": 1000,
            },
        )
        self.push_blob(OTHER_BIG, ELSEWHERE)
        self.assertEqual(self.used(), [(1500, 0)])

    def test_what_fits_exactly_is_let_in(self) -> None:
        self.push_blob(BIG, APP)
        self.push_blob(b"c" * 500, APP)
        self.refused(b"x")

    def test_the_same_again_costs_nothing(self) -> None:
        self.push_blob(BIG, APP)
        for _ in range(2):
            self.push_blob(BIG, APP)
            self.push_blob(BIG, WEB)
        again = self.make_registry()  # which does not remember
        work = again.uploads.push(APP, Digest.of(BIG), chunk(BIG))
        self.result(work)
        self.assertEqual(self.used(again), [(0, 0)])
        self.assertEqual(self.used(), [(1500, 0)])

    def test_what_another_repository_has_is_looked_for_before_it_is_refused(
        self,
    ) -> None:
        self.push_blob(BIG, APP)
        data = image(config=BIG, layers=())
        self.push(data, V1, APP)  # so that it is listed
        self.result(self.registry.quotas.flush())
        self.collect()
        again = self.make_registry()
        self.result(again.uploads.push(WEB, Digest.of(BIG), chunk(BIG)))
        self.assertEqual(self.used(again), [(1500 + len(data), 1)])
        self.assertEqual(self.used(), [(1500 + len(data), 1)])

    def test_a_name_by_another_algorithm_is_not_counted_again(self) -> None:
        self.push_blob(BIG, APP, "sha512")
        self.assertEqual(self.used(), [(1500, 0)])
        self.push_blob(BIG, APP)
        self.assertEqual(self.used(), [(1500, 0)])

    def test_refusals_are_logged(self) -> None:
        self.push_blob(BIG, APP)
        with capturedLogs() as events:
            self.refused(OTHER_BIG)
        told = [
            (each["quota"], each["name"], each["wanted"], each["used"], each["allowed"])
            for each in events
            if "quota" in each
        ]
        self.assertEqual(told, [("team/**", "team/app", 1000, 1500, 2000)])

    def test_a_mounted_blob_of_the_same_quota_costs_nothing(self) -> None:
        self.push_blob(BIG, APP)
        again = self.make_registry()
        mounted = again.blobs.mount(WEB, Digest.of(BIG), APP)
        self.assertTrue(self.result(mounted))
        self.assertEqual(self.used(), self.used(again))

    def test_a_mounted_blob_of_elsewhere_is_counted_or_refused(self) -> None:
        for data in (BIG, OTHER_BIG):
            self.push_blob(data, ELSEWHERE)
        mount = self.registry.blobs.mount
        self.assertTrue(self.result(mount(APP, Digest.of(BIG), ELSEWHERE)))
        self.assertEqual(self.used(), [(1500, 0)])
        before = self.keys()
        self.fails(Denied, mount(APP, Digest.of(OTHER_BIG), ELSEWHERE))
        self.assertEqual(self.keys(), before)

    def test_what_is_not_written_is_not_counted(self) -> None:
        digest = Digest.of(BIG)
        work = self.registry.uploads.push(APP, digest, chunk(BIG[1:] + b"x"))
        self.fails(DigestInvalid, work)
        self.assertEqual(self.used(), [(0, 0)])

        async def break_off() -> None:
            async with self.registry.quotas.room(APP, blobs={digest: 1500}):
                await Deferred()

        working = Deferred.fromCoroutine(break_off())
        self.assertEqual(self.used(), [(1500, 0)])
        self.refused(OTHER_BIG)
        working.cancel()
        self.failureResultOf(working, CancelledError)
        self.assertEqual(self.used(), [(0, 0)])

    def test_one_of_two_that_write_the_same_may_break_off(self) -> None:
        quotas, digest = self.registry.quotas, Digest.of(BIG)

        async def break_off() -> None:
            async with quotas.room(APP, blobs={digest: 1500}):
                await Deferred()

        working = Deferred.fromCoroutine(break_off())
        self.push_blob(BIG, APP)
        working.cancel()
        self.failureResultOf(working, CancelledError)
        self.assertEqual(self.used(), [(1500, 0)])


class SessionTests(case.QuotaTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blob(BIG, APP)
        self.uploads = self.registry.uploads

    def begin(self) -> str:
        """Open a session."""
        return self.result(self.uploads.begin(APP))

    def gone(self, session: str) -> None:
        """Expect that nothing is left of a session."""
        self.fails(UploadUnknown, self.uploads.offset(APP, session))
        self.assertEqual(self.keys(keys.uploads(APP)), ())

    def test_a_chunk_that_is_too_large_is_refused_before_it_comes(self) -> None:
        session = self.begin()
        data = b"x" * (len(BIG) + 1)
        source = BytesReader(data)
        work = self.uploads.append(APP, session, Chunk(source, len(data)))
        self.fails(Denied, work)
        self.assertEqual(self.result(source.read(9)), data[:9])
        self.gone(session)

    def test_chunks_add_up(self) -> None:
        session = self.begin()
        self.result(self.uploads.append(APP, session, chunk(BIG[:400])))
        work = self.uploads.append(APP, session, chunk(BIG[:1101], 400))
        self.fails(Denied, work)
        self.gone(session)

    def test_a_chunk_of_unknown_length_is_refused_as_soon_as_it_is_too_large(
        self,
    ) -> None:
        session = self.begin()
        source = BytesReader(b"x" * (1 << 22))
        work = self.uploads.append(APP, session, Chunk(source, None))
        error = self.fails(Denied, work)
        self.assertIn("team/**", error.message)
        self.assertTrue(self.result(source.read(9)))
        self.gone(session)

    def test_a_chunk_of_unknown_length_that_fits(self) -> None:
        session = self.begin()
        data = b"x" * 500
        work = self.uploads.append(APP, session, Chunk(BytesReader(data), None))
        self.assertEqual(self.result(work), 500)
        self.result(self.uploads.finish(APP, session, Digest.of(data), chunk(b"")))
        self.assertEqual(self.used(), [(2000, 0)])

    def test_what_a_quota_has_is_let_in_however_it_comes(self) -> None:
        self.push_blob(b"x" * 500, APP)
        session = self.result(self.uploads.begin(WEB))
        work = self.uploads.append(WEB, session, Chunk(BytesReader(BIG), None))
        self.assertEqual(self.result(work), len(BIG))
        self.result(self.uploads.finish(WEB, session, Digest.of(BIG), chunk(b"")))
        self.assertEqual(self.used(), [(2000, 0)])

    def test_what_is_new_is_refused_at_its_end(self) -> None:
        session = self.begin()
        self.result(self.uploads.append(APP, session, chunk(OTHER_BIG)))
        digest = Digest.of(OTHER_BIG)
        self.fails(Denied, self.uploads.finish(APP, session, digest, chunk(b"")))
        self.gone(session)
        self.assertFalse(self.is_stored(OTHER_BIG))

    def test_two_that_come_at_once_do_not_both_fit(self) -> None:
        first, second = self.begin(), self.begin()
        for session, letter in ((first, b"x"), (second, b"y")):
            self.result(self.uploads.append(APP, session, chunk(letter * 400)))
        digest = Digest.of(b"x" * 400)
        self.result(self.uploads.finish(APP, first, digest, chunk(b"")))
        digest = Digest.of(b"y" * 400)
        self.fails(Denied, self.uploads.finish(APP, second, digest, chunk(b"")))
        self.gone(second)
        self.assertEqual(self.used(), [(1900, 0)])
        self.assertFalse(self.is_stored(b"y" * 400))

    def test_the_same_again_in_one_request_is_let_in(self) -> None:
        session = self.begin()
        self.result(self.uploads.finish(APP, session, Digest.of(BIG), chunk(BIG)))
        self.assertEqual(self.used(), [(1500, 0)])


class ManifestTests(case.QuotaTestCase):
    quotas = (Quota(("team/**",), 2000, 2), Quota(("team/app",), None, 1))

    def setUp(self) -> None:
        super().setUp()
        self.push_blobs(APP)
        self.size = len(CONFIG) + len(LAYER)

    def refused_push(self, data: bytes, tag: Tag, name: RepositoryName = APP) -> Denied:
        """Expect that a manifest is refused, and leaves nothing."""
        before = self.keys()
        work = self.registry.acceptance.push(name, tag, data, None)
        error = self.fails(Denied, work)
        assert isinstance(error, Denied)
        self.assertEqual(self.keys(), before)
        return error

    def test_manifests_and_tags_are_counted(self) -> None:
        self.push(numbered(1), V1, APP)
        self.push(numbered(2), None, APP)
        size = self.size + len(numbered(1)) + len(numbered(2))
        self.assertEqual(self.used(), [(size, 1), (size, 1)])

    def test_too_many_tags_are_refused(self) -> None:
        self.push(numbered(1), V1, APP)
        error = self.refused_push(numbered(2), Tag("v2"))
        self.assertIn("The quota of team/app has no room for this", error.message)
        self.assertIn("use 1 of 1 tags, and this takes 1 more", error.message)

    def test_each_quota_has_to_hold(self) -> None:
        self.push_blobs(WEB)
        self.push(numbered(1), V1, WEB)
        self.push(numbered(1), V1, APP)
        error = self.refused_push(numbered(1), Tag("v2"), WEB)
        self.assertIn("The quota of team/**", error.message)

    def test_a_tag_that_moves_costs_none(self) -> None:
        for number in range(3):
            self.push(numbered(number), V1, APP)
        self.assertEqual([tags for _, tags in self.used()], [1, 1])
        again = self.make_registry()
        self.result(again.acceptance.push(APP, V1, numbered(9), None))
        self.assertEqual([tags for _, tags in self.used(again)], [1, 1])

    def test_a_tag_that_is_removed_makes_room_for_another(self) -> None:
        self.push(numbered(1), V1, APP)
        self.result(self.registry.acceptance.delete(APP, V1))
        self.assertEqual([tags for _, tags in self.used()], [0, 0])
        self.push(numbered(1), Tag("v2"), APP)
        self.push(numbered(1), Tag("v2"), APP)
        self.refused_push(numbered(1), V1)

    def test_tags_of_a_repository_that_is_removed_make_room(self) -> None:
        self.push(numbered(1), V1, APP)
        self.result(self.registry.removal.delete(APP))
        self.assertEqual([tags for _, tags in self.used()], [0, 0])

    def test_several_tags_are_let_in_or_refused_together(self) -> None:
        work = self.registry.acceptance.push(
            WEB, Tag("a"), numbered(1), None, [Tag("b"), Tag("c")]
        )
        self.push_blobs(WEB)
        error = self.fails(Denied, work)
        self.assertIn("0 of 2 tags, and this takes 3 more", error.message)
        self.assertEqual(self.tags(WEB), [])

    def test_a_manifest_that_is_too_much_is_refused(self) -> None:
        self.push_blob(b"b" * (1990 - self.size), APP)
        error = self.refused_push(numbered(1), V1)
        self.assertIn("bytes more", error.message)

    def test_what_is_made_here_is_counted_and_not_refused(self) -> None:
        self.push(numbered(1), V1, APP)
        self.push(numbered(2, subject=numbered(1)), None, APP)
        self.assertEqual([tags for _, tags in self.used()], [2, 2])  # a fallback tag
        self.assertEqual(len(self.tags(APP)), 2)

    def test_names_that_version_1_gives_are_counted(self) -> None:
        work = self.registry.acceptance.point
        self.push(numbered(1), V1, APP)
        self.fails(Denied, work(APP, Tag("v2"), Digest.of(numbered(1))))
        self.result(work(APP, V1, Digest.of(numbered(1))))


class SwitchedOffTests(case.QuotaTestCase):
    quotas = ()

    def test_nothing_is_asked_or_written(self) -> None:
        self.push_image(APP, BIG)
        self.assertEqual(self.registry.store.__class__.__name__, "SparingStore")
        self.result(self.registry.quotas.flush())
        self.assertEqual(self.keys(keys.COLLECTION), ())
        room = self.registry.quotas.room
        self.assertIs(room(APP), room(ELSEWHERE))
