"""Tests of ``txregistry/registry/removal.py``."""

import os

from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from tests.registry.content import numbered
from tests.registry.faulty import FaultyStore, Killed
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied
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

    def test_many_tags(self) -> None:
        for number in range(self.many):
            key = keys.tag_link(NAME, Tag(f"v{number}"))
            self.put(key, str(Digest.of(b"")).encode())
        self.delete()
        self.assertEqual(self.keys(), ())


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

    def check_pulls(self) -> None:
        """See that the tags that are left can be pulled."""
        for tag in self.tags():
            if self.result(self.registry.tags.find(NAME, Tag(tag))) is not None:
                self.result(self.registry.manifests.find(NAME, Tag(tag)))


class FilesTests(RemovalTests):
    """The same on files, which have folders."""

    many = 20

    def make_store(self) -> IObjectStore:
        self.root = make_folder(self)
        return FilesystemObjectStore(
            self.root, f"{keys.PRIVATE}scratch", at_once, keys.COMPANIONS
        )

    def test_empty_folders_go(self) -> None:
        for tag in ("a", "b/current"):
            os.makedirs(f"{self.root}/{keys.tags(NAME)}{tag}")
        self.assertTrue(self.delete())
        self.assertEqual(self.names(), [])
