"""Images of version 1 on their way here: the base first, each of them whole."""

from collections.abc import Callable
from functools import partial

from twisted.logger import Logger

from txregistry.client.upstreams.interfaces import (
    FetchedImage,
    IVersion1Upstream,
    Opened,
    UpstreamWrong,
)
from txregistry.model.compression import Compression, Layer
from txregistry.model.errors import ImageUnknown
from txregistry.model.images import ImageId
from txregistry.model.layerproof import LayerProof, LayerWrong
from txregistry.model.names import RepositoryName
from txregistry.registry.blobs import Blobs
from txregistry.registry.images import Image, Images
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import Blocking, Flights

_NO_IMAGE = "does not have an image that it names"
_REFUSED = frozenset({Compression.ZSTD})
"""No engine of version 1 makes it, and each layer would take its window's memory."""


class ImageFetching:
    """Fetch images that are missing, and keep them as if they had been pushed.

    Several who want the same image wait for one fetch of it.

    Args:
        store: Where layers are kept.
        blobs: What layers become.
        images: The images that are here.
        blocking: Where hashing goes.
        new_session: Makes names for what is under way.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        blobs: Blobs,
        images: Images,
        blocking: Blocking,
        new_session: Callable[[], str],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._images = images
        self._blocking = blocking
        self._new_session = new_session
        self._flights = Flights()

    async def fetch(
        self, rule: MirrorRule, name: RepositoryName, image_id: ImageId
    ) -> tuple[ImageId, ...]:
        """Have an image here, and all that it is built on.

        Returns:
            The image and those, the base last.

        Raises:
            UpstreamFault: it cannot be had.
            ImageExists: another image was pushed under its id meanwhile.
        """
        upstream = IVersion1Upstream(rule.upstream)
        ancestry = await upstream.ancestry(rule.remote_name(name), image_id)
        if ancestry is None:
            raise UpstreamWrong(upstream.name, _NO_IMAGE)
        for place in reversed(range(len(ancestry))):
            await self._flights.join(
                (name, ancestry[place]),
                partial(self._image, rule, name, ancestry[place:]),
            )
        return ancestry

    async def _image(
        self, rule: MirrorRule, name: RepositoryName, ancestry: tuple[ImageId, ...]
    ) -> None:
        """Have an image here whose parent is here."""
        upstream, remote = IVersion1Upstream(rule.upstream), rule.remote_name(name)
        image_id, *below = ancestry
        if await self._is_here(upstream, name, ancestry):
            return
        fetched = await upstream.get_image(remote, image_id)
        if fetched is None:
            raise UpstreamWrong(upstream.name, _NO_IMAGE)
        if fetched.parent != (below[0] if below else None):
            raise UpstreamWrong(
                upstream.name, "gives an ancestry that its images do not have"
            )
        opened = await upstream.open_layer(remote, image_id, fetched.size)
        if opened is None:
            raise UpstreamWrong(upstream.name, "does not have the layer of an image")
        layer, checksums = await self._take(upstream.name, fetched, opened)
        await self._blobs.link(name, layer.digest, layer.digest)
        image = Image(image_id, fetched.json, layer, ancestry, checksums)
        await self._images.publish(name, image)
        self._log.info(
            "The mirror has the image {image} of {name}",
            image=str(image_id),
            name=str(name),
        )

    async def _is_here(
        self,
        upstream: IVersion1Upstream,
        name: RepositoryName,
        ancestry: tuple[ImageId, ...],
    ) -> bool:
        try:
            found = await self._images.find(name, ancestry[0])
        except ImageUnknown:
            return False
        if found.ancestry != ancestry:
            raise UpstreamWrong(
                upstream.name, "gives an image another ancestry than it had before"
            )
        return True

    async def _take(
        self, name: str, image: FetchedImage, opened: Opened
    ) -> tuple[Layer, tuple[str, ...]]:
        """Take a layer into the store, if it is what it should be."""
        proof = LayerProof(image.json, image.checksums, image.size, _REFUSED)
        area = self._store.stage(keys.single_upload(self._new_session()))
        try:
            await area.append(opened.reader, proof.update, opened.size)
            layer, checksums = await self._blocking(_finish, proof)
            await area.commit(keys.blob(layer.digest))
            await self._blobs.vouch(layer.digest)
        except LayerWrong as error:
            raise UpstreamWrong(name, f"gives a layer that {error}") from None
        finally:
            await opened.reader.close()
            await area.discard()
        return layer, checksums


def _finish(proof: LayerProof) -> tuple[Layer, tuple[str, ...]]:
    """Say what a layer is, which cannot be nothing."""
    layer, checksums = proof.finish()
    if not layer.size:
        raise LayerWrong("is empty")
    return layer, checksums
