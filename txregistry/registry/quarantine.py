"""Take content out of the way that is not what its digest says.

While it lies there, clients are told that the registry has it, and do not push it
again. What was there is kept apart, for whoever wants to know what happened to it.
"""

from collections.abc import Callable
from uuid import uuid4

from txregistry.model.digest import Digest, new_hashing
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound


class Quarantine:
    """Keep rotten content apart.

    Args:
        store: Where it lies.
        new_session: Makes names for what is on its way: random UUIDs.
    """

    def __init__(
        self,
        store: IObjectStore,
        new_session: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._store = store
        self._new_session = new_session

    async def take(self, digest: Digest) -> bool:
        """Take content away, if it is rotten, which is looked at once more.

        Returns:
            Whether it was, and is no longer there.

        Raises:
            StorageUnavailable: the store cannot be asked, or cannot hold it twice for
                a while; then it stays.
        """
        key = keys.blob(digest)
        area = self._store.stage(keys.single_upload(self._new_session()))
        try:
            before = await self._store.stat(key)
            hashing = new_hashing(digest.algorithm)
            if before.size:
                reader = await self._store.open(key, 0, before.size)
                try:
                    await area.append(reader, hashing.update, before.size)
                finally:
                    await reader.close()
            if hashing.hexdigest() == digest.encoded:
                return False
            if before.size:
                await area.commit(keys.quarantined(digest))
            else:
                await self._store.put(keys.quarantined(digest), b"")
            # Somebody may have pushed it again meanwhile.
            if (await self._store.stat(key)).identity != before.identity:
                return False
            await self._store.delete([key])
        except NotFound:
            return False
        else:
            return True
        finally:
            await area.discard()
