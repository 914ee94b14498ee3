"""Tags as version 1 has them: names of image ids, over the tags that version 2 has.

There is one set of tags. Setting one by version 1 writes the image's manifest and
points the tag to it; reading one asks which image a manifest stands for. So what is
deleted or moved on one side is so on the other.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime

from txregistry.model.compression import Compression
from txregistry.model.conversion import make_config, make_manifest
from txregistry.model.descriptors import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    DOCKER_TAR,
    Descriptor,
)
from txregistry.model.digest import Digest
from txregistry.model.engines import Engine
from txregistry.model.errors import (
    ImageIdInvalid,
    ImageUnknown,
    ManifestUnknown,
    NameUnknown,
    TagUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.acceptance import Acceptance
from txregistry.registry.blobs import Blobs
from txregistry.registry.derivedimages import DerivedImages
from txregistry.registry.images import Image, Images
from txregistry.registry.listing import objects
from txregistry.registry.manifests import Manifests, StoredManifest
from txregistry.registry.tags import Tags
from txregistry.registry.transcoding import Transcoding
from txregistry.registry.uploads import Chunk, Uploads
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge
from txregistry.streams import BytesReader
from txregistry.tasks import Blocking, breathe

ID_ANNOTATION: Final = "org.txregistry.v1.id"
"""What a manifest says of the image of version 1 that it was made from."""

_PAUSE: Final = 20
_LIMIT: Final = 4096
_LISTED: Final = 100
"""Tags that are looked at for a repository's list of images."""


class TagProperties(msgspec.Struct):
    """What is kept of the engine that set a tag."""

    last_update: int | None = None
    docker_version: str | None = None
    docker_go_version: str | None = None
    kernel: str | None = None
    os: str = "linux"
    arch: str = "amd64"


class _Told(msgspec.Struct):
    """Of what properties were told: a tag that version 2 moved since has none."""

    of: str | None = None


_decoder: Final = msgspec.json.Decoder(TagProperties)
_told_decoder: Final = msgspec.json.Decoder(_Told)


