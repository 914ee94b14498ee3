"""Bring images of a registry into a folder that others serve, or carry away.

All content is in an OCI layout. A static tree has that, and second names of it where
clients look. An image is whole before anything leads to it, and what is gone from the
registry is removed last; so whoever reads meanwhile, or after a crash, finds whole
images. While something in the registry is damaged nothing is removed: it may be the
last good copy.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from twisted.internet.task import deferLater

from txregistry.model.descriptors import OCI_INDEX
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    ImageInvalid,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.layoutnames import annotate
from txregistry.model.names import RepositoryName, Tag, fallback_tag
from txregistry.registry.manifests import StoredManifest
from txregistry.registry.repositories import Registry
from txregistry.tasks import Blocking
from txregistry.transfer.archives.naming import Naming
from txregistry.transfer.static import places
from txregistry.transfer.static.contents import Contents, Parts
from txregistry.transfer.static.report import ExportReport, Hear
from txregistry.transfer.static.selection import Selection
from txregistry.transfer.static.tree import StaticTree
from txregistry.transfer.static.version1 import Version1

STATIC: Final = "static"
LAYOUT: Final = "oci-layout"
_LAYOUT_DATA: Final = b'{"imageLayoutVersion":"1.0.0"}'
_GONE: Final = (BlobUnknown, ManifestInvalid, ManifestUnknown, NameUnknown)
_MOVES: Final = 10
"""Times that a tag may have moved when what it pointed to is not there."""
_WAIT: Final = 0.5
"""Seconds after which a tag is looked at again of which the manifest is not there."""
_WAITS: Final = 10
"""Such waits in one export: what is damaged must not take for ever."""


class Export:
    """Export images.

    Args:
        registry: Where they are.
        root: The folder.
        kind: What it is: `STATIC` or `LAYOUT`.
        blocking: Where work goes that waits for a disk.
        selection: Which images; None for all.
        naming: What images are called in the layout.
        version1: Whether engines of version 1 find them in a static tree.
        private: Whether repositories are exported that are private.
        links: See `Contents`.
        hear: Hears how far it is.
    """

    def __init__(
        self,
        registry: Registry,
        root: str,
        kind: str,
        blocking: Blocking,
        *,
        selection: Selection | None = None,
        naming: Naming | None = None,
        version1: bool = True,
        private: bool = False,
        links: bool = True,
        hear: Hear = lambda report, image, passed: None,  # noqa: ARG005 - nobody hears
    ) -> None:
        self._registry = registry
        self._blocking = blocking
        self._selection = selection or Selection()
        self._naming = naming or Naming()
        self._private = private
        self._hear = hear
        self._image = ""
        self._passed = 0
        self._tree = StaticTree(root, kind)
        self._is_static = kind == STATIC
        self._contents = Contents(
            registry, self._tree, blocking, links=links, hear=self._pass_by
        )
        self._version1: Version1 | None = None
        if version1 and self._is_static:
            self._version1 = Version1(registry, self._tree, self._contents, blocking)
        self._listed: list[dict[str, object]] = []
        self._names: list[str] = []
        self._found: set[Digest] = set()
        self._waits = _WAITS
        self.report = ExportReport()

    async def run(self) -> ExportReport:
        """Export.

        Raises:
            TreeRefused: the folder cannot be used.
            StorageUnavailable: the store, or the folder, cannot be read or written.
            Exception: whatever ``hear`` raises.
        """
        tree = self._tree
        try:
            await self._blocking(tree.begin)
            async for name in self._registry.catalog.all():
                if self._selection.concerns(name):
                    await self._take_repository(name)
            await self._take_rest()
            await self._blocking(tree.settle)
            if not self.report.is_damaged:
                await self._blocking(tree.sweep)
        finally:
            await self._blocking(tree.end)
            self._count()
        return self.report

    async def _take_repository(self, name: RepositoryName) -> None:
        if places.clashes(name):
            self.report.leave_out(str(name), "a list of tags has this name")
            return
        if not self._private and await self._registry.privacy.is_private(name):
            self.report.private += 1
            return
        tags: list[Tag] = []
        old: dict[Tag, tuple[ImageId, ...]] = {}
        spellings: tuple[str, ...] = ()
        if self._version1 is not None:
            spellings = await self._version1.spell(name)
        self._found.clear()
        others = []
        for tag in (await self._registry.tags.page(name, "", None)).tags:
            if not self._selection.match(name, tag):
                others.append(tag)
            elif await self._take_tag(name, tag):
                tags.append(tag)
                ids = await self._take_image(name, tag) if spellings else None
                if ids is not None:
                    old[tag] = ids
        tags += await self._take_attached(name, others)
        if tags:
            self.report.repositories += 1
            self._names.append(str(name))
            await self._list_tags(name, sorted(tags))
        await self._list_images(spellings, old)

    async def _take_attached(
        self, name: RepositoryName, tags: Sequence[Tag]
    ) -> list[Tag]:
        """Take what is about the images: signatures, and what is about these.

        Args:
            name: The repository.
            tags: Those of its tags that are not wanted for themselves.

        Returns:
            Those that were taken.
        """
        taken: list[Tag] = []
        tried: set[Tag] = set()
        due: Sequence[Tag] = tags
        while due:
            subjects = {str(fallback_tag(digest)) for digest in self._found}
            due = [
                tag
                for tag in tags
                if tag not in tried and tag.text.partition(".")[0] in subjects
            ]
            tried.update(due)
            taken += [tag for tag in due if await self._take_tag(name, tag)]
        return taken

    async def _take_tag(self, name: RepositoryName, tag: Tag) -> bool:
        """Let the folder have what a tag points to; say whether it has."""
        self._image = f"{name}:{tag}"
        self._pass_by(0)
        found = await self._take_content(name, tag)
        if found is None:
            return False
        top, parts = found
        self._found.update(parts.manifests)
        self._list_top(name, tag, top)
        if self._is_static:
            await self._lead_to(name, tag, top, parts)
        self.report.tags += 1
        return True

    async def _take_content(
        self, name: RepositoryName, tag: Tag
    ) -> tuple[StoredManifest, Parts] | None:
        """Let the folder have the content that a tag points to.

        Returns:
            It; None where the tag is gone, or something is damaged.
        """
        reason = ""
        for _ in range(_MOVES):
            pointed = await self._registry.tags.find(name, tag)
            if pointed is None:
                return None
            try:
                top = await self._registry.manifests.find(name, pointed)
                parts = await self._contents.find(name, top)
                await self._contents.take(parts)
            except _GONE as error:
                reason = error.message
                if not await self._has_changed(name, tag, pointed):
                    break
            else:
                return top, parts
        self.report.leave_out(self._image, reason)
        self.report.is_damaged = True
        return None

    async def _has_changed(
        self, name: RepositoryName, tag: Tag, pointed: Digest
    ) -> bool:
        """Say whether what a tag points to is another by now, or there again.

        Who deletes an image takes the manifest first, and its tags after it: meanwhile
        it looks as if it were damaged.
        """
        registry = self._registry
        held = await registry.manifests.holds(name, pointed)  # so a part is missing
        while await registry.tags.find(name, tag) == pointed:
            if held or not self._waits:
                return False
            self._waits -= 1
            await deferLater(registry.clock, _WAIT, lambda: None)
            if await registry.manifests.holds(name, pointed):
                return True
        return True

    async def _lead_to(
        self, name: RepositoryName, tag: Tag, top: StoredManifest, parts: Parts
    ) -> None:
        """Let clients of version 2 find an image that is there."""
        tree = self._tree

        def lead() -> None:
            for digest in parts.blobs:
                tree.link(
                    places.blob(name, digest), places.content(digest), by_digest=True
                )
            tree.settle()
            for digest, manifest in parts.manifests.items():
                place = places.manifest(name, manifest.media_type, digest)
                tree.link(place, places.content(digest), by_digest=True)
            tree.settle()
            place = places.manifest(name, top.media_type, tag)
            tree.link(place, places.content(top.digest))

        await self._blocking(lead)

    async def _take_image(
        self, name: RepositoryName, tag: Tag
    ) -> tuple[ImageId, ...] | None:
        """Let the folder have the image of version 1 that a tag names, if it can be."""
        if self._version1 is None:
            return None
        try:
            ids = await self._version1.take(name, tag)
        except (BlobUnknown, ImageInvalid) as error:
            self.report.leave_out(self._image, f"of version 1: {error.message}")
            self.report.is_damaged |= isinstance(error, BlobUnknown)
            return None
        self.report.images += ids is not None
        return ids

    def _list_top(self, name: RepositoryName, tag: Tag, top: StoredManifest) -> None:
        self._listed.append(
            {
                "mediaType": top.media_type,
                "digest": str(top.digest),
                "size": top.size,
                "annotations": annotate(name, tag, self._naming.full(name, tag)),
            }
        )

    async def _list_tags(self, name: RepositoryName, tags: list[Tag]) -> None:
        if self._is_static:
            await self._blocking(self._tree.settle)
            document = {"name": str(name), "tags": [*map(str, tags)]}
            await self._put(places.tags_list(name), document)

    async def _list_images(
        self, spellings: Sequence[str], old: Mapping[Tag, tuple[ImageId, ...]]
    ) -> None:
        """Let the folder say which images of version 1 a repository has."""
        if old and self._version1 is not None:
            await self._blocking(self._tree.settle)
            for spelling in spellings:
                await self._version1.list(spelling, old)

    async def _take_rest(self) -> None:
        """Let the folder say what there is in all of it."""
        index = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": self._listed,
        }
        await self._blocking(self._tree.settle)
        await self._blocking(self._tree.put, places.LAYOUT, _LAYOUT_DATA)
        await self._put(places.INDEX, index)
        if self._is_static:
            await self._put(places.CATALOG, {"repositories": self._names})
            await self._put(places.VERSION, {})
        if self._version1 is not None:
            await self._put(places.PING, {"standalone": True})

    async def _put(self, place: str, document: object) -> None:
        data = await self._blocking(msgspec.json.encode, document)
        await self._blocking(self._tree.put, place, data)

    def _count(self) -> None:
        changes = self._tree.changes
        self.report.written = changes.written
        self.report.copied = changes.copied
        self.report.removed = changes.removed

    def _pass_by(self, size: int) -> None:
        self._passed += size
        self._count()
        self._hear(self.report, self._image, self._passed)
