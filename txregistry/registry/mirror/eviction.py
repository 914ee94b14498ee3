"""What a mirror keeps of other registries: what was used lately, and has room."""

from collections.abc import AsyncIterator, Collection, Iterable
from typing import Final

from zope.interface import implementer

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.names import RepositoryName, Tag, fallback_tag, subject_of_tag
from txregistry.registry.collection.buckets import SIZE, DigestBuckets
from txregistry.registry.collection.contents import Contents, Unreadable
from txregistry.registry.collection.interfaces import IKeeping, Kept
from txregistry.registry.collection.links import walk_links
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.registry.repositories import Registry
from txregistry.registry.uses import MINUTE, Minutes, Uses
from txregistry.storage import keys
from txregistry.tasks import Blocking, breathe

_BITS: Final = 24
"""Bits by which what was used in the same minute is told apart."""
_RANK: Final = 8
_WIDTH: Final = _RANK + 8
"""Bytes that are kept with each blob: a rank, and a size."""


@implementer(IKeeping)
class Eviction:
    """Say what is kept of mirrored repositories.

    A tag that was not used for as long as its rule says goes, and so does a manifest
    that no tag keeps. Where all that is left is too much, what was used least lately
    goes first, until it fits.

    Args:
        registry: The registry, over a store in which nothing is spared.
        rules: Which repositories are mirrored, and how long is kept what.
        uses: When something was used.
        contents: What manifests name.
        blocking: Where disk work goes.
        limit: Bytes that all mirrored repositories may take; None for as many as there
            is room for.
    """

    def __init__(
        self,
        registry: Registry,
        rules: MirrorRules,
        uses: Uses,
        contents: Contents,
        blocking: Blocking,
        limit: int | None = None,
    ) -> None:
        self._registry = registry
        self._rules = rules
        self._uses = uses
        self._contents = contents
        self._blocking = blocking
        self._limit = limit
        self._oldest = 0

    async def prepare(self) -> None:
        """See `IKeeping`: find out since when what is kept must have been used."""
        self._oldest = 0
        if self._limit is None:
            return
        async with DigestBuckets(self._blocking, extra=_WIDTH) as found:
            async for name in self._registry.catalog.all():
                rule = self._rules.find(name)
                if rule is not None:
                    await self._measure(rule, name, found)
            self._oldest = await self._cut(found, self._limit)

    async def choose(
        self, name: RepositoryName, manifests: Collection[Digest]
    ) -> Kept | None:
        """See `IKeeping`."""
        rule = self._rules.find(name)
        if rule is None or (rule.keep is None and self._limit is None):
            return None
        roots: set[Digest] = set()
        leaving: list[tuple[Tag, Digest]] = []
        oldest = self._since(rule)
        uses = await self._known_uses(name)
        subjects = {str(fallback_tag(digest)) for digest in manifests}
        async for tag, digest in self._tags(name):
            attached = subject_of_tag(tag) in subjects  # it goes with its subject
            used = _rank(uses[str(tag)], digest) >= oldest
            if attached or used or self._stays(rule, name, tag):
                roots.add(digest)
            else:
                leaving.append((tag, digest))
        roots.update(
            each for each in manifests if _rank(uses.get(str(each), 0), each) >= oldest
        )
        return Kept(frozenset(roots), tuple(leaving))

    async def linger(
        self, name: RepositoryName, forgotten: Collection[Digest]
    ) -> Collection[Digest]:
        """See `IKeeping`: what nobody uses goes."""
        del name, forgotten
        return ()

    def _stays(self, rule: MirrorRule, name: RepositoryName, tag: Tag) -> bool:
        """Say whether a tag is kept, whoever uses it."""
        return rule.pins(name, tag) or self._registry.tags.stays(name, tag)

    def _since(self, rule: MirrorRule) -> int:
        """Say of which rank what is kept must be at least."""
        if rule.keep is None:
            return self._oldest
        oldest = self._uses.now() - int(rule.keep / MINUTE)
        return max(self._oldest, oldest << _BITS)

    async def _known_uses(self, name: RepositoryName) -> Minutes:
        """Say when all was used; of what nothing is known, that was used now.

        That is so with what came before uses were noted, or to another node a moment
        ago.
        """
        uses = dict(await self._uses.read(name))
        fresh = {}
        now = self._uses.now()
        async for tag, _ in self._tags(name):
            if str(tag) not in uses:
                fresh[str(tag)] = now
        for digest in await self._registry.manifests.all(name):
            if str(digest) not in uses:
                fresh[str(digest)] = now
        if fresh:
            await self._uses.write(name, fresh)
        return uses | fresh

    async def _tags(self, name: RepositoryName) -> AsyncIterator[tuple[Tag, Digest]]:
        for tag in (await self._registry.tags.page(name, "", None)).tags:
            digest = await self._registry.tags.find(name, tag)
            if digest is not None:
                yield tag, digest

    async def _measure(
        self, rule: MirrorRule, name: RepositoryName, found: DigestBuckets
    ) -> None:
        """Note how large each blob is, and when it was used last."""
        held: set[bytes] = set()
        links = walk_links(
            self._registry.store, keys.layer_links(name), self._registry.clock
        )
        async for link in links:
            if link.stored is not None:
                held.add(bytes.fromhex(link.stored.encoded))
        manifests = set(await self._registry.manifests.all(name))
        uses = await self._known_uses(name)
        latest: dict[Digest, int] = {}
        async for tag, digest in self._tags(name):
            stays = self._stays(rule, name, tag)
            minute = self._uses.now() if stays else uses[str(tag)]
            latest[digest] = max(minute, latest.get(digest, 0))
        for digest in manifests:
            if str(digest) in uses:
                latest[digest] = max(uses[str(digest)], latest.get(digest, 0))
        for digest, minute in latest.items():
            await breathe(self._registry.clock)
            async for data, size in self._reached([digest], manifests, held):
                rank = _rank(minute, digest)
                extra = rank.to_bytes(_RANK) + min(size, 2**63).to_bytes(8)
                await found.add(data, extra)

    async def _reached(
        self, waiting: list[Digest], manifests: Collection[Digest], held: set[bytes]
    ) -> AsyncIterator[tuple[bytes, int]]:
        """Give what belongs to manifests and is here, with sizes."""
        seen = set(waiting)
        while waiting:
            digest = waiting.pop()
            try:
                content = await self._contents.of(digest)
            except Unreadable:
                continue
            if content is None or digest.algorithm != CANONICAL:
                continue
            yield bytes.fromhex(digest.encoded), content.size
            for data, size in content.sizes():
                each = Digest(CANONICAL, data.hex())
                if each in manifests and each not in seen:
                    seen.add(each)
                    waiting.append(each)
                elif data in held:
                    yield data, size

    async def _cut(self, found: DigestBuckets, limit: int) -> int:
        """Say of which rank what has room must be; the latest of all is kept anyway."""
        sizes: dict[int, int] = {}
        for number in found.numbers:
            for rank, size in _latest(await found.bucket(number)):
                sizes[rank] = sizes.get(rank, 0) + size
            await breathe(self._registry.clock)
        total = 0
        for rank in sorted(sizes, reverse=True):
            if total and total + sizes[rank] > limit:
                return rank + 1
            total += sizes[rank]
        return 0


def _latest(entries: Iterable[bytes]) -> Iterable[tuple[int, int]]:
    """Give for each blob the latest rank, and its size."""
    latest: dict[bytes, tuple[int, int]] = {}
    for entry in entries:
        rank = int.from_bytes(entry[SIZE : SIZE + _RANK])
        size = int.from_bytes(entry[SIZE + _RANK :])
        digest = entry[:SIZE]
        if rank >= latest.get(digest, (-1, 0))[0]:
            latest[digest] = (rank, size)
    return latest.values()


def _rank(minute: int, digest: Digest) -> int:
    """Order what was used in the same minute too: by its digest, which is as good."""
    return minute << _BITS | int(digest.encoded[: _BITS // 4], 16)
