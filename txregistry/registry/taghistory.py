"""What tags pointed to: as long as they are there, and after they were deleted.

Each manifest that a tag ever pointed to has a link in the tag's ``index/``, written
anew whenever the tag is pointed there: so the time of the link says when that was. With
the tag goes its folder, since other registries list folders; what it pointed to is then
remembered in a document of our own, so that the deletion can be undone.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from heapq import nlargest
from typing import Final, NamedTuple

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.lanes import Lanes
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.names import RepositoryName, Tag, is_fallback_tag
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    Key,
    NotFound,
    StorageFull,
    TooLarge,
)
from txregistry.storage.kinds import DeletedTag, recognize
from txregistry.tasks import breathe

_PAGE: Final = 1000
_AT_ONCE: Final = 16
"""Links that are looked at at the same time."""
_MOST: Final = 10_000
"""Manifests that a history tells of."""
_REMEMBERED: Final = 100
"""Manifests that are remembered of a deleted tag."""
_DELETIONS: Final = 10
"""Deletions that are remembered of one tag."""
_LIMIT: Final = 64 * 1024


class Past(NamedTuple):
    """A manifest that a tag pointed to.

    Attributes:
        digest: The manifest.
        when: When the tag was pointed there for the last time, in seconds since 1970,
            as far as the store knows.
    """

    digest: Digest
    when: float


@dataclass(frozen=True, slots=True)
class Deletion:
    """That a tag was deleted.

    Attributes:
        tag: The tag.
        digest: What it pointed to then.
        when: When, in seconds since 1970.
    """

    tag: Tag
    digest: Digest
    when: float


class _Record(msgspec.Struct, frozen=True):
    """What a deleted tag pointed to, and when."""

    past: tuple[tuple[str, float], ...]


_decoder: Final = msgspec.json.Decoder(_Record)


class TagHistory:
    """What the tags of all repositories pointed to.

    Args:
        store: Where they are.
        clock: Tells the time of deletions.
    """

    _log = Logger()

    def __init__(self, store: IObjectStore, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock

    async def past(self, name: RepositoryName, tag: Tag) -> list[Past]:
        """Tell what a tag pointed to, the latest first; what it points to is among it.

        Args:
            name: The repository.
            tag: The tag, which may have been deleted.

        Returns:
            Each manifest once. The order is that of the times that the store knows:
            where a tag points to now, if anywhere, only the tag itself says.
        """
        known = await self._linked(name, tag, None)
        for key, _ in await self._deletions(name, tag):
            for past in await self._read(key):
                known[past.digest] = max(past.when, known.get(past.digest, 0.0))
        return _latest(known, _MOST)

    async def deletions(self, name: RepositoryName, tag: Tag) -> list[Deletion]:
        """Tell when a tag was deleted, as far as is remembered; the latest first."""
        return [found for _, found in await self._deletions(name, tag)]

    async def deleted(self, name: RepositoryName) -> AsyncIterator[Deletion]:
        """Give the tags that were deleted, each once: its latest deletion.

        Some may be there again.
        """
        latest: Deletion | None = None
        async for _, found in self._walk(keys.deleted_tags(name)):
            if latest is not None and latest.tag != found.tag:
                yield latest
            latest = found
        if latest is not None:
            yield latest

    async def remember(self, name: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Remember what a tag points to, which is about to be deleted.

        Fallback tags are not remembered: they are made anew from what they list. Where
        there is no room nothing is, since that must not keep anybody from deleting.
        """
        if is_fallback_tag(tag):
            return
        known = await self._linked(name, tag, _PAGE)
        now = self._clock.seconds()
        known.setdefault(digest, now)
        record = _Record(
            tuple((str(past.digest), past.when) for past in _latest(known, _REMEMBERED))
        )
        key = keys.deleted_tag(name, tag, int(now * 1000), digest)
        try:
            await self._store.put(key, msgspec.json.encode(record))
        except StorageFull:
            self._log.warn(
                "There is no room to remember what {tag} of {name} pointed to; it is "
                "deleted for good",
                tag=str(tag),
                name=str(name),
            )
            return
        old = (await self._deletions(name, tag))[_DELETIONS:]
        await self._store.delete([key for key, _ in old])

    async def forget(self, name: RepositoryName) -> None:
        """Forget all deleted tags of a repository."""
        prefix = keys.deleted_tags(name)
        while page := (await self._store.list(prefix, limit=_PAGE)).names:
            await self._store.delete(map(Key, page))

    async def expire(self, age: float, *, dry_run: bool = False) -> int:
        """Forget deletions of long ago, in all repositories.

        Args:
            age: Seconds for which they are remembered.
            dry_run: Only count.

        Returns:
            How many there were.
        """
        count = 0
        old: list[Key] = []
        async for key, deletion in self._walk(keys.all_deleted_tags()):
            if self._clock.seconds() - deletion.when < age:
                continue
            count += 1
            old.append(key)
            if len(old) >= _PAGE:
                await self._forget(old, dry_run=dry_run)
        await self._forget(old, dry_run=dry_run)
        return count

    async def _forget(self, old: list[Key], *, dry_run: bool) -> None:
        if old and not dry_run:
            await self._store.delete(old)
        old.clear()

    async def _linked(
        self, name: RepositoryName, tag: Tag, limit: int | None
    ) -> dict[Digest, float]:
        """Say when a tag was pointed where, from its links; of so many at most."""
        prefix = keys.tag_history(name, tag)
        known: dict[Digest, float] = {}
        lanes = Lanes(_AT_ONCE)
        after, more, looked = "", True, 0
        while more and (limit is None or looked < limit):
            page = await self._store.list(prefix, after=after, limit=_PAGE)
            for each in page.names:
                with suppress(DigestInvalid):  # else somebody else's file
                    digest = keys.reference_digest(prefix, each)
                    await lanes.begin(self._look(Key(each), digest, known))
            await lanes.settle()
            looked += len(page.names)
            after, more = (page.names or [""])[-1], page.more
            if more:
                known = dict(_latest(known, _MOST))
                await breathe(self._clock)
        return known

    async def _look(self, key: Key, digest: Digest, known: dict[Digest, float]) -> None:
        """Note when a link was written, unless somebody deleted it a moment ago."""
        with suppress(NotFound):
            known[digest] = (await self._store.stat(key)).modified

    async def _deletions(
        self, name: RepositoryName, tag: Tag
    ) -> list[tuple[Key, Deletion]]:
        found = [each async for each in self._walk(keys.deleted_tag_prefix(name, tag))]
        return found[::-1]

    async def _walk(self, prefix: str) -> AsyncIterator[tuple[Key, Deletion]]:
        """Give what is remembered below a prefix, by tag and time."""
        after, more = "", True
        while more:
            page = await self._store.list(prefix, after=after, limit=_PAGE)
            for each in page.names:
                kind = recognize(each)
                if isinstance(kind, DeletedTag):
                    deletion = Deletion(kind.tag, kind.digest, kind.deleted / 1000)
                    yield Key(each), deletion
            after, more = (page.names or [""])[-1], page.more
            if more:
                await breathe(self._clock)

    async def _read(self, key: Key) -> list[Past]:
        """Read what is remembered; nothing, where that is damaged."""
        try:
            record = _decoder.decode(await self._store.get(key, _LIMIT))
            return [Past(Digest.parse(text), when) for text, when in record.past]
        except NotFound:
            return []
        except (
            TooLarge,
            msgspec.DecodeError,
            UnicodeDecodeError,
            RecursionError,
            DigestInvalid,
        ):
            self._log.warn(
                "The memory {key} is malformed; it counts as absent", key=key
            )
            return []


def _latest(known: dict[Digest, float], most: int) -> list[Past]:
    """Give the latest of what is known, the latest first."""
    return [
        Past(digest, when)
        for digest, when in nlargest(
            most, known.items(), key=lambda item: (item[1], item[0])
        )
    ]
