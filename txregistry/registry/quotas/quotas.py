"""Let in what the quotas have room for, and refuse the rest.

What there is was counted exactly in the last round of collection; what was let in since
is added. So it is an estimate in between: what went since is still in it, but for tags.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.catalog import Catalog
from txregistry.registry.quotas.bounded import Bounded
from txregistry.registry.quotas.counts import Usage
from txregistry.registry.quotas.figures import Figures
from txregistry.registry.quotas.ledger import Ledger
from txregistry.registry.quotas.rules import Quota, QuotaRules
from txregistry.registry.quotas.things import Thing, blob_of, manifest_of, tag_of
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    Key,
    NotFound,
    StorageUnavailable,
)
from txregistry.streams import IReader

_SEARCHED: Final = 100
"""Repositories in which something is looked for before it is refused."""
_LOOKED_AT: Final = 300
"""Names that are looked at for these."""
_FREE: Final[AbstractAsyncContextManager[None]] = nullcontext()


@dataclass(frozen=True, slots=True)
class Use:
    """How much is used of a quota.

    Attributes:
        quota: The quota.
        usage: How much, as far as that is known.
        counted: Whether it was ever counted.
    """

    quota: Quota
    usage: Usage
    counted: bool


class Quotas:
    """The quotas of a registry.

    Args:
        store: Where it is written down how much is used, and where content is.
        clock: Measures the time.
        rules: Who may hold how much.
        lasting: Whether this process goes on for a while.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        clock: IReactorTime,
        rules: QuotaRules,
        *,
        lasting: bool = True,
    ) -> None:
        self._store = store
        self._clock = clock
        self.rules = rules
        node = str(uuid4()) if lasting else None
        self._figures = Figures(store, clock, node)
        self._ledger = Ledger(rules, self._figures)

    def room(
        self,
        name: RepositoryName,
        *,
        blobs: Mapping[Digest, int] | None = None,
        manifests: Mapping[Digest, int] | None = None,
        tags: Iterable[Tag] = (),
        source: RepositoryName | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """Have room for what is linked to in the block, or refuse it.

        Args:
            name: The repository that gets it.
            blobs: By the digests under which they are stored, and their sizes.
            manifests: Likewise.
            tags: Tags that are set.
            source: Another repository, which has the blobs.

        Returns:
            A context manager, which raises `Denied` at its beginning where there is no
            room. What is linked to within is counted; what is not costs nothing.
        """
        places = self.rules.about(name)
        if not places:
            return _FREE
        things = [
            *(blob_of(name, each, size) for each, size in (blobs or {}).items()),
            *(manifest_of(name, *each) for each in (manifests or {}).items()),
            *(tag_of(name, tag) for tag in tags),
        ]
        return self._room(name, places, things, source)

    async def fit(
        self,
        name: RepositoryName,
        digest: Digest | None,
        held: int,
        source: IReader,
        expected: int | None,
    ) -> IReader:
        """Refuse early what would be too much when it has come.

        Of what nobody knows what it will be that is said when it is also larger than
        anything that the quota has: what it has costs nothing.

        Args:
            name: The repository that it comes to.
            digest: What it will be, if that is known.
            held: Bytes that have come already.
            source: The others.
            expected: How many they are; None where nobody knows.

        Returns:
            The source, which fails with `Denied` when too much has come.

        Raises:
            Denied: there is no room for it.
        """
        places = self.rules.about(name)
        if not places:
            return source
        await self._refresh()
        wanted = held + (1 if expected is None else expected)
        if digest is not None and await self._has(places, name, digest, wanted):
            return source
        allowed: Callable[[int], int | None] = self._ledger.left
        if digest is None:  # it may be something that they have
            allowed = self._ledger.plausible
        rooms = [each for each in map(allowed, places) if each is not None]
        if not rooms:
            return source
        room = min(rooms)

        def refuse() -> None:
            for place in places:
                self._ledger.check(name, place, Usage(max(room + 1, wanted)))

        if wanted > room:
            refuse()
        return source if expected is not None else Bounded(source, room - held, refuse)

    async def uses(self) -> list[Use]:
        """Say how much is used of each quota."""
        await self._refresh()
        counted = self._figures.count.quotas
        return [
            Use(quota, self._ledger.used(place), quota.called in counted)
            for place, quota in enumerate(self.rules.quotas)
        ]

    @property
    def counted(self) -> float | None:
        """When was counted, in seconds since 1970, by the store's clock."""
        return self._figures.count.number / 1000 or None

    async def flush(self) -> None:
        """Tell other processes what was let in here, if there is anything new.

        What cannot be told now is told another time.
        """
        if self.rules.quotas:
            try:
                await self._figures.flush()
            except StorageUnavailable as error:
                self._log.warn(
                    "What quotas let in cannot be told: {reason}", reason=str(error)
                )

    async def weigh(self, name: RepositoryName, thing: Thing) -> Thing:
        """Look at something before it is written, so that `keep` knows if it is new.

        Returns:
            The same, with its size if that matters.
        """
        places = self.rules.about(name)
        await self._refresh()
        await self._look(places, thing)
        if thing.stored is None or not self._is_new(places, thing):
            return thing
        try:
            size = (await self._store.stat(keys.blob(thing.stored))).size
        except NotFound:
            size = 0
        return thing.weighing(size)

    def keep(self, name: RepositoryName, thing: Thing) -> None:
        """Note that something was written."""
        self._ledger.keep(self.rules.about(name), thing)

    def lose(self, name: RepositoryName, thing: Thing) -> None:
        """Note that something is gone."""
        self._ledger.lose(self.rules.about(name), thing)

    @asynccontextmanager
    async def _room(
        self,
        name: RepositoryName,
        places: Sequence[int],
        things: Sequence[Thing],
        source: RepositoryName | None,
    ) -> AsyncIterator[None]:
        await self._refresh()
        if source is not None:
            for place in set(places).intersection(self.rules.about(source)):
                for thing in things:
                    self._ledger.find(place, thing)
        for thing in things:
            await self._look(places, thing)
        for place in places:
            if not self._ledger.fits(place, self._ledger.needed(place, things)):
                await self._search(place, things)
        # Nothing is awaited from here until it is taken.
        for place in places:
            self._ledger.check(name, place, self._ledger.needed(place, things))
        taken = self._ledger.take(places, things)
        try:
            yield
        finally:
            self._ledger.give_back(places, things, taken)

    async def _has(
        self, places: Sequence[int], name: RepositoryName, digest: Digest, size: int
    ) -> bool:
        """Say whether all quotas of a repository have some content already."""
        thing = blob_of(name, digest, size)
        await self._look(places, thing)
        for place in places:
            if not self._ledger.fits(place, self._ledger.needed(place, [thing])):
                await self._search(place, [thing])
        return not self._is_new(places, thing)

    async def _refresh(self) -> None:
        """See what the store says, if that was a while ago."""
        if await self._figures.refresh():
            self._ledger.recount()

    def _is_new(self, places: Iterable[int], thing: Thing) -> bool:
        return any(self._ledger.is_new(place, thing) for place in places)

    async def _look(self, places: Sequence[int], thing: Thing) -> None:
        """Look whether a repository has something of which nothing is known."""
        if self._is_new(places, thing) and await self._is_there(thing.place):
            for place in places:
                self._ledger.find(place, thing)

    async def _search(self, place: int, things: Iterable[Thing]) -> None:
        """Look for what a quota has no room for in its other repositories.

        It costs nothing then. That is not done for what fits: an estimate will do.
        """
        wanted = [
            each
            for each in things
            if each.stored is not None and self._ledger.is_new(place, each)
        ]
        if not wanted:
            return
        for name in await self._repositories(place):
            for thing in wanted:
                if thing.stored is None or not self._ledger.is_new(place, thing):
                    continue
                layer = keys.layer_link(name, thing.stored)
                revision = keys.revision_link(name, thing.stored)
                if await self._is_there(layer) or await self._is_there(revision):
                    self._ledger.find(place, thing)

    async def _repositories(self, place: int) -> list[RepositoryName]:
        """Give some repositories that a quota is about."""
        catalog = Catalog(self._store, self._clock)
        found: list[RepositoryName] = []
        for pattern in self._ledger.quota(place).repositories:
            start = pattern.partition("*")[0].rpartition("/")[0]
            page = await catalog.page(start, _LOOKED_AT)
            found += [each for each in page.names if place in self.rules.about(each)]
            if len(found) >= _SEARCHED:
                break
        return found[:_SEARCHED]

    async def _is_there(self, place: Key) -> bool:
        try:
            await self._store.stat(place)
        except NotFound:
            return False
        return True
