"""What lies outside of repositories and keeps something in them."""

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.digest import CANONICAL
from txregistry.model.errors import ImageIdInvalid
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry.collection.links import walk_keys
from txregistry.registry.links import read_link
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.kinds import GzipLink, recognize

_IMAGES: Final = 200_000
"""Images of version 1 of which it is held in memory where they are."""
_LAYERS: Final = 200_000

_log = Logger()


class Surroundings:
    """The images of version 1 of each repository, and layers in another compression.

    Attributes:
        gzips: Of a layer, the same in gzip; both by the bytes of their digests.
        complete: Whether all images are known; else nothing may be taken from a
            repository that has any.
    """

    def __init__(self) -> None:
        self.gzips: dict[bytes, bytes] = {}
        self.complete = True
        self._ids: dict[str, list[str]] = {}
        self._count = 0

    async def read(self, store: IObjectStore, clock: IReactorTime) -> None:
        """Look around in a store."""
        async for key in walk_keys(store, keys.all_images(), clock):
            text, _, rest = key.removeprefix(keys.all_images()).partition("/")
            name, sign, nothing = rest.rpartition("/_record")
            if sign and not nothing:
                self._add(name, text)
        if not self.complete:
            _log.warn(
                "There are more than {most} images of version 1: repositories that "
                "have some are not collected",
                most=_IMAGES,
            )
        async for key in walk_keys(store, keys.GZIP_FORMS, clock):
            kind = recognize(key)
            if not isinstance(kind, GzipLink) or len(self.gzips) >= _LAYERS:
                continue
            made = await read_link(store, key)
            if (
                made is not None
                and made.algorithm == kind.digest.algorithm == CANONICAL
            ):
                self.gzips[bytes.fromhex(kind.digest.encoded)] = bytes.fromhex(
                    made.encoded
                )

    def has_images(self, name: RepositoryName) -> bool:
        """Say whether a repository has images of version 1."""
        return str(name) in self._ids

    def images(self, name: RepositoryName) -> list[ImageId]:
        """Give their ids."""
        return [ImageId(text) for text in self._ids.get(str(name), ())]

    def _add(self, name: str, text: str) -> None:
        try:
            ImageId.parse(text)
        except ImageIdInvalid:
            return
        ids = self._ids.setdefault(name, [])
        if self._count >= _IMAGES:
            self.complete = False
            return
        ids.append(text)
        self._count += 1
