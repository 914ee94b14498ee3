"""A folder after a crash of an export, between any two calls that change the disk."""

import os
import shutil
from pathlib import Path
from typing import Final

from tests.registry.images import oci_image, platforms, tar
from tests.storage.crash import Killed, Machine
from tests.transfer.static.case import APP, SOLO, ExportTestCase
from tests.transfer.static.reading import Tree
from tests.web.v1.images import BASE, TOP
from txregistry.model.descriptors import OCI_INDEX
from txregistry.model.names import Tag

ONE: Final = oci_image([tar(a="1")])
TWO: Final = oci_image([tar(b="2")])
STEP: Final = 7
"""Crashes that are tried: one of so many. One is all, and takes half a minute."""
MANY: Final = platforms(OCI_INDEX, amd64=ONE, arm64=TWO)


class CrashTests(ExportTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(os, "fsync", abs)  # it takes long, and is counted all the same
        self.machine = Machine(self)

    def push_first(self) -> None:
        """Let there be something to be exported."""
        self.push_oci(ONE, Tag("moves"), name=APP)
        self.push_oci(ONE, Tag("goes"), name=SOLO)
        self.push_images(BASE, name=APP)
        self.point(BASE, Tag("old"), APP)

    def push_second(self) -> None:
        """Let it be something else."""
        self.push_oci(TWO, Tag("comes"), name=APP)
        self.push(MANY, Tag("moves"), APP)
        self.untag("goes", SOLO)
        self.push_images(TOP, name=APP)
        self.point(TOP, Tag("old"), APP)

    def crash_everywhere(self, first: Tree | None) -> None:
        """Look at what is left, wherever a crash breaks the export off."""
        self.result(self.make_export().run())  # what is derived is remembered
        shutil.rmtree(self.tree.root)
        call = 0
        while call == 0 or self.machine.died:
            call += STEP
            if first is not None:  # what is linked stays linked
                shutil.copytree(first.root, self.tree.root, copy_function=os.link)
            before = self.tree.tags("team/app")
            self.machine.die_before(call)
            done = self.finish(self.make_export().run())
            self.machine.restart()
            if self.machine.died:
                self.failureResultOf(done, Killed)
            else:
                self.successResultOf(done)
            self.tree.check()
            self.assertLessEqual({*before}, {*self.tree.references("team/app")})
            if call % 10 == 1:
                self.export()
                self.assertEqual(self.export().written, 0)
            shutil.rmtree(self.tree.root, ignore_errors=True)
        self.assertGreater(call, 50)

    def test_the_first_export(self) -> None:
        self.push_first()
        self.crash_everywhere(None)

    def test_another_export(self) -> None:
        self.push_first()
        self.export()
        first = Tree(Path(self.root, "first"))
        os.rename(self.tree.root, first.root)
        self.push_second()
        self.crash_everywhere(first)
