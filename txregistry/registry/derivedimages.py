"""Images of version 1 for what was pushed by version 2.

Their ids are those under which engines 1.10 to 17.11 would have pushed the same image
by version 1: the config's digest for the top, chain ids below. They are computed when a
client first asks for one and remembered; they go with the manifest they came from.
"""

from collections.abc import AsyncIterator
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.compression import Layer
from txregistry.model.derivation import EMPTY_LAYER, DerivedImage, derive_images
from txregistry.model.descriptors import CONFIGS, Descriptor
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import (
    BlobUnknown,
    ImageExists,
    ImageUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.model.schema2 import choose_platform
from txregistry.registry.blobs import Blobs
from txregistry.registry.diffids import DiffIds
from txregistry.registry.images import Image, Images
from txregistry.registry.manifests import Manifests, StoredManifest
from txregistry.registry.tags import Tags
from txregistry.registry.transcoding import Transcoding
from txregistry.registry.uploads import Chunk, Uploads
from txregistry.streams import BytesReader, read_all
from txregistry.tasks import Blocking, breathe

_CONFIG_LIMIT: Final = 4 * 1024 * 1024
_PAUSE: Final = 20
"""Tags looked at, after which others have their turn."""


class DerivedImages:
    """Give what version 2 pushed as images of version 1.

    Args:
        images: Where they are remembered.
        manifests: What they are made from.
        tags: Which manifests are shown.
        blobs: Their configs and layers.
        uploads: Where the layer goes of an image that has none.
        transcoding: Tells how layers are compressed.
        clock: Lets others have their turn.
        blocking: Where large documents are read.
    """

    _log = Logger()

    def __init__(
        self,
        images: Images,
        manifests: Manifests,
        tags: Tags,
        blobs: Blobs,
        uploads: Uploads,
        transcoding: Transcoding,
        clock: IReactorTime,
        blocking: Blocking,
    ) -> None:
        self._images = images
        self._manifests = manifests
        self._tags = tags
        self._blobs = blobs
        self._uploads = uploads
        self._transcoding = transcoding
        self._clock = clock
        self._blocking = blocking
        self._diff_ids = DiffIds(blobs, blocking)

    async def manifest(
        self, name: RepositoryName, tag: Tag, architecture: str
    ) -> StoredManifest | None:
        """Give the image manifest that a tag means to a client of one platform.

        Returns:
            The manifest; None where there is none: no such tag, or no image.
        """
        try:
            found = await self._manifests.find(name, tag)
            parsed = found.parse()
            if parsed.is_index:
                child = choose_platform(found.data, "linux", architecture)
                if child is None:
                    return None
                found = await self._manifests.find(name, child)
                parsed = found.parse()
        except (ManifestUnknown, ManifestInvalid, NameUnknown):
            return None
        if not parsed.blobs or parsed.blobs[0].media_type not in CONFIGS:
            return None
        return found

    def top(self, manifest: StoredManifest) -> ImageId | None:
        """Give the id of an image manifest; None where its config has no such name."""
        config = manifest.parse().blobs[0].digest
        return ImageId(config.encoded) if config.algorithm == CANONICAL else None

    async def named(
        self, name: RepositoryName, manifest: StoredManifest
    ) -> ImageId | None:
        """Give the id by which an image manifest can be asked for; None if by none.

        Ids are anybody's: another image may be remembered by the same one.
        """
        image_id = self.top(manifest)
        if image_id is None:
            return None
        try:
            image = await self._images.find(name, image_id)
        except ImageUnknown:
            return image_id  # it was not asked for yet
        if image.manifest != manifest.digest:
            try:
                await self.derive(name, manifest)
            except ImageUnknown:
                return None
        return image_id

    async def find(
        self, name: RepositoryName, image_id: ImageId, architecture: str
    ) -> Image:
        """Give an image that was pushed by version 1, or can be derived.

        Raises:
            ImageUnknown: it is neither.
        """
        try:
            return await self._images.find(name, image_id)
        except ImageUnknown:
            # A client begins with what a tag names: a config that the repository holds.
            if not await self._blobs.holds(name, Digest(CANONICAL, image_id.text)):
                raise
        async for manifest in self._tagged(name, architecture):
            if self.top(manifest) == image_id:
                return await self.derive(name, manifest)
        raise ImageUnknown

    async def ancestry(
        self, name: RepositoryName, image_id: ImageId, architecture: str
    ) -> tuple[ImageId, ...]:
        """Give an image's ancestry, all of which can be asked for then.

        Raises:
            ImageUnknown: there is no such image.
        """
        image = await self.find(name, image_id, architecture)
        if image.manifest is not None:
            try:
                await self._images.chain(name, image_id)
            except ImageUnknown:  # one below came from a manifest that is gone
                manifest = await self._manifests.find(name, image.manifest)
                image = await self.derive(name, manifest)
        return image.ancestry

    async def derive(self, name: RepositoryName, manifest: StoredManifest) -> Image:
        """Make images of an image manifest, and remember them.

        Returns:
            The top one.

        Raises:
            ImageUnknown: it cannot be shown as images of version 1.
        """
        parsed = manifest.parse()
        config, *layers = parsed.blobs
        try:
            derived = await self._blocking(
                derive_images, await self._config(name, config), config.digest
            )
            found = [await self._layer(name, each) for each in layers]
        except (ManifestInvalid, BlobUnknown) as error:
            self._log.info(
                "{name} has {digest}, which version 1 cannot show: {reason}",
                name=str(name),
                digest=str(manifest.digest),
                reason=error.message,
            )
            raise ImageUnknown from None
        if len(found) != sum(each.layer is not None for each in derived):
            raise ImageUnknown
        if not found:
            found = [await self._empty_layer(name)]
        return await self._remember(name, manifest, derived, found)

    async def _remember(
        self,
        name: RepositoryName,
        manifest: StoredManifest,
        derived: tuple[DerivedImage, ...],
        layers: list[Layer],
    ) -> Image:
        ancestry: tuple[ImageId, ...] = ()
        image = None
        lies = False
        for each, layer in zip(derived, layers, strict=True):
            ancestry = (each.image_id, *ancestry)
            top = len(ancestry) == len(derived)
            image = Image(
                each.image_id,
                each.json,
                Layer(layer.digest, layer.size, each.diff_id, layer.compression),
                ancestry,
                manifest=manifest.digest if top else None,
            )
            try:
                await self._images.publish(name, image)
            except ImageExists:
                # Somebody pushed it by version 1. If that is the same layer on the same
                # parents, what was pushed is as good as what would be derived; but what
                # is to be run stands in the JSON of the top.
                pushed = await self._images.find(name, each.image_id)
                if (pushed.layer.diff_id, pushed.ancestry) != (
                    each.diff_id,
                    ancestry,
                ) or (top and pushed.json.strip() != each.json):
                    raise ImageUnknown from None
            else:
                lies = await self._settle(name, image) or lies
                if lies and top:  # so the manifest that it was made of lies
                    await self._images.replace(name, image)
        if image is None:
            raise ImageUnknown
        return image

    async def _settle(self, name: RepositoryName, image: Image) -> bool:
        """See that an image is remembered with a layer that is the one in its config.

        Returns:
            Whether it was remembered with another.

        Raises:
            ImageUnknown: its own is not, and another was there first.
        """
        found = await self._images.find(name, image.image_id)
        ours, theirs = image.layer, found.layer
        if ours.digest == theirs.digest:
            return False
        try:
            if await self._diff_ids.find(name, ours.digest) != ours.diff_id:
                raise ImageUnknown
            if await self._diff_ids.find(name, theirs.digest) == theirs.diff_id:
                return False
        except BlobUnknown:
            raise ImageUnknown from None
        await self._images.replace(name, image)
        return True

    async def _tagged(
        self, name: RepositoryName, architecture: str
    ) -> AsyncIterator[StoredManifest]:
        page = await self._tags.page(name, "", None)
        for count, tag in enumerate(page.tags, 1):
            if not count % _PAUSE:
                await breathe(self._clock)
            manifest = await self.manifest(name, tag, architecture)
            if manifest is not None:
                yield manifest

    async def _config(self, name: RepositoryName, config: Descriptor) -> bytes:
        blob = await self._blobs.find(name, config.digest)
        if blob.size > _CONFIG_LIMIT:
            raise ManifestInvalid("The config is larger than any image's.")
        data = await read_all(await self._blobs.open(blob, 0, blob.size), _CONFIG_LIMIT)
        return data or b""

    async def _layer(self, name: RepositoryName, layer: Descriptor) -> Layer:
        blob = await self._blobs.find(name, layer.digest)
        compression = await self._transcoding.compression(blob)
        return Layer(blob.stored, blob.size, blob.stored, compression)

    async def _empty_layer(self, name: RepositoryName) -> Layer:
        digest = Digest.of(EMPTY_LAYER)
        chunk = Chunk(BytesReader(EMPTY_LAYER), len(EMPTY_LAYER))
        await self._uploads.push(name, digest, chunk)
        descriptor = Descriptor("", digest, len(EMPTY_LAYER))
        return await self._layer(name, descriptor)
