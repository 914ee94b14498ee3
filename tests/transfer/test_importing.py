"""Tests of ``txregistry/transfer/importing.py``."""

from twisted.internet.defer import CancelledError

from tests.registry.content import image as oci_image
from tests.transfer import case
from tests.transfer.case import LATEST, WEB
from tests.transfer.sources import CountingSource
from tests.transfer.trees import make_chain, tarsum
from tests.web.v1.images import BASE, TOP, B, T, V1Image, document
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, StorageFull
from txregistry.storage.memory import MemoryObjectStore
from txregistry.transfer.damage import TreeUnavailable
from txregistry.transfer.report import Report


class ImportTests(case.TreeTestCase):
    def count(self) -> CountingSource:
        return CountingSource(self.make_source())

    def test_a_tag_names_its_image(self) -> None:
        self.add_two()
        report = self.run_import()
        self.assertEqual(self.tag_of(), T)
        self.assertEqual((report.repositories, report.tags, report.images), (1, 1, 2))
        self.assertEqual(report.copied, len(BASE.layer) + len(TOP.layer))
        self.assertEqual((report.left_out, report.is_complete), ([], True))

    def test_images_are_the_same_to_the_byte(self) -> None:
        self.add_two()
        self.run_import()
        chain = self.result(self.registry.images.chain(WEB, ImageId(T)))
        for found, wanted in zip(chain, (BASE, TOP), strict=True):
            layer = self.pull_blob(found.layer.digest, WEB)
            self.assertEqual((found.json, layer), (wanted.json, wanted.layer))
            self.assertEqual(found.checksums, (wanted.payload,))

    def test_version_2_has_the_tag_too(self) -> None:
        self.add_two()
        self.run_import()
        found = self.result(self.registry.manifests.find(WEB, LATEST))
        self.assertEqual(len(found.parse().blobs), 3)

    def test_the_tree_stays_as_it_is(self) -> None:
        self.add_two()
        source = self.make_source()
        self.run_import(source)
        for key, data in self.tree.files.items():
            self.assertEqual(self.result(source.get(key, 1 << 20)), data)

    def test_nothing_stays_staged(self) -> None:
        self.add_two()
        self.run_import()
        self.assertEqual(self.keys(keys.single_uploads()), ())

    def test_properties_of_a_tag_are_kept(self) -> None:
        self.add_two()
        self.run_import()
        found = self.result(self.registry.image_tags.properties(WEB, LATEST))
        self.assertEqual(found.last_update, 1400000000)
        self.assertEqual((found.docker_version, found.kernel), ("1.5.0", "3.13.0"))

    def test_properties_may_be_absent(self) -> None:
        self.add_two()
        self.tree.remove("repositories/acme/web/taglatest_json")
        self.run_import()
        found = self.result(self.registry.image_tags.properties(WEB, LATEST))
        self.assertEqual((found.docker_version, found.os), (None, "linux"))

    def test_a_private_repository_stays_private(self) -> None:
        self.add_two()
        self.tree.put("repositories/acme/web/_private", b"")
        self.run_import()
        self.assertTrue(self.result(self.registry.privacy.is_private(WEB)))

    def test_other_repositories_stay_public(self) -> None:
        self.add_two()
        self.run_import()
        self.assertFalse(self.result(self.registry.privacy.is_private(WEB)))

    def test_images_are_announced(self) -> None:
        self.add_two()
        self.run_import()
        found = self.result(self.registry.announcements.all(WEB))
        self.assertEqual(sorted(found or ()), [T, B])

    def test_a_library_repository_has_its_short_name(self) -> None:
        self.add_two("library/solo")
        self.run_import()
        self.assertEqual(self.tag_of(RepositoryName("solo")), T)

    def test_a_library_repository_that_is_here_in_full_stays_one(self) -> None:
        full = RepositoryName("library/solo")
        self.push_blobs(full)
        self.push(oci_image(), Tag("other"), full)
        self.add_two("library/solo")
        self.run_import()
        self.assertEqual(self.tags(full), ["latest", "other"])

    def test_ids_of_sixteen_digits(self) -> None:
        short = "27cf784147099545"
        self.tree.image(V1Image(short, document(short), BASE.layer))
        self.tree.tag("acme/web", "latest", short)
        self.run_import()
        self.assertEqual(self.tag_of(), short)

    def test_ancestry_may_be_absent(self) -> None:
        self.add_two()
        for image_id in (B, T):
            self.tree.remove(f"images/{image_id}/ancestry")
        self.assertTrue(self.run_import().is_complete)
        self.assertTrue(self.holds(B))

    def test_a_chain_as_long_as_may_be(self) -> None:
        ids: list[str] = []
        for each in make_chain(127):
            self.tree.image(each, ids)
            ids.insert(0, each.image_id)
        self.tree.tag("acme/web", "latest", ids[0])
        self.assertTrue(self.run_import().is_complete)
        self.assertEqual(self.tag_of(), ids[0])

    def test_a_tag_file_that_ends_with_a_newline(self) -> None:
        self.add_two()
        self.tree.put("repositories/acme/web/tag_latest", T.encode() + b"\n")
        self.run_import()
        self.assertEqual(self.tag_of(), T)

    def test_layers_of_several_repositories_are_read_once(self) -> None:
        self.add_two()
        self.tree.tag("acme/other", "v1", T)
        self.tree.tag("acme/other", "v2", B)
        source = self.count()
        report = self.run_import(source)
        self.assertEqual(set(source.opened.values()), {1})
        self.assertEqual((report.repositories, report.tags, report.images), (2, 3, 2))
        self.assertEqual(self.tag_of(RepositoryName("acme/other"), Tag("v1")), T)

    def test_what_is_here_is_not_read_again(self) -> None:
        self.add_two()
        self.run_import()
        source = self.count()
        report = self.run_import(source)
        self.assertEqual(source.opened, {})
        self.assertEqual((report.tags, report.images, report.copied), (1, 2, 0))

    def test_what_was_broken_off_goes_on(self) -> None:
        self.tree.image(BASE)
        self.tree.tag("acme/web", "latest", B)
        self.run_import()
        self.add_two()
        source = self.count()
        self.run_import(source)
        self.assertEqual([*source.opened], [f"images/{T}/layer"])
        self.assertEqual(self.tag_of(), T)

    def test_a_tag_that_moved_in_the_tree_moves_here(self) -> None:
        self.add_two()
        self.run_import()
        self.tree.tag("acme/web", "latest", B)
        self.run_import()
        self.assertEqual(self.tag_of(), B)

    def test_a_tag_that_somebody_set_here_stays(self) -> None:
        self.push_blobs(WEB)
        digest = self.push(oci_image(), LATEST, WEB)
        self.add_two()
        report = self.run_import()
        self.assertEqual(self.result(self.registry.tags.find(WEB, LATEST)), digest)
        self.assertIn("not from the tree", report.left_out[0].reason)
        self.assertFalse(report.is_complete)

    def test_a_dry_run_changes_nothing(self) -> None:
        self.add_two()
        self.tree.put("repositories/acme/web/_private", b"")
        source = self.count()
        report = self.run_import(source, dry_run=True)
        self.assertEqual((self.keys(), source.opened), ((), {}))
        self.assertEqual((report.tags, report.images), (1, 2))
        self.assertEqual(report.copied, len(BASE.layer) + len(TOP.layer))

    def test_a_dry_run_tells_what_is_wrong(self) -> None:
        self.add_two()
        self.tree.remove(f"images/{B}/layer")
        report = self.run_import(dry_run=True)
        self.assertIn(("image", B, "it has no layer"), self.left_out(report))

    def test_a_dry_run_sees_shared_images_once(self) -> None:
        self.add_two()
        self.tree.tag("acme/other", "v1", T)
        report = self.run_import(dry_run=True)
        self.assertEqual((report.tags, report.images), (2, 2))

    def test_progress_is_told(self) -> None:
        self.add_two()
        told: list[tuple[str, int]] = []
        work = self.make_import()
        work._progress = lambda _, place, passing: told.append((place, passing))
        self.result(work.run())
        self.assertIn(("acme/web:latest", len(TOP.layer)), told)

    def test_what_hears_of_progress_may_break_it_off(self) -> None:
        self.add_two()

        def stop(report: Report, place: str, passing: int) -> None:
            del report, place
            if passing:
                raise CancelledError

        work = self.make_import()
        work._progress = stop
        self.fails(CancelledError, work.run())
        self.assertEqual(self.keys(), ())

    def test_privacy_that_cannot_be_read_is_the_repositorys_fault(self) -> None:
        self.add_two()
        source = self.count()
        source.broken.add("repositories/acme/web/_private")
        report = self.run_import(source)
        reason = "it cannot be read: a bad sector"
        self.assertEqual(
            self.left_out(report)[0], ("repository", "repositories/acme/web/", reason)
        )
        self.assertEqual(self.keys(), ())

    def test_an_image_without_a_tag_that_cannot_be_read(self) -> None:
        self.add_two()
        self.tree.image(V1Image("c" * 64, document("c" * 64), BASE.layer))
        source = self.count()
        source.broken.add(f"images/{'c' * 64}/_inprogress")
        reason = "it cannot be read: a bad sector"
        self.assertEqual(
            self.left_out(self.run_import(source)), [("image", "c" * 64, reason)]
        )

    def test_many_images_without_a_tag(self) -> None:
        self.add_two()
        for each in make_chain(120):
            self.tree.image(each)
        report = self.run_import()
        self.assertEqual((len(report.left_out), report.is_complete), (120, True))

    def test_a_file_that_cannot_be_read_is_one_images_fault(self) -> None:
        self.add_two()
        self.tree.tag("acme/web", "base", B)
        source = self.count()
        source.broken.add(f"images/{T}/layer")
        report = self.run_import(source)
        self.assertIn(
            ("image", T, "it cannot be read: a bad sector"), self.left_out(report)
        )
        self.assertEqual(self.tags(WEB), ["base"])

    def test_a_tree_that_goes_away_ends_the_import(self) -> None:
        self.add_two()
        source = self.count()
        source.broken.add(f"images/{T}/json")
        work = self.make_import(source)
        self.result(work._tree.check())
        source.gone = True
        error = self.fails(TreeUnavailable, work._chains.find(ImageId(T)))
        self.assertIn("the bucket answered 503", str(error))

    def test_a_tree_that_cannot_be_read_is_no_success(self) -> None:
        source = self.count()
        source.gone = True
        self.fails(TreeUnavailable, self.make_import(source).run())

    def test_what_is_no_tree_is_no_success(self) -> None:
        self.tree.put("something/else", b"")
        error = self.fails(TreeUnavailable, self.make_import().run())
        self.assertIn("no tree of docker-registry", str(error))

    def test_a_store_without_room_ends_the_import(self) -> None:
        self.add_two()

        class Full(MemoryObjectStore):
            async def put(
                self, key: Key, data: bytes, *, if_absent: bool = False
            ) -> bool:
                del data, if_absent
                raise StorageFull(key)

        self.store = Full(self.clock)
        self.registry = self.make_registry()
        self.fails(StorageFull, self.make_import().run())

    def test_a_tarsum_is_verified(self) -> None:
        self.add_two()
        self.tree.image(BASE, checksums=[tarsum(BASE)])
        self.tree.image(TOP, [B], [TOP.payload, tarsum(TOP)])
        self.assertTrue(self.run_import().is_complete)
        found = self.result(self.registry.images.find(WEB, ImageId(B)))
        self.assertEqual(found.checksums, (BASE.payload, tarsum(BASE)))

    def test_a_checksum_in_its_old_form(self) -> None:
        self.add_two()
        self.tree.put(f"images/{B}/_checksum", BASE.payload.encode())
        self.tree.put(f"images/{T}/_checksum", tarsum(TOP).encode())
        self.assertTrue(self.run_import().is_complete)

    def test_a_mirrors_tree_has_no_checksums(self) -> None:
        self.add_two()
        for image_id in (B, T):
            self.tree.remove(f"images/{image_id}/_checksum")
        self.assertTrue(self.run_import().is_complete)
        source = self.count()
        self.run_import(source)
        self.assertEqual(source.opened, {})

    def test_another_image_of_the_same_id_stays(self) -> None:
        self.add_two()
        self.run_import()
        other = V1Image(T, document(T), BASE.layer)
        self.tree.image(other)
        report = self.run_import()
        self.assertEqual(
            self.left_out(report)[0],
            ("tag", "acme/web:latest", "Image already exists"),
        )
        found = self.result(self.registry.images.find(WEB, ImageId(T)))
        self.assertEqual(found.json, TOP.json)
