"""A test case that exports what a registry over local files has."""

import os
from typing import Any

from tests.integration.clients.images import Image, Index
from tests.registry import images
from tests.storage.case import COMPANIONS
from tests.temporary import make_folder
from tests.transfer.static.reading import Tree
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import PRIVATE
from txregistry.tasks import at_once
from txregistry.transfer.static.export import LAYOUT, STATIC, Export
from txregistry.transfer.static.report import ExportReport

APP = RepositoryName("team/app")
SOLO = RepositoryName("solo")


class ExportTestCase(images.ImageTestCase):
    """Export to a folder of its own, and read that."""

    def setUp(self) -> None:
        """Begin with nothing."""
        self.root = make_folder(self)
        super().setUp()
        self.tree = Tree(os.path.join(self.root, "tree"))

    def make_store(self) -> IObjectStore:
        """Make an empty store."""
        folder = os.path.join(self.root, "store")
        return FilesystemObjectStore(folder, f"{PRIVATE}scratch", at_once, COMPANIONS)

    def make_export(self, kind: str = STATIC, **more: Any) -> Export:
        """Prepare to export."""
        return Export(self.registry, str(self.tree.root), kind, at_once, **more)

    def export(self, kind: str = STATIC, **more: Any) -> ExportReport:
        """Export, and see that all is whole."""
        report = self.result(self.make_export(kind, **more).run())
        self.tree.check()
        return report

    def export_layout(self, **more: Any) -> ExportReport:
        """Export to an OCI layout."""
        return self.export(LAYOUT, **more)

    def push_image(
        self, target: Image | Index, tag: str | None = "1", name: RepositoryName = APP
    ) -> None:
        """Push an image, with all of its parts."""
        for blob in target.blobs:
            self.push_blob(blob.data, name)
        for manifest in target.manifests:
            self.push(manifest.data, None, name)
        if tag is not None:
            self.push(target.manifest.data, Tag(tag), name)

    def untag(self, tag: str, name: RepositoryName = APP) -> None:
        """Remove a tag."""
        self.result(self.registry.tags.remove(name, Tag(tag)))

    def store_inode(self, digest: str) -> int:
        """Say which file of the store has some content."""
        encoded = digest.partition(":")[2]
        blobs = "store/docker/registry/v2/blobs/sha256"
        path = os.path.join(self.root, blobs, encoded[:2], encoded, "data")
        return os.stat(path).st_ino
