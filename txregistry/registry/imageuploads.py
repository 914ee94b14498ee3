"""Uploads of version 1's images: JSON, then the layer, then its checksum.

Each is staged where only its owner's push sees it. A checksum that matches publishes
all three at once, by writing one record; whatever else happens leaves nothing that a
reader could see.

Source: Docker Registry API v1, ``PUT /v1/images/<id>/json``, ``/layer``, ``/checksum``.
"""

from contextlib import AsyncExitStack
from typing import Final

from zope.interface import implementer

from txregistry.model.checksums import SimpleChecksum, TarSum, parse_checksum
from txregistry.model.compression import (
    Compression,
    CompressionInvalid,
    CompressionRefused,
    Layer,
    LayerHash,
    UnpackedTooLarge,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    ChecksumInvalid,
    ChecksumMissing,
    ChecksumUnexpected,
    ContentTooLarge,
    Denied,
    ImageExists,
    ImageIdInvalid,
    ImageInvalid,
    ImageUnknown,
)
from txregistry.model.images import (
    ImageId,
    check_ancestry,
    parse_image_json,
)
from txregistry.registry.blobs import Blobs
from txregistry.registry.images import Image, Images
from txregistry.registry.imagestates import ImageState, ImageStates, ReceivedLayer
from txregistry.registry.quotas.quotas import Quotas
from txregistry.registry.scopes import Scope
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
)
from txregistry.streams import IReader, read_through
from txregistry.tasks import Blocking

_UNPACKED: Final = 64 * 1024 * 1024 * 1024
"""Bytes of a layer, unpacked: beyond, it is a bomb and no layer."""
_REFUSED: Final = frozenset({Compression.ZSTD})
"""No engine of version 1 makes it, and each upload would take its window's memory."""
_MISMATCH: Final = "Checksum mismatch"
_NO_PARENT: Final = "Image depends on a non existing parent"


