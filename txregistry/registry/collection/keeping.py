"""Nothing goes by a rule: where there is none."""

from collections.abc import Collection, Sequence

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

    async def linger(
        self, name: RepositoryName, forgotten: Collection[Digest]
    ) -> Collection[Digest]:
        """See `IKeeping`."""
        del name, forgotten
        return ()


@implementer(IKeeping)
class KeepingByTurns:
    """Ask several; the first that has something to say about a repository counts.

    Args:
        others: Whom.
    """

    def __init__(self, others: Sequence[IKeeping]) -> None:
        self._others = others
        self._spoke: dict[RepositoryName, IKeeping] = {}

    async def prepare(self) -> None:
        """See `IKeeping`."""
        for each in self._others:
            await each.prepare()

    async def choose(
        self, name: RepositoryName, manifests: Collection[Digest]
    ) -> Kept | None:
        """See `IKeeping`."""
        self._spoke.clear()
        for each in self._others:
            kept: Kept | None = await each.choose(name, manifests)
            if kept is not None:
                self._spoke[name] = each
                return kept
        return None

    async def linger(
        self, name: RepositoryName, forgotten: Collection[Digest]
    ) -> Collection[Digest]:
        """See `IKeeping`."""
        spoke = self._spoke.get(name)
        if spoke is None:
            return ()
        found: Collection[Digest] = await spoke.linger(name, forgotten)
        return found
