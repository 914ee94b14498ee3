"""A push of version 1 after a crash between any two calls that change the disk."""

import contextlib
import os

from tests.registry import images
from tests.registry.images import BASE, TOP
from tests.storage.crash import Killed as Dead
from tests.storage.crash import Machine
from tests.temporary import make_folder
from txregistry.model.errors import (
    ImageExists,
)
from txregistry.model.images import ImageId
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import at_once

TOP_ID = ImageId(TOP.image_id)


class FilesTests(images.RaisingCase):
    """A push, broken off before any call that changes the disk."""

    def setUp(self) -> None:
        for name in ("fsync", "fdatasync"):  # the machine itself does not crash here
            self.patch(os, name, os.fstat)
        self.machine = Machine(self)
        self.root = os.path.join(make_folder(self), "store")
        super().setUp()

    def make_store(self) -> IObjectStore:
        return FilesystemObjectStore(
            self.root, f"{keys.PRIVATE}scratch", at_once, keys.COMPANIONS
        )

    def restart(self) -> None:
        """Let another process go on."""
        self.store = self.make_store()
        self.registry = self.make_registry()

    def push_both(self) -> None:
        """Push two images, as engines do, and tag one."""
        for image in (BASE, TOP):
            with contextlib.suppress(ImageExists):
                self.put_json(image)
                self.put_layer(image)
                self.put_checksum(image)
        self.point(TOP)

    def check(self) -> None:
        """Expect images to be whole or not there."""
        for image in (BASE, TOP):
            if self.has(image.image_id):
                found = self.find(image)
                self.assertEqual(found.json, image.json)
                self.assertEqual(self.pull_blob(found.layer.digest), image.layer)
        if self.tags():
            self.assertEqual(self.named(), TOP_ID)

    def test_push(self) -> None:
        call = 0
        while call == 0 or self.machine.died:
            call += 1
            self.root = os.path.join(make_folder(self), "store")
            self.restart()
            self.machine.die_before(call)
            with contextlib.suppress(Dead):
                self.push_both()
            self.machine.restart()
            self.restart()
            self.check()
            self.push_both()
            self.check()
            self.assertEqual(self.named(), TOP_ID)
        self.assertGreater(call, 50)