class ImageTags:
    """The tags of all repositories, as names of images.

    Args:
        store: Where properties are.
        images: What version 1 pushed.
        derived: What version 2 pushed.
        manifests: What tags point to.
        tags: Where they point.
        acceptance: Takes the manifests that are made here.
        blobs: Layers.
        uploads: Takes the configs that are made here.
        transcoding: Gives layers in a compression that version 2 has.
        clock: Tells the time, and lets others have their turn.
        blocking: Where large documents are converted.
    """

    def __init__(
        self,
        store: IObjectStore,
        images: Images,
        derived: DerivedImages,
        manifests: Manifests,
        tags: Tags,
        acceptance: Acceptance,
        blobs: Blobs,
        uploads: Uploads,
        transcoding: Transcoding,
        clock: IReactorTime,
        blocking: Blocking,
    ) -> None:
        self._store = store
        self._images = images
        self._derived = derived
        self._manifests = manifests
        self._tags = tags
        self._acceptance = acceptance
        self._blobs = blobs
        self._uploads = uploads
        self._transcoding = transcoding
        self._clock = clock
        self._blocking = blocking

    async def all(self, name: RepositoryName, architecture: str) -> dict[str, str]:
        """Give the ids of all tags.

        Raises:
            NameUnknown: there is no such repository.
        """
        found = {}
        for count, tag in enumerate((await self._tags.page(name, "", None)).tags, 1):
            if not count % _PAUSE:
                await breathe(self._clock)
            try:
                found[str(tag)] = str(await self.find(name, tag, architecture))
            except TagUnknown:
                continue  # no image
        if not found and not await self._exists(name):
            raise NameUnknown("Repository not found")
        return found

    async def find(self, name: RepositoryName, tag: Tag, architecture: str) -> ImageId:
        """Say which image a tag names.

        Raises:
            TagUnknown: there is no such tag, or what it points to is no image.
        """
        manifest = await self._derived.manifest(name, tag, architecture)
        if manifest is None:
            raise TagUnknown("Tag not found")
        image_id = await self._pushed(name, manifest)
        if image_id is None:
            image_id = await self._derived.named(name, manifest)
        if image_id is None:
            raise TagUnknown("Tag not found")
        return image_id

    async def ids(self, name: RepositoryName, architecture: str) -> set[str]:
        """Give the ids of images that tags name, and of those known below them.

        Clients make no use of the list that this is for: it is as long as it is cheap.
        """
        found: set[str] = set()
        page = await self._tags.page(name, "", _LISTED)
        for count, tag in enumerate(page.tags, 1):
            if not count % _PAUSE:
                await breathe(self._clock)
            try:
                image_id = await self.find(name, tag, architecture)
            except TagUnknown:
                continue  # no image
            if str(image_id) in found:
                continue
            found.add(str(image_id))
            with suppress(ImageUnknown):  # it was not asked for yet
                image = await self._images.find(name, image_id)
                found.update(map(str, image.ancestry))
        return found

    async def point(
        self, name: RepositoryName, tag: Tag, image_id: ImageId, engine: Engine
    ) -> None:
        """Let a tag name an image that is complete, with all below it.

        Raises:
            ImageUnknown: the repository does not have all of it.
            Denied: the tag has to stay where it is.
        """
        chain = await self._images.chain(name, image_id)
        source = chain[-1].manifest
        if source is not None:
            try:
                await self._acceptance.point(name, tag, source)
            except ManifestUnknown:
                raise ImageUnknown from None  # it was deleted a moment ago
            digest = source
        else:
            config, manifest = await self._manifest(name, chain)
            digest = Digest.of(manifest)
            await self._tags.check_moves(name, [tag], digest)
            chunk = Chunk(BytesReader(config), len(config))
            room = self._acceptance.quotas.room(
                name,
                blobs={Digest.of(config): len(config)},
                manifests={digest: len(manifest)},
                tags=[tag],
            )
            async with room:
                await self._uploads.push(name, Digest.of(config), chunk)
                await self._acceptance.push(name, tag, manifest, DOCKER_MANIFEST)
        properties = TagProperties(
            int(self._clock.seconds()),
            engine.version,
            engine.go_version,
            engine.kernel,
            engine.os,
            engine.architecture,
        )
        await self.describe(name, tag, digest, properties)

    async def describe(
        self,
        name: RepositoryName,
        tag: Tag,
        digest: Digest,
        properties: TagProperties,
    ) -> None:
        """Keep what is known of the engine that let a tag point to a manifest."""
        data = {**msgspec.structs.asdict(properties), "of": str(digest)}
        await self._store.put(keys.tag_property(name, tag), msgspec.json.encode(data))

    async def remove(self, name: RepositoryName, tag: Tag) -> None:
        """Remove a tag; the image stays.

        Raises:
            TagUnknown: there is no such tag.
            Denied: it has to stay.
        """
        try:
            await self._tags.remove(name, tag)
        except ManifestUnknown:
            raise TagUnknown(f"Tag not found: {tag}") from None

    async def properties(self, name: RepositoryName, tag: Tag) -> TagProperties:
        """Tell of the engine that set a tag; nothing, where version 2 did."""
        digest = await self._tags.find(name, tag)
        if digest is None:
            return TagProperties()
        try:
            data = await self._store.get(keys.tag_property(name, tag), _LIMIT)
            properties, told = _decoder.decode(data), _told_decoder.decode(data)
        except (
            NotFound,
            TooLarge,
            msgspec.DecodeError,
            UnicodeDecodeError,
            RecursionError,
        ):
            return TagProperties()
        # What older releases kept does not say of what it was told.
        return properties if told.of in {None, str(digest)} else TagProperties()

    async def remove_all(self, name: RepositoryName) -> bool:
        """Remove all tags and manifests of a repository; images stay, for later.

        Returns:
            Whether there was anything.

        Raises:
            Denied: a tag has to stay; then nothing is removed.
        """
        existed = await self._exists(name)
        await self._acceptance.delete_all(name)
        await self._store.delete(await objects(self._store, keys.tag_properties(name)))
        return existed

    async def _exists(self, name: RepositoryName) -> bool:
        page = await self._store.list(keys.manifests(name), limit=1, delimiter=True)
        return bool(page.names)

    async def _pushed(
        self, name: RepositoryName, manifest: StoredManifest
    ) -> ImageId | None:
        """Give the image that a manifest was made from, if it was."""
        text = manifest.summarize().annotations.get(ID_ANNOTATION)
        if text is None:
            return None
        try:
            image = await self._images.find(name, ImageId.parse(text))
        except (ImageIdInvalid, ImageUnknown):
            return None
        layer = image.layer.digest
        if image.layer.compression not in _READABLE:
            blob = await self._blobs.find(name, layer)
            made = await self._transcoding.find(name, blob)
            layer = layer if made is None else made.stored
        return image.image_id if manifest.parse().blobs[-1].digest == layer else None

    async def _manifest(
        self, name: RepositoryName, chain: list[Image]
    ) -> tuple[bytes, bytes]:
        """Write the config and the manifest of an image, the base first."""
        layers = [await self._layer(name, image) for image in chain]
        images = [(image.json, image.layer.diff_id) for image in chain]
        config = await self._blocking(make_config, images)
        descriptor = Descriptor(DOCKER_CONFIG, Digest.of(config), len(config))
        annotations = {ID_ANNOTATION: str(chain[-1].image_id)}
        return config, make_manifest(descriptor, layers, annotations)

    async def _layer(self, name: RepositoryName, image: Image) -> Descriptor:
        layer = image.layer
        if layer.compression is Compression.NONE:
            return Descriptor(DOCKER_TAR, layer.digest, layer.size)
        if layer.compression is Compression.GZIP:
            return Descriptor(DOCKER_LAYER, layer.digest, layer.size)
        blob = await self._blobs.find(name, layer.digest)
        made = await self._transcoding.make(name, blob)
        return Descriptor(DOCKER_LAYER, made.stored, made.size)


_READABLE: Final[Iterable[Compression]] = (Compression.NONE, Compression.GZIP)
"""What layers are compressed in that stand in manifests as they are."""
