"""What is known of images of version 1 that are being pushed, until they expire."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime

from txregistry.model.compression import Compression
from txregistry.model.errors import ImageIdInvalid, ImageInProgress
from txregistry.model.images import MAX_JSON, ImageId
from txregistry.registry.listing import groups
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge

_LIMIT: Final = 2 * MAX_JSON


class ReceivedLayer(msgspec.Struct):
    """A layer that has come in whole; ``simple`` is its simple checksum."""

    digest: str
    size: int
    diff_id: str
    compression: Compression
    simple: str


class ImageState(msgspec.Struct):
    """An image in progress: its JSON, and maybe a checksum and its layer."""

    json: bytes
    parent: str | None
    ancestry: list[str]
    checksum: str | None = None
    layer: ReceivedLayer | None = None


_decoder: Final = msgspec.json.Decoder(ImageState)


class ImageStates:
    """The states of images in progress, each its owner's alone.

    Args:
        store: Where they are.
        clock: Tells the time.
    """

    def __init__(self, store: IObjectStore, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._busy: set[Key] = set()

    async def read(self, owner: str, image_id: ImageId) -> ImageState | None:
        """Give the state of an image; None where it is not in progress."""
        try:
            data = await self._store.get(keys.image_upload(owner, image_id), _LIMIT)
            return _decoder.decode(data)
        except (
            NotFound,
            TooLarge,
            msgspec.DecodeError,
            UnicodeDecodeError,
            RecursionError,
        ):
            return None

    async def write(self, owner: str, image_id: ImageId, state: ImageState) -> None:
        """Keep the state of an image."""
        key = keys.image_upload(owner, image_id)
        await self._store.put(key, msgspec.json.encode(state))

    async def forget(self, owner: str, image_id: ImageId) -> None:
        """Forget an image, and what was staged of its layer."""
        layer = keys.image_upload_layer(owner, image_id)
        await self._store.delete([keys.image_upload(owner, image_id), layer])
        await self._store.stage(layer).discard()

    @contextmanager
    def claim(self, owner: str, image_id: ImageId) -> Iterator[None]:
        """Let one request at a time work on an image.

        Raises:
            ImageInProgress: another one does.
        """
        key = keys.image_upload(owner, image_id)
        if key in self._busy:
            raise ImageInProgress
        self._busy.add(key)
        try:
            yield
        finally:
            self._busy.discard(key)

    async def expire(self, age: float, *, dry_run: bool = False) -> int:
        """Forget the uploads that did not move on for some seconds.

        Args:
            age: The seconds.
            dry_run: Only count them.

        Returns:
            How many there were.
        """
        count = 0
        prefix = keys.image_uploads()
        for owner in await groups(self._store, prefix):
            for text in await groups(self._store, f"{prefix}{owner}/"):
                try:
                    image_id = ImageId.parse(text)
                except ImageIdInvalid:
                    continue  # somebody else's folder
                count += await self._expire(owner, image_id, age, dry_run=dry_run)
        return count

    async def _expire(
        self, owner: str, image_id: ImageId, age: float, *, dry_run: bool
    ) -> bool:
        state = keys.image_upload(owner, image_id)
        latest = 0.0
        for key in (state, keys.image_upload_layer(owner, image_id)):
            try:
                latest = max(latest, (await self._store.stat(key)).modified)
            except NotFound:
                continue
        if self._clock.seconds() - latest < age or state in self._busy:
            return False
        if not dry_run:
            with self.claim(owner, image_id):
                await self.forget(owner, image_id)
        return True
