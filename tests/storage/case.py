"""A test case with a folder of its own."""

import os
from collections.abc import Mapping

from tests.contracts.storecase import StoreTestCase
from tests.temporary import make_folder
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.tasks import at_once

SCRATCH = ".scratch"
COMPANIONS = {"_manifests": "_layers"}


class FolderTestCase(StoreTestCase):
    """Make stores in folders that are gone after the test."""

    def make_root(self) -> str:
        """Make a folder."""
        return make_folder(self)

    def open_store(self, root: str, floor: int = 0) -> FilesystemObjectStore:
        """Open what is in a folder."""
        return FilesystemObjectStore(root, SCRATCH, at_once, COMPANIONS, floor)

    def make_store(self, objects: Mapping[Key, bytes]) -> FilesystemObjectStore:
        """Make a store of its own."""
        root = self.make_root()
        for key, data in objects.items():
            path = os.path.join(root, key)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        return self.open_store(root)

    def reopen(self, store: IObjectStore) -> FilesystemObjectStore:
        """Give what a later process would have."""
        assert isinstance(store, FilesystemObjectStore)
        return self.open_store(store._root)

    def files(self, root: str) -> dict[str, bytes]:
        """Read all files below a folder."""
        found = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, root)] = file.read()
        return found

    def folders(self, root: str) -> set[str]:
        """Name all folders below a folder."""
        return {
            os.path.relpath(os.path.join(folder, name), root)
            for folder, names, _ in os.walk(root)
            for name in names
        }