class ImageUploads:
    """The images that are being pushed.

    Args:
        store: Where their parts are staged.
        blobs: What layers become.
        images: What they become.
        blocking: Where hashing goes.
        states: What is known of those in progress.
        quotas: Say how much there is room for.
        limit: Bytes that a layer may have; None for as many as there is room for.
    """

    def __init__(
        self,
        store: IObjectStore,
        blobs: Blobs,
        images: Images,
        blocking: Blocking,
        states: ImageStates,
        quotas: Quotas,
        limit: int | None = None,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._images = images
        self._blocking = blocking
        self._states = states
        self._quotas = quotas
        self._limit = limit

    async def in_progress(self, scope: Scope, image_id: ImageId) -> bool:
        """Say whether an image is being pushed by who asks."""
        return await self._states.read(scope.owner, image_id) is not None

    async def begin(
        self, scope: Scope, image_id: ImageId, json: bytes, checksum: str | None
    ) -> None:
        """Take an image's JSON; one that is in progress starts over.

        Args:
            scope: Who pushes, and where to.
            image_id: The image.
            json: Its JSON, which is kept to the byte.
            checksum: What engines up to 0.5 send here, and nothing after the layer.

        Raises:
            ImageInvalid: it is not the JSON of this image, or its parent is not there.
            ImageIdInvalid: the id is one of those that can only be read.
            ImageExists: the image is complete.
            ImageInProgress: its layer is coming in at this moment.
        """
        document = await self._blocking(parse_image_json, json, image_id)
        if not image_id.is_writable:
            raise ImageIdInvalid
        if not await scope.announced(image_id):
            raise ImageInvalid("This image does not belong to the repository")
        ancestry: tuple[ImageId, ...] = (image_id,)
        if document.parent is not None:
            below = await self._ancestry(scope, document.parent)
            if not await scope.usable(document.parent):
                raise ImageInvalid("Image depends on an unauthorized parent")
            ancestry = check_ancestry(image_id, below)
        with self._states.claim(scope.owner, image_id):
            if await self._complete(scope, image_id):
                await self._states.forget(scope.owner, image_id)
                raise ImageExists
            if checksum is not None:
                parse_checksum(checksum)
            await self._states.write(
                scope.owner,
                image_id,
                ImageState(
                    json=json,
                    parent=None if document.parent is None else str(document.parent),
                    ancestry=[str(each) for each in ancestry],
                    checksum=checksum,
                ),
            )

    async def take_layer(
        self, scope: Scope, image_id: ImageId, source: IReader, expected: int | None
    ) -> None:
        """Take an image's layer, in place of one that came before.

        Raises:
            ImageUnknown: its JSON did not come first.
            ImageExists: the image is complete.
            ImageInProgress: its layer is coming in by another request.
            ImageInvalid: the layer is empty or cannot be unpacked.
            ContentTooLarge: it is larger than layers may be.
            ChecksumInvalid: it is not what the checksum says that came with the JSON.
            Denied: a quota has no room for it.
        """
        with self._states.claim(scope.owner, image_id):
            state = await self._expected(scope, image_id, ImageExists())
            area = self._store.stage(keys.image_upload_layer(scope.owner, image_id))
            if state.layer is not None:
                state.layer = None  # what it speaks of is about to go
                await self._states.write(scope.owner, image_id, state)
            await area.discard()
            try:
                for name in scope.names:
                    source = await self._quotas.fit(name, None, 0, source, expected)
                state.layer = await self._receive(area, state.json, source, expected)
                if state.checksum is not None:
                    await self._verify(state, area, None, state.checksum, ", ignoring")
            except Denied:
                await self._states.forget(scope.owner, image_id)
                raise
            except BaseException:
                await area.discard()
                raise
            await self._states.write(scope.owner, image_id, state)
            if state.checksum is not None:
                await self._publish(scope, image_id, state, area)

    async def finish(
        self,
        scope: Scope,
        image_id: ImageId,
        payload: str | None,
        checksum: str | None,
    ) -> None:
        """Complete an image, if its checksum is right.

        Args:
            scope: Who pushes, and where to.
            image_id: The image.
            payload: The simple checksum, of engines from 0.9 on.
            checksum: The TarSum, or the simple one, which counts where there is no
                payload.

        Raises:
            ChecksumMissing: neither is given.
            ChecksumInvalid: it is malformed or another; the upload goes on.
            ChecksumUnexpected: nothing waits for it: the image is complete.
            ImageUnknown: its JSON did not come first.
            ImageInvalid: its parent is not complete.
            ImageExists: somebody else completed another image of this id meanwhile.
            Denied: a quota has no room for its layer.
        """
        if payload is None and checksum is None:
            raise ChecksumMissing(
                "X-Docker-Checksum-Payload not set.  If you are using the Docker daemon"
                ", you should upgrade to version 0.10 or later"
            )
        if not (payload or checksum):
            raise ChecksumInvalid("Missing Image's checksum")
        with self._states.claim(scope.owner, image_id):
            state = await self._expected(scope, image_id, ChecksumUnexpected())
            if state.layer is None:
                raise ChecksumInvalid(_MISMATCH)
            area = self._store.stage(keys.image_upload_layer(scope.owner, image_id))
            await self._verify(state, area, payload, checksum or "", "")
            await self._publish(scope, image_id, state, area)

    async def _ancestry(self, scope: Scope, parent: ImageId) -> list[ImageId]:
        """Give the ancestry of a parent, complete in the repositories or in progress.

        Raises:
            ImageInvalid: it is neither.
        """
        state = await self._states.read(scope.owner, parent)
        if state is not None:
            return [ImageId.parse(each) for each in state.ancestry]
        return list((await self._parent(scope, parent)).ancestry)

    async def _parent(self, scope: Scope, parent: ImageId) -> Image:
        """Give a parent that is complete in all repositories.

        Raises:
            ImageInvalid: it is not.
        """
        try:
            found = [await self._images.find(name, parent) for name in scope.names]
        except ImageUnknown:
            raise ImageInvalid(_NO_PARENT) from None
        return found[0]

    async def _complete(self, scope: Scope, image_id: ImageId) -> bool:
        for name in scope.names:
            if not await self._images.holds(name, image_id):
                return False
        return True

    async def _expected(
        self, scope: Scope, image_id: ImageId, complete: Exception
    ) -> ImageState:
        """Give the state of an image in progress.

        Raises:
            ImageUnknown: nothing is known of the image.
            Exception: what is given for an image that is complete.
        """
        state = await self._states.read(scope.owner, image_id)
        if state is not None:
            return state
        if await self._complete(scope, image_id):
            raise complete
        raise ImageUnknown

    async def _receive(
        self,
        area: IStagingArea,
        json: bytes,
        source: IReader,
        expected: int | None,
    ) -> ReceivedLayer:
        """Stage a layer, and find out all about it while it passes."""
        if self._limit is not None:
            source = _Limited(source, self._limit, expected)
        simple, hashing = SimpleChecksum(json), LayerHash(_UNPACKED, _REFUSED)

        def observe(piece: bytes) -> None:
            data = bytes(piece)  # no view: parts of it are kept
            simple.update(data)
            hashing.update(data)

        try:
            await area.append(source, observe, expected)
            layer = hashing.finish()
        except CompressionRefused:
            raise ImageInvalid(
                "No engine reads a layer in zstd; push it by version 2"
            ) from None
        except CompressionInvalid:
            raise ImageInvalid(
                "The layer is cut off or damaged: it cannot be unpacked"
            ) from None
        except UnpackedTooLarge:
            raise ContentTooLarge("The layer unpacks to more than any image") from None
        if not layer.size:
            raise ImageInvalid("The layer is empty")
        return ReceivedLayer(
            digest=str(layer.digest),
            size=layer.size,
            diff_id=str(layer.diff_id),
            compression=layer.compression,
            simple=str(simple),
        )

    async def _verify(
        self,
        state: ImageState,
        area: IStagingArea,
        payload: str | None,
        checksum: str,
        consequence: str,
    ) -> None:
        """Compare a layer, which has come in, with the checksum that counts.

        Raises:
            ChecksumInvalid: it is malformed or another.
        """
        wanted = payload or checksum
        actual = "" if state.layer is None else state.layer.simple
        if not payload and parse_checksum(checksum).is_tarsum:
            actual = await self._tarsum(state, area)
        if wanted != actual:
            what = f"{consequence} the layer" if consequence else ""
            raise ChecksumInvalid(_MISMATCH + what)

    async def _tarsum(self, state: ImageState, area: IStagingArea) -> str:
        tarsum = TarSum(state.json)
        reader = await area.open(0, await area.size())
        try:
            await read_through(reader, self._blocking, tarsum.update)
            return await self._blocking(tarsum.finish)
        except ValueError:  # no tar, or one with too many entries: it has no such sum
            raise ChecksumInvalid(_MISMATCH) from None

    async def _publish(
        self, scope: Scope, image_id: ImageId, state: ImageState, area: IStagingArea
    ) -> None:
        """Make the parts of an upload an image."""
        received = state.layer
        if received is None:
            raise ChecksumInvalid(_MISMATCH)
        ancestry: tuple[ImageId, ...] = (image_id,)
        if state.parent is not None:
            parent = await self._parent(scope, ImageId.parse(state.parent))
            ancestry = check_ancestry(image_id, parent.ancestry)
        layer = Layer(
            Digest.parse(received.digest),
            received.size,
            Digest.parse(received.diff_id),
            received.compression,
        )
        sums = [received.simple]
        if state.checksum is not None and state.checksum != received.simple:
            sums.append(state.checksum)
        image = Image(image_id, state.json, layer, ancestry, tuple(sums))
        try:
            async with AsyncExitStack() as rooms:
                for name in scope.names:
                    room = self._quotas.room(name, blobs={layer.digest: layer.size})
                    await rooms.enter_async_context(room)
                await area.commit(keys.blob(layer.digest))
                await self._blobs.vouch(layer.digest)
                for name in scope.names:
                    await self._blobs.link(name, layer.digest, layer.digest)
                    await self._images.publish(name, image)
        except (Denied, ImageExists):  # there is nothing left to go on with
            await self._states.forget(scope.owner, image_id)
            raise
        await self._states.forget(scope.owner, image_id)


@implementer(IReader)
class _Limited:
    """Give what another reader gives, up to a limit."""

    def __init__(self, reader: IReader, limit: int, expected: int | None) -> None:
        self._reader = reader
        self._limit = self._left = limit
        if expected is not None:
            self._check(expected)

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            ContentTooLarge: there is more.
        """
        data = await self._reader.read(limit)
        self._check(len(data))
        self._left -= len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()

    def _check(self, size: int) -> None:
        if size > self._left:
            raise ContentTooLarge(f"A layer can have {self._limit} bytes at most")
