"""Whether a repository is private, as version 1 lets its owner say.

Source: Docker Registry API v1, ``/v1/repositories/<name>/properties``.
"""

from typing import Final, Literal

import msgspec

from txregistry.model.names import RepositoryName
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge

_LIMIT: Final = 1024


class Properties(msgspec.Struct):
    """What a repository's owner says of it."""

    access: Literal["public", "private"] = "public"


_decoder: Final = msgspec.json.Decoder(Properties)


class Privacy:
    """Remember which repositories are private."""

    def __init__(self, store: IObjectStore) -> None:
        self._store = store

    async def get(self, name: RepositoryName) -> Properties:
        """Give what was said of a repository; it is public unless somebody said not."""
        try:
            return _decoder.decode(
                await self._store.get(keys.repository_properties(name), _LIMIT)
            )
        except NotFound:
            return Properties()
        except (TooLarge, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Properties("private")  # it cannot be read: nobody is let in by that

    async def is_private(self, name: RepositoryName) -> bool:
        """Say whether a repository is private."""
        return (await self.get(name)).access == "private"

    async def set(self, name: RepositoryName, properties: Properties) -> None:
        """Keep what is said of a repository."""
        key = keys.repository_properties(name)
        await self._store.put(key, msgspec.json.encode(properties))

    async def forget(self, name: RepositoryName) -> None:
        """Forget it."""
        await self._store.delete([keys.repository_properties(name)])
