"""What lies in repositories and a round has not understood, which keeps its content.

Other registries take names that this one does not, and crashes leave tags without the
rest of a manifest. Whatever leads to content there is taken for a reason to keep it.
"""

import re
from typing import Final

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.collection.links import walk_keys
from txregistry.registry.collection.marking import Links, Marking
from txregistry.registry.links import read_link
from txregistry.registry.quotas.tally import Tally
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.interfaces import Key
from txregistry.storage.kinds import Link, PastLink, TagLink, Upload, recognize

_SUM: Final = re.compile(r"(?<=/)[0-9a-f]{64}(?=/)", re.ASCII)


class Strangers:
    """Go through all keys of repositories once more.

    Args:
        registry: The registry.
        marking: Knows what manifests name.
        links: Takes what is to be kept.
        tally: Takes all links for what quotas are about; None where there are none.
    """

    def __init__(
        self,
        registry: Registry,
        marking: Marking,
        links: Links,
        tally: Tally | None = None,
    ) -> None:
        self._store = registry.store
        self._clock = registry.clock
        self._marking = marking
        self._links = links
        self._tally = tally
        self._repository: RepositoryName | None = None
        self._manifests: set[Digest] = set()

    async def keep(self) -> None:
        """Note that what strange links lead to is wanted."""
        async for key in walk_keys(self._store, keys.REPOSITORIES, self._clock):
            kind = recognize(key)
            if self._tally is not None:
                await self._tally.see(kind)
            match kind:
                case Link(repository, role, digest):
                    self._enter(repository)
                    if role == "revision":
                        self._manifests.add(digest)
                case TagLink(repository):
                    self._enter(repository)
                    found = await read_link(self._store, key)
                    if found is not None and found not in self._manifests:
                        await self._want(found)
                case PastLink() | Upload():
                    continue
                case _:
                    await self._keep_strange(key)

    def _enter(self, name: RepositoryName) -> None:
        """Go on to a repository: its manifests come before its tags."""
        if name != self._repository:
            self._repository = name
            self._manifests = set()

    async def _keep_strange(self, key: Key) -> None:
        """Keep what a key, or the link there, is about."""
        for encoded in _SUM.findall(key):
            await self._want(Digest(CANONICAL, encoded))
        if key.endswith("/link"):
            found = await read_link(self._store, key)
            if found is not None:
                await self._want(found)

    async def _want(self, digest: Digest) -> None:
        if digest.algorithm == CANONICAL:
            await self._marking.want_deep(digest, self._links)
