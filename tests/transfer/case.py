"""A test case that imports a tree in memory into a registry in memory."""

from tests.registry.case import RegistryTestCase
from tests.transfer.trees import OldTreeBuilder
from tests.web.v1.images import BASE, TOP, B, T
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage.interfaces import IObjectSource
from txregistry.storage.memory import MemoryObjectStore
from txregistry.transfer.importing import Import
from txregistry.transfer.oldtree import OldTree
from txregistry.transfer.report import Report

WEB = RepositoryName("acme/web")
LATEST = Tag("latest")


class TreeTestCase(RegistryTestCase):
    """Import trees."""

    def setUp(self) -> None:
        """Begin a tree."""
        super().setUp()
        self.tree = OldTreeBuilder()

    def add_two(self, folder: str = "acme/web") -> None:
        """Let the tree have an image, what it stands on, and a tag."""
        self.tree.image(BASE)
        self.tree.image(TOP, [B])
        self.tree.tag(folder, "latest", T)

    def make_source(self) -> IObjectSource:
        """Make what the tree is read from."""
        return MemoryObjectStore(self.clock, self.tree.files)

    def make_import(
        self, source: IObjectSource | None = None, *, dry_run: bool = False
    ) -> Import:
        """Make an import of the tree as it is now."""
        return Import(
            OldTree(source or self.make_source()),
            self.registry,
            dry_run=dry_run,
            new_session=self.new_session,
        )

    def run_import(
        self, source: IObjectSource | None = None, *, dry_run: bool = False
    ) -> Report:
        """Import the tree as it is now."""
        return self.result(self.make_import(source, dry_run=dry_run).run())

    def tag_of(self, name: RepositoryName = WEB, tag: Tag = LATEST) -> str:
        """Say which image a tag of the registry names."""
        found = self.result(self.registry.image_tags.find(name, tag, "amd64"))
        return str(found)

    def holds(self, image_id: str, name: RepositoryName = WEB) -> bool:
        """Say whether a repository of the registry has an image."""
        return self.result(self.registry.images.holds(name, ImageId(image_id)))

    def left_out(self, report: Report) -> list[tuple[str, str, str]]:
        """Give what was left out, in short."""
        return [(each.kind, each.name, each.reason) for each in report.left_out]
