"""Tests of ``txregistry/registry/removal.py``."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from tests.registry import interleaving
from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from tests.registry.content import BLOBS as BLOBS_OF_IMAGES
from tests.registry.content import numbered
from tests.registry.faulty import FaultyStore, Killed
from tests.registry.interleaving import MANY, ORDERS, Request
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied, ReferenceUnknown
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.immutability import Immutability, ImmutableTags
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import at_once

NESTED = RepositoryName(f"{NAME}/tools")
ID = ImageId("a" * 64)
BLOBS = f"{keys.ROOT}blobs/"


class RemovalTestCase(RegistryTestCase):
    def fill(self, name: RepositoryName) -> None:
        """Let a repository have something of everything."""
        self.push_blobs(name)
        first = numbered(1)
        self.push(first, V1, name)
        self.push(numbered(2, subject=first), Tag("v2"), name)
        self.push_blob(b"alone", name, "sha512")
        self.result(self.registry.tags.point(name, Tag("gone"), Digest.of(first)))
        self.result(self.registry.tags.remove(name, Tag("gone")))
        self.result(self.registry.uploads.begin(name))
        for key in (
            keys.image_record(name, ID),
            keys.announcement(name, Digest.of(b"")),
            keys.announcer("owner", name),
            keys.tag_property(name, V1),
            keys.repository_properties(name),
            keys.uses(name),
            keys.untagged(name),
            keys.schema2_form(name, Digest.of(first)),
        ):
            self.put(key, b"{}")

    def delete(self, name: RepositoryName = NAME) -> bool:
        return self.result(self.registry.removal.delete(name))

    def left(self) -> tuple[str, ...]:
        return tuple(key for key in self.keys() if not key.startswith(BLOBS))

    def names(self) -> list[str]:
        page = self.result(self.registry.catalog.page("", 100))
        return [str(name) for name in page.names]


class RemovalTests(RemovalTestCase):
    many = 1100
    """Tags that are more than are listed at once."""

    def test_nothing_is_left_but_bytes(self) -> None:
        self.fill(NAME)
        self.assertTrue(self.delete())
        self.assertEqual((self.left(), self.names()), ((), []))
        self.assertNotEqual(self.keys(BLOBS), ())

    def test_absent_repository(self) -> None:
        self.assertFalse(self.delete())

    def test_others_are_not_touched(self) -> None:
        self.fill(NESTED)
        self.fill(OTHER)
        self.fill(RepositoryName(f"{NAME}-x"))
        before = self.left()
        self.fill(NAME)
        self.delete()
        self.assertEqual(self.left(), before)
        self.assertEqual(self.names(), [f"{NAME}-x", str(NESTED), str(OTHER)])

    def test_tag_that_stays_keeps_all(self) -> None:
        self.fill(NAME)
        rules = Immutability([ImmutableTags(("**",), ("v1",))])
        self.registry = self.make_registry(immutability=rules)
        before = self.keys()
        self.fails(Denied, self.registry.removal.delete(NAME))
        self.assertEqual(self.keys(), before)

    def test_emptied_by_its_manifests_it_is_in_no_catalog(self) -> None:
        self.push_blobs()
        first = numbered(1)
        digests = [
            self.push(first, V1),
            self.push(numbered(2, subject=first), Tag("v2")),
            self.push(numbered(3)),
        ]
        for digest in digests:
            self.assertEqual(self.names(), [str(NAME)])
            self.result(self.registry.acceptance.delete(NAME, digest))
        self.assertEqual((self.names(), self.tags()), ([], []))

    def test_emptied_by_version_1_it_is_in_no_catalog(self) -> None:
        self.fill(NAME)
        self.result(self.registry.image_tags.remove_all(NAME))
        self.assertEqual((self.names(), self.tags()), ([], []))
        self.assertEqual(self.keys(keys.tag_properties(NAME)), ())

    def test_many_tags(self) -> None:
        for number in range(self.many):
            key = keys.tag_link(NAME, Tag(f"v{number}"))
            self.put(key, str(Digest.of(b"")).encode())
        self.delete()
        self.assertEqual(self.keys(), ())


class FlatTests(RemovalTests):
    """The same where there are no folders, as on S3 and Swift."""

    def make_store(self) -> IObjectStore:
        store = super().make_store()
        store.flat = True
        return store


class BrokenOffTests(RemovalTestCase):
    store: FaultyStore

    def make_store(self) -> FaultyStore:
        return FaultyStore(self.clock)

    def test_is_gone_on_with(self) -> None:
        self.fill(NAME)
        before = {key: self.get(key) for key in self.keys()}
        step = 0
        while True:
            step += 1
            for key, data in before.items():
                self.put(key, data)
            self.store.fail_before(step, kills=True)
            try:
                self.result(self.registry.removal.delete(NAME))
            except Killed:
                pass
            except AssertionError:
                self.assertTrue(self.store.failed)
            else:
                break
            finally:
                self.store.heal()
            self.check_pulls()
            self.delete()
            self.assertEqual(self.left(), (), step)
        self.assertGreater(step, 15)

    def test_image_that_is_left_is_whole_or_is_not_served(self) -> None:
        """Whatever is left, what its tags point to has all that it names."""
        self.fill(NAME)
        before = {key: self.get(key) for key in self.keys()}
        step = 0
        while True:
            step += 1
            for key, data in before.items():
                self.put(key, data)
            self.store.fail_before(step, kills=True)
            try:
                self.result(self.registry.removal.delete(NAME))
            except (Killed, AssertionError):
                self.assertTrue(self.store.failed)
            else:
                break
            finally:
                self.store.heal()
            self.registry = self.make_registry()
            for digest in self.result(self.registry.manifests.all(NAME)):
                for blob in BLOBS_OF_IMAGES:
                    self.assertEqual(self.pull_blob(Digest.of(blob)), blob, digest)
        self.assertGreater(step, 15)

    def check_pulls(self) -> None:
        """See that the tags that are left can be pulled."""
        for tag in self.tags():
            if self.result(self.registry.tags.find(NAME, Tag(tag))) is not None:
                self.result(self.registry.manifests.find(NAME, Tag(tag)))


class RaceTests(interleaving.InterleavingTestCase):
    """What is pushed while its repository is removed comes before or after."""

    def check(self) -> None:
        """See that each manifest that is there can be pulled with all it names."""
        tags = self.tags()
        for tag in tags:
            self.result(self.registry.manifests.find(NAME, Tag(tag)))
        found = self.result(self.registry.manifests.all(NAME))
        self.assertEqual(bool(tags), bool(found))
        if found:
            for data in BLOBS_OF_IMAGES:
                self.assertEqual(self.pull_blob(Digest.of(data)), data)

    @MANY
    @given(ORDERS, st.permutations(range(3)))
    def test_image_is_whole_or_refused(
        self, order: list[int], places: list[int]
    ) -> None:
        self.setUp()
        self.push_blobs()
        self.push(numbered(1), V1)
        requests: list[Request] = [
            lambda: self.registry.removal.delete(NAME),
            lambda: self.registry.acceptance.push(NAME, V1, numbered(2), None),
            lambda: self.registry.acceptance.push(NAME, Tag("b"), numbered(3), None),
        ]
        results = self.run_all(order, *(requests[place] for place in places))
        for place, result in zip(places, results, strict=True):
            if isinstance(result, Failure):
                self.assertNotEqual(place, 0)
                self.assertTrue(result.check(ReferenceUnknown), result)
        self.check()

    @MANY
    @given(ORDERS)
    def test_two_remove_it(self, order: list[int]) -> None:
        self.setUp()
        self.push_blobs()
        self.push(numbered(1), V1)
        delete: Request = lambda: self.registry.removal.delete(NAME)  # noqa: E731
        self.assertEqual(self.run_all(order, delete, delete), [True, True])
        self.assertEqual(self.keys(keys.repository(NAME)), ())

    def test_goes_on_when_nobody_waits(self) -> None:
        self.push_blobs()
        self.push(numbered(1), V1)
        self.queue.waits = True
        asked = Deferred.fromCoroutine(self.registry.removal.delete(NAME))
        self.clock.advance(0)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        while len(self.queue):
            self.queue.do(0)
            self.clock.advance(0)
        self.queue.waits = False
        self.assertEqual(self.keys(keys.repository(NAME)), ())


class FilesTests(RemovalTests):
    """The same on files, which have folders."""

    many = 20

    def make_store(self) -> IObjectStore:
        self.root = make_folder(self)
        return FilesystemObjectStore(
            self.root, f"{keys.PRIVATE}scratch", at_once, keys.COMPANIONS
        )

    def test_no_folder_of_it_is_left(self) -> None:
        """Other registries list those that have some."""
        self.fill(NAME)
        self.delete()
        self.assertFalse(os.path.exists(f"{self.root}/{keys.REPOSITORIES}"))

    def test_empty_folders_go(self) -> None:
        for tag in ("a", "b/current"):
            os.makedirs(f"{self.root}/{keys.tags(NAME)}{tag}")
        self.assertTrue(self.delete())
        self.assertEqual(self.names(), [])
