"""Images as engines of version 1 find them on a plain web server.

Source: Docker Registry API v1, "Static export": what Docker 0.11 to 17.11 pull.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from txregistry.model.compression import Compression
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageInvalid, ImageUnknown, TagUnknown
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag, parse_v1_name
from txregistry.registry.images import Image
from txregistry.registry.repositories import Registry
from txregistry.tasks import Blocking
from txregistry.transfer.static import places
from txregistry.transfer.static.contents import Contents
from txregistry.transfer.static.tree import StaticTree

_ARCHITECTURE: Final = "amd64"
"""What all engines of version 1 run on, as nothing can be chosen by who asks."""


class Version1:
    """Show images to engines of version 1.

    An id means one image to them, whatever repository it is in: of two that share one
    the first is shown.

    Args:
        registry: Where the images are.
        tree: Where they go.
        contents: Brings their layers.
        blocking: Where work goes that waits for a disk.
    """

    def __init__(
        self,
        registry: Registry,
        tree: StaticTree,
        contents: Contents,
        blocking: Blocking,
    ) -> None:
        self._registry = registry
        self._tree = tree
        self._contents = contents
        self._blocking = blocking
        self._shown: dict[ImageId, Digest] = {}

    async def spell(self, name: RepositoryName) -> tuple[str, ...]:
        """Give the names of a repository; none, where another one has them."""
        meant = await self._registry.resolve(parse_v1_name(name.text))
        return places.spellings(name) if meant == name else ()

    async def take(self, name: RepositoryName, tag: Tag) -> tuple[ImageId, ...] | None:
        """Let the folder have the image of a tag, with all below it.

        Returns:
            Its ancestry; None where version 1 cannot show it, as it is no image, say.

        Raises:
            ImageInvalid: another repository has another image of one of its ids.
            BlobUnknown: a layer is damaged, or cannot be read by engines.
            StorageUnavailable: something cannot be read or written.
        """
        registry = self._registry
        try:
            top = await registry.image_tags.find(name, tag, _ARCHITECTURE)
            ancestry = await registry.derived.ancestry(name, top, _ARCHITECTURE)
            chain = await registry.images.chain(name, top)
        except (TagUnknown, ImageUnknown):
            return None
        for image in chain:
            meant = Digest.of(image.json + str(image.layer.diff_id).encode("ascii"))
            if self._shown.setdefault(image.image_id, meant) != meant:
                raise ImageInvalid(
                    f"another repository has another image of the id {image.image_id}"
                )
        for image in chain:
            await self._take_image(name, image)
        return ancestry

    async def list(
        self,
        name: str,
        tags: Mapping[Tag, tuple[ImageId, ...]],
    ) -> None:
        """Let the folder say what the tags of a repository name.

        Args:
            name: One of the repository's names.
            tags: The ancestries of what they name.
        """
        known = dict.fromkeys(str(each) for ids in tags.values() for each in ids[::-1])
        listed = [{"id": each} for each in known]
        await self._put(places.images_list(name), listed)
        for tag, (top, *_) in tags.items():
            if not places.is_hidden(tag):
                await self._put(places.image_tag(name, tag), str(top))
        await self._put(
            places.image_tags(name),
            {str(tag): str(ids[0]) for tag, ids in tags.items()},
        )

    async def _take_image(self, name: RepositoryName, image: Image) -> None:
        registry = self._registry
        blob = await registry.blobs.find(name, image.layer.digest)
        if image.layer.compression is Compression.ZSTD:
            blob = await registry.transcoding.make(name, blob)
        await self._contents.take_blob(blob)
        layer = places.image(image.image_id, "layer")
        await self._blocking(self._tree.link, layer, places.content(blob.digest))
        json = places.image(image.image_id, "json")
        await self._blocking(self._tree.put, json, image.json)
        await self._put(
            places.image(image.image_id, "ancestry"), [*map(str, image.ancestry)]
        )

    async def _put(self, place: str, document: object) -> None:
        await self._blocking(self._tree.put, place, msgspec.json.encode(document))
