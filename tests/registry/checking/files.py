"""The same case on files, which have folders, owners and times of their own."""

import os
import time
from pathlib import Path

from tests.registry.checking.case import CheckTestCase
from tests.temporary import make_folder
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import at_once


class FilesCheckCase(CheckTestCase):
    """Check a tree of files; they are as old as the clock of the case says."""

    flat = False

    def make_store(self) -> IObjectStore:
        """See `RegistryTestCase`."""
        self.folder = make_folder(self)
        self.clock.advance(time.time() - self.clock.seconds() - 3600)
        self.aged: set[Path] = set()
        return FilesystemObjectStore(
            self.folder,
            f"{keys.PRIVATE}scratch",
            at_once,
            keys.COMPANIONS,
            secrets=keys.SECRETS,
        )

    def pass_time(self) -> None:
        """See `CheckTestCase`: what is new is of this time, and not of any other."""
        self.age()
        super().pass_time()

    def put(self, key: str, data: bytes) -> None:
        """See `RegistryTestCase`: what was there is of another time from now on."""
        super().put(key, data)
        self.aged.discard(self.path(key))
        self.age()

    def age(self) -> None:
        """Let all files that are new be as old as the clock says."""
        for path in Path(self.root).rglob("*"):
            if path.is_file() and path not in self.aged:
                os.utime(path, (self.clock.seconds(), self.clock.seconds()))
                self.aged.add(path)

    @property
    def root(self) -> str:
        """Where the tree lies."""
        assert self.folder is not None
        return self.folder

    def path(self, key: str) -> Path:
        """Say where an object, or a folder of them, lies."""
        return Path(self.root, key)
