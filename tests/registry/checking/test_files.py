"""Trees of files: a part of the catalogue, and what only they can suffer from."""

import os
import shutil

from twisted.trial.unittest import SynchronousTestCase

from tests.registry.case import NAME, OTHER, V1
from tests.registry.checking import files, test_catalogue
from tests.registry.checking.case import MULTI, NEW, Told, blob, layer
from tests.registry.checking.catalogue import DEFECTS
from txregistry.registry.checking.permissions import judge
from txregistry.storage import keys

TRIED = (
    "nothing",
    "empty layer link",
    "empty tag",
    "empty tag with an ambiguous history",
    "layer that rotted",
    "blob that nobody links",
    "upload that was given up",
    "scratch",
)
"""Those of the catalogue that stores may see to in different ways."""
LAYERS = keys.layer_links(OTHER)


class FileCatalogueTests(files.FilesCheckCase, test_catalogue.CatalogueTests):
    def try_all(self) -> None:
        """See `CatalogueTests`."""
        for name in TRIED:
            self.setUp()
            self.try_one(name, DEFECTS[name])


class FolderTests(files.FilesCheckCase):
    def mends(self, found: Told) -> None:
        """Expect something to be found, and to be mended."""
        self.assertEqual(self.found(), found)
        self.check(mend=True)
        self.assertEqual(self.found(), [])
        self.assertEqual((self.pulls(V1), self.pulls(MULTI) is None), (NEW, False))

    def test_missing_layers(self) -> None:
        shutil.rmtree(self.path(keys.repository(OTHER)))
        self.path(keys.manifests(OTHER)).mkdir(parents=True)
        self.mends([("missing-folder", LAYERS)])
        self.assertEqual(os.listdir(self.path(LAYERS)), [])

    def test_missing_layers_of_a_repository_with_an_image(self) -> None:
        shutil.rmtree(self.path(LAYERS))
        found = [("unlinked-layer", layer(each, OTHER)) for each in (b"{}", b"a layer")]
        self.mends([("missing-folder", LAYERS), *sorted(found)])

    def test_empty_folder_of_a_blob(self) -> None:
        folder = blob(b"absent").removesuffix("data")
        self.path(folder).mkdir(parents=True)
        self.mends([("empty-folder", folder)])
        self.assertFalse(self.path(folder).exists())

    def test_folder_of_a_blob_with_something_else_in_it(self) -> None:
        key = blob(b"absent").removesuffix("data") + "notes"
        self.put(key, b"mine")
        self.assertEqual(self.found(), [("unrecognised", key)])

    def test_empty_folder_of_a_tag(self) -> None:
        folder = f"{keys.tags(NAME)}empty/"
        for below in ("current", "index"):
            self.path(f"{folder}{below}").mkdir(parents=True)
        self.assertIn("empty", self.tags())
        self.mends([("lost-tag", folder)])
        self.assertNotIn("empty", self.tags())

    def test_folder_that_is_no_tag(self) -> None:
        self.path(f"{keys.tags(NAME)}-x").mkdir()
        self.assertEqual(self.found(), [])

    def test_secret_that_others_may_read(self) -> None:
        key = keys.secret("cookies")
        self.path(key).chmod(0o644)
        self.mends([("exposed-secret", key)])
        self.assertEqual(self.path(key).stat().st_mode & 0o777, 0o600)

    def test_what_cannot_be_read(self) -> None:
        key = layer(b"{}")
        self.path(key).unlink()
        self.path(key).symlink_to(self.path(key))
        told = self.check(mend=True)
        self.assertEqual(
            [(each.sort, each.key) for each in told], [("unreadable", key)]
        )


class UnlistableTests(files.FilesCheckCase):
    def test_folder_that_cannot_be_listed(self) -> None:
        shutil.rmtree(self.path("docker/registry"))
        self.path("docker/registry").write_bytes(b"")
        (told,) = self.check()
        self.assertEqual((told.sort, told.key), ("unreadable", "docker/registry"))
        self.assertIn("the folder cannot be listed", told.text)


class JudgeTests(SynchronousTestCase):
    def judge(self, mode: int, *, uid: int = 1, gid: int = 1, key: str = "x") -> str:
        found = os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))
        owner = os.stat_result((0o40755, 0, 0, 1, 1, 1, 0, 0, 0, 0))
        return judge(key, found, owner)

    def test_owner_may_read(self) -> None:
        self.assertEqual(self.judge(0o100400), "")

    def test_owner_may_not_read(self) -> None:
        self.assertIn("its mode is 0044", self.judge(0o100044))

    def test_group_may_read(self) -> None:
        self.assertEqual(self.judge(0o100040, uid=2), "")

    def test_file_of_somebody_else(self) -> None:
        self.assertIn("user 2 owns it", self.judge(0o100640, uid=2, gid=2))

    def test_folder_that_cannot_be_entered(self) -> None:
        self.assertNotEqual(self.judge(0o040644, uid=2, gid=2), "")
        self.assertEqual(self.judge(0o040755, uid=2, gid=2), "")

    def test_symbolic_link(self) -> None:
        self.assertEqual(self.judge(0o120000, uid=2, gid=2), "")

    def test_secret(self) -> None:
        key = keys.secret("cookies")
        self.assertEqual(self.judge(0o100600, key=key), "")
        self.assertIn("0640", self.judge(0o100640, key=key))

    def test_superuser_may_read_all(self) -> None:
        found = os.stat_result((0o100000, 0, 0, 1, 2, 2, 0, 0, 0, 0))
        owner = os.stat_result((0o40755, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        self.assertEqual(judge("x", found, owner), "")
