"""Tags: names that point to manifests, and their lists.

Source: OCI Distribution 1.1, "Listing Tags"; order and limits as clients expect them.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown, TagInvalid
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.immutability import Immutability
from txregistry.registry.links import read_link, same_content, write_link
from txregistry.registry.listing import objects
from txregistry.registry.ordering import NameOrder
from txregistry.registry.taghistory import TagHistory
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound
from txregistry.tasks import Turns, breathe

_BATCH: Final = 200


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
        self._immutability = immutability or Immutability()
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

        Args:
            name: The repository.
            tags: Those that are made; None where manifests or blobs are to go.
        """
        if tags is None:
            concerned = self.may_stay(name)
        else:
            concerned = any(self._immutability.protects(name, tag) for tag in tags)
        if not concerned:
            yield
            return
        async with self._turns.on(name):
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
            async for tag in self._walk(name, ""):
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
        """Remove a tag, or what a crash left of one."""
        history = await objects(self._store, keys.tag_history(name, tag))
        await self._store.delete([*history, keys.tag_link(name, tag)])

    async def page(
        self, name: RepositoryName, after: str, limit: int | None
    ) -> TagsPage:
        """Give some tags.

        Args:
            name: The repository.
            after: Only tags strictly after this, which need be none itself.
            limit: How many at most; None for all.
        """
        found: list[Tag] = []
        async for tag in self._walk(name, after):
            if len(found) == limit:
                return TagsPage(tuple(found), more=True)
            found.append(tag)
        return TagsPage(tuple(found), more=False)

    async def pointing_to(
        self, name: RepositoryName, digests: Collection[Digest]
    ) -> list[Tag]:
        """Find the tags that point to one of some digests."""
        return [
            tag
            async for tag in self._walk(name, "")
            if await self.find(name, tag) in digests
        ]

    async def _walk(self, name: RepositoryName, after: str) -> AsyncIterator[Tag]:
        prefix = keys.tags(name)

        async def exists(text: str) -> bool:
            try:
                await self._store.stat(keys.tag_link(name, Tag(text)))
            except NotFound:
                return False
            return True

        order = NameOrder(exists)
        start, more = prefix + after if after else "", True
        while more:
            page = await self._store.list(
                prefix, after=start, limit=_BATCH, delimiter=True
            )
            for item in page.names:
                if not item.endswith("/"):
                    continue  # a stray file
                for text in await order.due(item[len(prefix) : -1]):
                    if text > after and (tag := _parse(text)) is not None:
                        yield tag
            start, more = (page.names or [""])[-1], page.more
            if more:
                await breathe(self._clock)


def _parse(text: str) -> Tag | None:
    try:
        return Tag.parse(text)
    except TagInvalid:
        return None  # somebody else's folder
