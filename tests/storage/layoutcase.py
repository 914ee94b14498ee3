"""A test case that reads an OCI layout."""

import os

from twisted.internet.task import Clock

from tests.contracts.storecase import StoreTestCase
from tests.storage.layouts import LayoutFolder
from tests.temporary import make_folder
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
)
from txregistry.storage.layoutsource import LayoutObjectSource
from txregistry.tasks import at_once

APP = RepositoryName("team/app")
ROOT = keys.ROOT


class LayoutCase(StoreTestCase):
    """Make a layout, and read it."""

    def setUp(self) -> None:
        self.folder = LayoutFolder(os.path.join(make_folder(self), "medium"))
        self.clock = Clock()

    def open(self, default: RepositoryName | None = None) -> LayoutObjectSource:
        """Open the layout."""
        return LayoutObjectSource(self.folder.root, self.clock, at_once, default)

    def all_keys(self, source: IObjectSource) -> list[Key]:
        """List everything."""
        page = self.result(source.list("docker/", limit=10_000))
        return list(map(Key, page.names))

    def tag(self, source: IObjectSource, name: RepositoryName, tag: str) -> str:
        """Say what a tag points to."""
        return self.result(source.get(keys.tag_link(name, Tag(tag)), 256)).decode()
