"""Which manifest is the form of schema 2 that was made of another."""

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.links import read_link, write_link
from txregistry.registry.manifests import Manifests
from txregistry.registry.reach import Reach
from txregistry.registry.tags import Tags
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore


class FormLinks:
    """The links from manifests to their forms.

    Args:
        store: Where they are.
        manifests: What they lead from and to.
        tags: What gives a form a name of its own.
        reach: Says which forms are kept by tags that have to stay.
    """

    def __init__(
        self, store: IObjectStore, manifests: Manifests, tags: Tags, reach: Reach
    ) -> None:
        self._store = store
        self._manifests = manifests
        self._tags = tags
        self._reach = reach

    async def find(self, name: RepositoryName, digest: Digest) -> Digest | None:
        """Give the form of a manifest, which need not be there; None without one."""
        return await read_link(self._store, keys.schema2_form(name, digest))

    async def replace(self, name: RepositoryName, digest: Digest, form: Digest) -> None:
        """Let a manifest have a form, and forget the one that it had."""
        async with self._tags.settled(name):
            await self.forget(name, digest)
            await write_link(self._store, keys.schema2_form(name, digest), form)

    async def forget(self, name: RepositoryName, digest: Digest) -> None:
        """Forget the form of a manifest, within `Tags.settled`.

        It stays itself where somebody gave it a name of its own, and where a tag needs
        it that has to stay: an index may list forms, as clients saw no other digests.
        """
        form = await self.find(name, digest)
        if form is None:
            return
        names = await self._manifests.names(name, form)
        if (
            not await self._tags.pointing_to(name, names)
            and await self._reach.keeper(name, names) is None
        ):
            await self._manifests.forget(name, form)
        await self._store.delete([keys.schema2_form(name, digest)])
