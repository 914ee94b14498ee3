"""A store that tells the quotas what repositories get."""

from collections.abc import Iterable

from txregistry.model.names import RepositoryName
from txregistry.registry.quotas.quotas import Quotas
from txregistry.registry.quotas.things import Thing, thing_at
from txregistry.storage.interfaces import IObjectStore, Key, NotFound
from txregistry.storage.keys import REPOSITORIES
from txregistry.storage.kinds import recognize
from txregistry.storage.passing import PassingStore

_LINK = "/link"
_TAG = "/current/link"


class NotingStore(PassingStore):
    """Note each link that is written, and each tag that goes.

    Whoever writes them need not know of quotas then, unless they are to be refused.

    Args:
        store: The store.
        quotas: The quotas.
    """

    def __init__(self, store: IObjectStore, quotas: Quotas) -> None:
        super().__init__(store)
        self._quotas = quotas

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        found = self._find(key, _LINK)
        if found is None:
            return await super().put(key, data, if_absent=if_absent)
        name, thing = found
        thing = await self._quotas.weigh(name, thing)
        written = await super().put(key, data, if_absent=if_absent)
        if written:
            self._quotas.keep(name, thing)
        return written

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        all_keys = tuple(keys)
        going = []
        for key in all_keys:
            found = self._find(key, _TAG)
            if found is not None and await self._is_there(key):
                going.append(found)
        await super().delete(all_keys)
        for name, thing in going:
            self._quotas.lose(name, thing)

    def _find(self, key: Key, end: str) -> tuple[RepositoryName, Thing] | None:
        """Say what a key is about; None where no quota counts it."""
        if not (key.endswith(end) and key.startswith(REPOSITORIES)):
            return None
        found = thing_at(recognize(key))
        if found is None or not self._quotas.rules.about(found[0]):
            return None
        return found

    async def _is_there(self, key: Key) -> bool:
        try:
            await self._store.stat(key)
        except NotFound:
            return False
        return True
