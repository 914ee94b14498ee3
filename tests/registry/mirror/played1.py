"""Another registry, of version 1, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from zope.interface import implementer

from tests.registry.mirror.played import HeldReader, PlayedUpstream
from tests.web.v1.images import V1Image
from txregistry.client.upstreams.interfaces import (
    FetchedImage,
    IVersion1Upstream,
    Opened,
)
from txregistry.model.images import ImageId, parse_image_json
from txregistry.model.names import Tag
from txregistry.streams import BytesReader, IReader


@implementer(IVersion1Upstream)
@dataclass
class PlayedVersion1(PlayedUpstream):
    """A registry that says what a test wants, and notes what it is asked.

    Attributes:
        tagged: Which images tags name, by repository and tag.
        chains: The ancestry of images.
        fetched: Images.
        layers: Their layers.
        held: What layers are read from in place of that.
    """

    tagged: dict[tuple[str, str], ImageId] = field(default_factory=dict)
    chains: dict[ImageId, tuple[ImageId, ...]] = field(default_factory=dict)
    fetched: dict[ImageId, FetchedImage] = field(default_factory=dict)
    layers: dict[ImageId, bytes] = field(default_factory=dict)
    held: dict[ImageId, HeldReader] = field(default_factory=dict)

    def have(self, name: str, tag: str, *images: V1Image) -> ImageId:
        """Have images, the base first, the last of which a tag names."""
        chain: tuple[ImageId, ...] = ()
        for each in images:
            image_id = ImageId(each.image_id)
            chain = (image_id, *chain)
            parent = parse_image_json(each.json, image_id).parent
            size = len(each.layer)
            self.chains[image_id] = chain
            self.fetched[image_id] = FetchedImage(each.json, parent, size, ())
            self.layers[image_id] = each.layer
        self.tagged[name, tag] = chain[0]
        return chain[0]

    def change(self, image: V1Image, **details: object) -> None:
        """Say something else of an image."""
        image_id = ImageId(image.image_id)
        changed: Mapping[str, object] = details
        known = self.fetched[image_id]
        self.fetched[image_id] = replace(known, **changed)  # type: ignore[arg-type]  # a test knows

    async def _hear(self, *asked: str) -> None:
        self.asked.append(asked)
        if self.waiting is not None:
            await self.waiting
        if self.fault is not None:
            raise self.fault

    async def tag_ids(self, repository: str) -> Mapping[Tag, ImageId] | None:
        """See `IVersion1Upstream`."""
        await self._hear("tags", repository)
        found = {
            Tag(tag): image_id
            for (name, tag), image_id in self.tagged.items()
            if name == repository
        }
        return found or None

    async def find_tag(self, repository: str, tag: Tag) -> ImageId | None:
        """See `IVersion1Upstream`."""
        await self._hear("tag", repository, str(tag))
        return self.tagged.get((repository, str(tag)))

    async def ancestry(
        self, repository: str, image_id: ImageId
    ) -> tuple[ImageId, ...] | None:
        """See `IVersion1Upstream`."""
        await self._hear("ancestry", repository, str(image_id))
        return self.chains.get(image_id)

    async def get_image(
        self, repository: str, image_id: ImageId
    ) -> FetchedImage | None:
        """See `IVersion1Upstream`."""
        await self._hear("json", repository, str(image_id))
        return self.fetched.get(image_id)

    async def open_layer(
        self, repository: str, image_id: ImageId, size: int | None = None
    ) -> Opened | None:
        """See `IVersion1Upstream`."""
        await self._hear("layer", repository, str(image_id))
        data = self.layers.get(image_id)
        if data is None:
            return None
        reader: IReader = self.held.get(image_id) or BytesReader(data)
        return Opened(size, 0, reader)
