"""Which images were announced for a repository: what an Index knows of it.

A push begins with a list of its images. Lists are added up, never taken back; whether
an image is there is another question. Each list is an object of its own, named by its
content, so that two pushes at a time lose nothing; when they are many they become one.

Source: Docker Registry API v1, ``PUT`` and ``GET /v1/repositories/<name>/images``.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import Digest
from txregistry.model.errors import NameInvalid
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry.listing import objects
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge
from txregistry.tasks import breathe

_LIMIT: Final = 4 * 1024 * 1024
_MOST: Final = 20_000
"""Images that a repository's list holds; the oldest are left out."""
_LISTS: Final = 16
"""Lists that are kept apart."""
_PAUSE: Final = 5_000
"""Images after which others have their turn."""
_LIFETIME: Final = 3600.0
"""Seconds in which a push has to end whose requests come without a token."""


class _Announced(msgspec.Struct):
    ids: list[str]
    at: float


_ids_decoder: Final = msgspec.json.Decoder(list[str])
_decoder: Final = msgspec.json.Decoder(_Announced)


class Announcements:
    """The lists of images of all repositories.

    Args:
        store: Where they are.
        clock: Tells the time.
    """

    def __init__(self, store: IObjectStore, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock

    async def add(self, name: RepositoryName, ids: Iterable[ImageId]) -> None:
        """Add images to a repository's list."""
        added = list(dict.fromkeys(map(str, ids)))
        found = await objects(self._store, keys.announcements(name))
        if len(found) >= _LISTS:
            new = set(added)
            before = [each for each in await self._merged(found) if each not in new]
            merged = [*before, *added][-_MOST:]
            if await self._keep(name, merged) in found:
                return
            await self._store.delete(found)
        else:
            await self._keep(name, added)

    async def all(self, name: RepositoryName) -> list[str] | None:
        """Give a repository's list; None where nothing was ever announced."""
        found = await objects(self._store, keys.announcements(name))
        return await self._merged(found) if found else None

    async def forget(self, name: RepositoryName) -> bool:
        """Forget a repository's lists; say whether there were any."""
        found = await objects(self._store, keys.announcements(name))
        await self._store.delete(found)
        return bool(found)

    async def note(
        self, owner: str, name: RepositoryName, ids: Iterable[ImageId]
    ) -> None:
        """Note who announced images, for requests that come without a token."""
        data = _Announced([str(each) for each in ids], self._clock.seconds())
        key = keys.announcer(owner, name)
        await self._store.put(key, msgspec.json.encode(data))

    async def settle(self, owner: str, name: RepositoryName) -> None:
        """Take it that a push has ended that was noted."""
        await self._store.delete([keys.announcer(owner, name)])

    async def noted(self, owner: str, image_id: ImageId) -> Sequence[RepositoryName]:
        """Give the repositories for which somebody announced an image not long ago."""
        prefix = keys.announcers(owner)
        names = []
        for key in await objects(self._store, prefix):
            try:
                announced = _decoder.decode(await self._store.get(key, _LIMIT))
                text = key.removeprefix(prefix).removesuffix("/_images")
                name = RepositoryName.parse(text)
            except (
                NotFound,
                TooLarge,
                msgspec.DecodeError,
                UnicodeDecodeError,
                RecursionError,
                NameInvalid,
            ):
                continue
            if self._clock.seconds() - announced.at > _LIFETIME:
                await self._store.delete([key])
            elif str(image_id) in announced.ids:
                names.append(name)
        return names

    async def _keep(self, name: RepositoryName, ids: Sequence[str]) -> Key:
        data = msgspec.json.encode(ids)
        key = keys.announcement(name, Digest.of(data))
        await self._store.put(key, data)
        return key

    async def _merged(self, found: Iterable[Key]) -> list[str]:
        ids: dict[str, None] = {}
        since = 0
        for key in found:
            try:
                read = _ids_decoder.decode(await self._store.get(key, _LIMIT))
            except (
                NotFound,
                TooLarge,
                msgspec.DecodeError,
                UnicodeDecodeError,
                RecursionError,
            ):
                continue
            ids.update(dict.fromkeys(read))
            since += len(read)
            if since > _PAUSE:
                since = 0
                await breathe(self._clock)
        return list(ids)
