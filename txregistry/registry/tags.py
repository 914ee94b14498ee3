"""Tags: names that point to manifests, and their lists.

Source: OCI Distribution 1.1, "Listing Tags"; order and limits as clients expect them.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown, TagInvalid
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.immutability import Immutability
from txregistry.registry.links import read_link, same_content, write_link
from txregistry.registry.listing import folders_of, objects
from txregistry.registry.made import Made, Making
from txregistry.registry.ordering import Listed, NameOrder
from txregistry.registry.taghistory import TagHistory
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import Crowds, Turns, breathe

_BATCH: Final = 200
"""Tags after which others have their turn."""
_MOST: Final = 999
"""Tags that are listed at once: one request of S3, which also tells of more."""
_SPARE: Final = 10
_FEW: Final = 1000
"""Tags that are read and sorted in one piece, where one listing has them all."""
_ROOM: Final = 20 * _FEW
"""Tags that are kept sorted, over all repositories."""


@dataclass(frozen=True, slots=True)
class TagsPage:
    """Some tags, in byte order, and whether there are more."""

    tags: tuple[Tag, ...]
    more: bool


class Tags:
    """The tags of all repositories.

    Args:
        store: Where they are.
        clock: Lets others have their turn.
        immutability: Which of them stay where they are; None for none.

    Attributes:
        history: What they pointed to before.
    """

    def __init__(
        self,
        store: IObjectStore,
        clock: IReactorTime,
        immutability: Immutability | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._turns = Turns()
        self._crowds = Crowds()
        self._immutability = immutability or Immutability()
        self._few: Making[tuple[Tag, ...]] = Making(_ROOM)
        self.history = TagHistory(store, clock)

    async def find(self, name: RepositoryName, tag: Tag) -> Digest | None:
        """Say what a tag points to; None where there is no such tag."""
        return await read_link(self._store, keys.tag_link(name, tag))

    async def point(self, name: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Let a tag point to a manifest that is in the repository.

        The tag is moved by the first write; the second only adds to its history, so
        that a crash in between leaves a tag that is whole.

        Raises:
            Denied: it has to stay where it is.
        """
        past = keys.tag_history_link(name, tag, digest)
        async with self._turns.on((name, tag)):
            if self._immutability.protects(name, tag):
                await self._make(name, tag, digest)
            else:
                await write_link(self._store, keys.tag_link(name, tag), digest)
            await write_link(self._store, past, digest)

    async def _make(self, name: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Make a tag that has to stay, unless there is one.

        Raises:
            Denied: there is one, for something else.
        """
        key, data = keys.tag_link(name, tag), str(digest).encode("ascii")
        for _ in range(2):
            present = await self.find(name, tag)
            self._immutability.check_move(name, tag, present, digest)
            if present is not None:
                return
            # Another process may make it at this moment; the store knows one winner.
            if await self._store.put(key, data, if_absent=True):
                return
        await write_link(self._store, key, digest)  # over one that cannot be read

    @asynccontextmanager
    async def settled(
        self, name: RepositoryName, tags: Collection[Tag] | None = None
    ) -> AsyncIterator[None]:
        """Let nothing go, within the block, that a tag needs which is made and stays.

        Nor does the whole repository, while tags are made.

        Args:
            name: The repository.
            tags: Those that are made; None where manifests or blobs are to go.
        """
        if tags is not None:
            async with self._crowds.among(name):
                if any(self._immutability.protects(name, tag) for tag in tags):
                    async with self._turns.on(name):
                        yield
                else:
                    yield
        elif self.may_stay(name):
            async with self._turns.on(name):
                yield
        else:
            yield

    @asynccontextmanager
    async def abandoned(self, name: RepositoryName) -> AsyncIterator[None]:
        """Let nobody make a tag or manifest, within the block, as all is to go."""
        async with self._crowds.alone(name), self.settled(name):
            yield

    def may_stay(self, name: RepositoryName) -> bool:
        """Say whether a repository may have tags that stay where they are."""
        return self._immutability.concerns(name)

    def stays(self, name: RepositoryName, tag: Tag) -> bool:
        """Say whether a tag stays where it is, whoever wants it gone."""
        return self._immutability.protects(name, tag)

    async def staying(self, name: RepositoryName) -> AsyncIterator[Tag]:
        """Give the tags that have to stay where they are."""
        if self.may_stay(name):
            async for tag in self._walk(name):
                if self._immutability.protects(name, tag):
                    yield tag

    async def check_moves(
        self, name: RepositoryName, tags: Collection[Tag], digest: Digest
    ) -> None:
        """Refuse to move tags that have to stay where they are.

        Raises:
            Denied: one of them does, and points to something else.
        """
        for tag in tags:
            if self._immutability.protects(name, tag):
                present = await self.find(name, tag)
                self._immutability.check_move(name, tag, present, digest)

    async def check_forgotten(
        self, name: RepositoryName, digest: Digest | None = None
    ) -> None:
        """Refuse to let a manifest go to which a tag points that has to stay.

        Args:
            name: The repository.
            digest: One of the manifest's names; None for all manifests.

        Raises:
            Denied: there is such a tag.
        """
        if not self.may_stay(name):
            return
        if digest is None:
            tags = list((await self.page(name, "", None)).tags)
        else:
            folder = keys.revision_links(name)
            names = await same_content(self._store, folder, digest)
            tags = await self.pointing_to(name, names.keys())
        for tag in tags:
            self._immutability.check_delete(name, tag)

    def check_needed(self, name: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Refuse to let something go that a tag needs.

        Raises:
            Denied: the tag has to stay.
        """
        self._immutability.check_needed(name, tag, digest)

    async def remove(
        self,
        name: RepositoryName,
        tag: Tag,
        pointing_to: Collection[Digest] | None = None,
    ) -> None:
        """Remove a tag; what it pointed to stays, and is remembered.

        Args:
            name: The repository.
            tag: The tag.
            pointing_to: Leave it, if it points to none of these by now.

        Raises:
            ManifestUnknown: there is no such tag.
            Denied: it has to stay.
        """
        async with self._turns.on((name, tag)):
            found = await self.find(name, tag)
            if pointing_to is None or found in pointing_to:
                if found is not None:
                    self._immutability.check_delete(name, tag)
                    await self.history.remember(name, tag, found)
                await self._remove(name, tag)
        if found is None:
            raise ManifestUnknown(
                f"The repository {name} has no tag {tag}.", {"tag": str(tag)}
            )

    async def _remove(self, name: RepositoryName, tag: Tag) -> None:
        """Remove a tag, or what a crash left of one, and what version 1 knows of it."""
        history = await objects(self._store, keys.tag_history(name, tag))
        gone = (keys.tag_link(name, tag), keys.tag_property(name, tag))
        await self._store.delete([*history, *gone])

    async def page(
        self, name: RepositoryName, after: str, limit: int | None
    ) -> TagsPage:
        """Give some tags.

        Args:
            name: The repository.
            after: Only tags strictly after this, which need be none itself.
            limit: How many at most; None for all.
        """
        names = await self._folder(name)
        if names is not None and len(names) <= _FEW:
            few = self._sorted(name, names)
            start = bisect_right(few, after, key=_text) if after else 0
            stop = len(few) if limit is None else start + limit
            return TagsPage(few[start:stop], more=stop < len(few))
        found: list[Tag] = []
        async for tags in self._batches(name, after, limit, names):
            found += tags
            if limit is not None and len(found) > limit:
                return TagsPage(tuple(found[:limit]), more=True)
        return TagsPage(tuple(found), more=False)

    async def _folder(self, name: RepositoryName) -> Sequence[str] | None:
        """List the folder of all tags; None where there are no folders."""
        folders = folders_of(self._store)
        if folders is None:
            return None
        (names,) = await folders.names((keys.tags(name),))
        return names

    def _sorted(self, name: RepositoryName, names: Sequence[str]) -> tuple[Tag, ...]:
        """Give the tags of a folder."""
        made = self._few.find(name)
        if made is None or not made.is_of((names,)):
            # What has no slash is a stray file.
            texts = sorted(item[:-1] for item in names if item[-1] == "/")
            tags = (_parse(text) for text in texts)
            kept = tuple(tag for tag in tags if tag is not None)
            made = Made(kept, {keys.tags(name): names})
            self._few.keep(name, made)
        return made.value

    async def pointing_to(
        self, name: RepositoryName, digests: Collection[Digest]
    ) -> list[Tag]:
        """Find the tags that point to one of some digests."""
        return [
            tag
            async for tag in self._walk(name)
            if await self.find(name, tag) in digests
        ]

    async def _walk(self, name: RepositoryName) -> AsyncIterator[Tag]:
        names = await self._folder(name)
        async for tags in self._batches(name, "", None, names):
            for tag in tags:
                yield tag

    async def _batches(
        self,
        name: RepositoryName,
        after: str,
        limit: int | None,
        names: Sequence[str] | None,
    ) -> AsyncIterator[list[Tag]]:
        """Give tags, so many at a time as are read without a pause.

        Args:
            name: The repository.
            after: Only tags strictly after this.
            limit: How many are wanted; None for all.
            names: The folder of all; None where there are no folders.
        """
        prefix = keys.tags(name)
        listed = Listed((), ())

        async def exists(text: str) -> bool:
            known = listed.knows(f"{text}/")
            if known is None:
                page = await self._store.list(f"{prefix}{text}/", limit=1)
                known = bool(page.names)
            return known

        order = NameOrder(exists)
        async for listed in self._listings(prefix, after, limit, names):
            # What has no slash is a stray file.
            groups = [item[:-1] for item in listed.names if item[-1] == "/"]
            texts = await order.all_due(groups)
            tags = (_parse(text) for text in texts if text > after)
            yield [tag for tag in tags if tag is not None]

    async def _listings(
        self,
        prefix: str,
        after: str,
        limit: int | None,
        names: Sequence[str] | None,
    ) -> AsyncIterator[Listed]:
        """List the folders of tags, in the store's order.

        Where there are folders, one listing has them all; else a page costs a request,
        and is as large as is wanted.
        """
        more = True
        if names is not None:
            start = bisect_right(names, after)
            size = min(_page_size(limit), _BATCH)
            while more:
                stop = start + size
                more = stop < len(names)
                yield Listed(names[start:stop], names)
                start = stop
                if more:
                    await breathe(self._clock)
            return
        place = prefix + after if after else ""
        while more:
            page = await self._store.list(
                prefix, after=place, limit=_page_size(limit), delimiter=True
            )
            names = [each[len(prefix) :] for each in page.names]
            more, place = page.more, (page.names or [""])[-1]
            yield Listed(names, names, more=more)
            if more:
                await breathe(self._clock)


def _text(tag: Tag) -> str:
    return tag.text


def _page_size(limit: int | None) -> int:
    """Say how many tags are listed to give so many: a few may sort elsewhere."""
    return _MOST if limit is None else min(limit + _SPARE, _MOST)


def _parse(text: str) -> Tag | None:
    try:
        return Tag.parse(text)
    except TagInvalid:
        return None  # somebody else's folder
