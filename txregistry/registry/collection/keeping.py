"""Nothing goes by a rule: where there is none."""

from collections.abc import Collection

from zope.interface import implementer

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.collection.interfaces import IKeeping, Kept


@implementer(IKeeping)
class KeepingAll:
    """Keep all manifests."""

    async def prepare(self) -> None:
        """See `IKeeping`."""

    async def choose(
        self, name: RepositoryName, manifests: Collection[Digest]
    ) -> Kept | None:
        """See `IKeeping`."""
        del name, manifests
        return None
