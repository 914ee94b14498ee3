"""One round of collection: through all repositories, then through all blobs."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Final

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import Denied, ManifestUnknown, NameUnknown
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.catalog import Catalog
from txregistry.registry.collection.buckets import DigestBuckets
from txregistry.registry.collection.marking import Links, Marking
from txregistry.registry.collection.report import CollectionReport, Hear
from txregistry.registry.collection.settling import Remove, Settled, Settling
from txregistry.registry.collection.strangers import Strangers
from txregistry.registry.collection.surroundings import Surroundings
from txregistry.registry.collection.walks import walk_blobs
from txregistry.registry.quotas.tally import Tally, Tallying
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, NotFound
from txregistry.tasks import Blocking

REMEMBERED: Final = 90 * 24 * 3600.0
"""Seconds for which it is remembered what a deleted tag pointed to."""
_TOLD: Final = 1000
"""Tags that a report tells of."""
_FOLDERS: Final = (keys.LAYERS_FOLDER, keys.MANIFESTS_FOLDER)


async def _next(walk: AsyncIterator[RepositoryName]) -> RepositoryName | None:
    """Give the next one: ``anext`` with a default trips over what Deferreds give."""
    try:
        return await walk.__anext__()
    except StopAsyncIteration:
        return None


async def _nothing(items: Sequence[str]) -> Sequence[str]:
    """Remove nothing, as nothing is there."""
    return items


class Round:
    """Go through a registry once.

    Args:
        registry: The registry.
        marking: Says what repositories need.
        blocking: Where disk work goes.
        settling: Says what becomes of what they do not; None where nothing shall.
        report: Takes what it comes to.
        hear: Is told how it goes.
        tallying: Counts what quotas are about; None where there are none.
    """

    def __init__(
        self,
        registry: Registry,
        marking: Marking,
        blocking: Blocking,
        settling: Settling | None,
        report: CollectionReport,
        hear: Hear,
        tallying: Tallying | None = None,
    ) -> None:
        self._registry = registry
        self._store = registry.store
        self._marking = marking
        self._blocking = blocking
        self._settling = settling
        self._report = report
        self._hear = hear
        self._tallying = tallying

    async def run(
        self, only: Callable[[RepositoryName], bool] | None, started: float | None
    ) -> None:
        """Do it.

        Args:
            only: See `txregistry.registry.collection.collector.Collector.collect`.
            started: When it began, by the store's clock; None where nothing is written.
        """
        counts = only is None and started is not None
        if self._tallying is not None and counts:
            await self._tallying.prepare()
        if self._settling is not None:
            await self._settling.prepare(self._registry.clock)
        around = Surroundings()
        await around.read(self._store, self._registry.clock)
        async with (
            DigestBuckets(self._blocking) as held,
            DigestBuckets(self._blocking) as wanted,
            DigestBuckets(self._blocking) as gone,
        ):
            links = Links(held, wanted, gone)
            async for name in self._repositories():
                if only is None or only(name):
                    await self._look_through(name, around, links)
            if only is None:
                await self._end_lists()
                async with self._counting(started) as tally:
                    strangers = Strangers(self._registry, self._marking, links, tally)
                    await strangers.keep()
                    await self._sweep(links, tally)
                    if tally is not None:
                        self._report.quotas = tally.report()
        if only is None:
            await self._registry.tags.history.expire(
                REMEMBERED, dry_run=self._settling is None
            )

    def _counting(
        self, started: float | None
    ) -> AbstractAsyncContextManager[Tally | None]:
        """Count what quotas are about, of what is left."""
        if self._tallying is None:
            return nullcontext()
        return self._tallying.counting(started)

    async def _repositories(self) -> AsyncIterator[RepositoryName]:
        """Give all of which there is something, though nothing may have a tag."""
        store, clock = self._store, self._registry.clock
        walks = [Catalog(store, clock, folder).all() for folder in _FOLDERS]
        heads = [await _next(walk) for walk in walks]
        while any(head is not None for head in heads):
            first = min(str(head) for head in heads if head is not None)
            yield RepositoryName(first)
            for place, head in enumerate(heads):
                if head is not None and str(head) == first:
                    heads[place] = await _next(walks[place])

    async def _look_through(
        self, name: RepositoryName, around: Surroundings, links: Links
    ) -> None:
        report = self._report
        marked = await self._marking.mark(name, around, links)
        report.repositories += 1
        report.manifests += marked.manifests
        if marked.blind is not None:
            report.blind.append(str(name))

        async def remove(items: Sequence[str]) -> Sequence[str]:
            return await self._remove_links(name, items)

        report.tags_removed += await self._remove_tags(name, marked.leaving)
        place = keys.condemned_links(name)
        settled = await self._settle(place, marked.unneeded, remove)
        report.links_removed += len(settled.removed)
        report.links_condemned += settled.condemned
        for item in settled.removed:
            role, _, rest = item.partition("/")
            algorithm, _, encoded = rest.partition("/")
            if role != "images" and algorithm == CANONICAL:
                await links.gone.add(bytes.fromhex(encoded))
        self._hear(report)

    async def _end_lists(self) -> None:
        """Forget the lists of repositories of which nothing is left."""
        if self._settling is not None:
            for place in self._settling.unsettled(keys.condemned_links_folder()):
                await self._settling.settle(place, (), _nothing)

    async def _sweep(self, links: Links, tally: Tally | None) -> None:
        """Look through all blobs, in the order of their digests."""
        async for number, found in walk_blobs(self._store, self._registry.clock):
            await self._sweep_bucket(number, list(found), links)
            if tally is not None:
                await tally.weigh(number, found)
        if self._settling is not None:
            for place in self._settling.unsettled(keys.condemned_blobs_folder()):
                await self._settling.settle(place, (), _nothing)

    async def _sweep_bucket(
        self, number: int, found: Sequence[bytes], links: Links
    ) -> None:
        """Look at the blobs whose digests begin with a byte."""
        report = self._report
        report.blobs += len(found)
        wanted, held = await links.wanted_of(number), await links.held_of(number)
        unneeded = [data.hex() for data in found if data not in wanted]
        removable = {
            data.hex() for data in found if data not in wanted and data not in held
        }
        place = keys.condemned_blobs(number)
        settled = await self._settle(place, unneeded, self._remove_blobs, removable)
        report.blobs_removed += len(settled.removed)
        report.blobs_condemned += settled.condemned
        self._hear(report)

    async def _settle(
        self,
        place: Key,
        unneeded: Sequence[str],
        remove: Remove,
        removable: Collection[str] | None = None,
    ) -> Settled:
        if self._settling is None:
            return Settled((), len(unneeded))
        return await self._settling.settle(place, unneeded, remove, removable)

    async def _remove_tags(
        self, name: RepositoryName, leaving: Iterable[tuple[Tag, Digest]]
    ) -> int:
        """Remove tags that go by a rule, and say how many went, or would."""
        count = 0
        for tag, digest in leaving:
            if self._settling is not None:
                try:
                    await self._registry.tags.remove(name, tag, [digest])
                except (Denied, ManifestUnknown):
                    continue  # it has to stay, or is gone
            count += 1
            if len(self._report.tags) < _TOLD:
                self._report.tags.append(f"{name}:{tag} ({digest})")
        return count

    async def _remove_links(
        self, name: RepositoryName, items: Sequence[str]
    ) -> Sequence[str]:
        """Remove what is listed of a repository, unless it has to stay."""
        removed = []
        staying = set()
        for item in items:
            role, _, rest = item.partition("/")
            if role == "images":
                removed.append(keys.image_record(name, ImageId(rest)))
                continue
            digest = Digest.parse(rest.replace("/", ":", 1))
            if role == "layers":
                removed.append(keys.layer_link(name, digest))
                continue
            try:
                await self._registry.acceptance.delete(name, digest)
            except (ManifestUnknown, NameUnknown):
                continue  # somebody was faster
            except Denied:
                staying.add(item)
        await self._store.delete(removed)
        return [item for item in items if item not in staying]

    async def _remove_blobs(self, items: Sequence[str]) -> Sequence[str]:
        removed = [keys.blob(Digest(CANONICAL, item)) for item in items]
        if not self._store.flat:  # where looking costs next to nothing
            for key in removed:
                with suppress(NotFound):
                    self._report.bytes_removed += (await self._store.stat(key)).size
        await self._store.delete(removed)
        return items
