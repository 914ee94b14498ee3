"""Remove whole repositories.

Tags go first, so that nobody begins to pull what is about to go; what says that a
repository is private goes last. What was broken off is gone on with by removing it
again. The bytes stay until they are collected: other repositories may have them.

What is pushed meanwhile comes before or after, as a whole; but nobody knows of pushes
to other processes.
"""

import re
from collections.abc import AsyncIterator, Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.names import RepositoryName
from txregistry.registry.tags import Tags
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.tasks import Flights, breathe

_PAGE: Final = 500
"""Keys that are listed, and deleted, at once."""
_HISTORY: Final = re.compile("[^/]+/index/.+")
"""What follows the prefix of tags where it is of a tag's history."""


class Removal:
    """Take repositories away, with all that is theirs.

    Args:
        store: Where they are.
        tags: Says which of them have to stay.
        clock: Lets others have their turn.
    """

    def __init__(self, store: IObjectStore, tags: Tags, clock: IReactorTime) -> None:
        self._store = store
        self._tags = tags
        self._clock = clock
        self._flights = Flights()

    async def delete(self, name: RepositoryName) -> bool:
        """Remove a repository.

        Tags go, and what is remembered of deleted ones, manifests, rights to blobs,
        uploads, and what version 1 knows of it. Repositories nested in it stay. It goes
        on to its end even if who asked for it does not wait.

        Returns:
            Whether there was anything.

        Raises:
            Denied: a tag has to stay; then nothing is removed.
        """
        return await self._flights.join(name, lambda: self._delete(name))

    async def _delete(self, name: RepositoryName) -> bool:
        async with self._tags.abandoned(name):
            await self._tags.check_forgotten(name)
            # A tag whose history is left without the rest would be listed as one.
            found = await self._sweep(keys.tags(name), _HISTORY.fullmatch)
            found |= await self._sweep(keys.tags(name))
            for prefix in (
                keys.referrers_folder(name),
                keys.schema2_forms(name),
                keys.manifests(name),
                keys.layer_links(name),
            ):
                found |= await self._sweep(prefix)
        found |= await self._delete_uploads(name)
        records = re.compile(rf"[^/]+/{re.escape(str(name))}/_record")
        found |= await self._sweep(keys.all_images(), records.fullmatch)
        lists = re.compile(rf"[^/]+/{re.escape(str(name))}/_images")
        await self._sweep(keys.all_announcers(), lists.fullmatch)
        for prefix in (keys.announcements(name), keys.tag_properties(name)):
            found |= await self._sweep(prefix)
        await self._tags.history.forget(name)
        last = (keys.uses(name), keys.untagged(name), keys.repository_properties(name))
        await self._store.delete(last)
        return found

    async def _delete_uploads(self, name: RepositoryName) -> bool:
        """Remove uploads, also what a store keeps of them elsewhere."""
        prefix = keys.uploads(name)
        sessions: list[str] = []
        async for page in self._pages(prefix, delimiter=True):
            sessions += [each for each in page if each.endswith("/")]
        for session in sessions:
            data = Key(f"{session}data")
            await self._sweep(session)
            await self._store.delete([data])
            await self._store.stage(data).discard()
        return await self._sweep(prefix) or bool(sessions)

    async def _sweep(
        self, prefix: str, chosen: Callable[[str], object] | None = None
    ) -> bool:
        """Delete what lies below a prefix.

        Args:
            prefix: The prefix.
            chosen: Whether something is meant, by what follows the prefix; None where
                all is.

        Returns:
            Whether there was anything.
        """
        found = False
        async for page in self._pages(prefix):
            gone = [
                Key(each)
                for each in page
                if chosen is None or chosen(each.removeprefix(prefix))
            ]
            if gone:
                found = True
                await self._store.delete(gone)
        if chosen is None:
            found |= await self._prune(prefix)
        return found

    async def _prune(self, prefix: str) -> bool:
        """Remove what is left of folders, where a store has any.

        Deleting what is not there removes the folder that it would be in, if that is
        empty.
        """
        if self._store.flat:
            return False
        found = False
        async for page in self._pages(prefix, delimiter=True):
            for each in page:
                if each.endswith("/"):
                    await self._prune(each)
                    found = True
        await self._store.delete([Key(f"{prefix}_")])
        return found

    async def _pages(
        self, prefix: str, *, delimiter: bool = False
    ) -> AsyncIterator[tuple[str, ...]]:
        after, more = "", True
        while more:
            page = await self._store.list(
                prefix, after=after, limit=_PAGE, delimiter=delimiter
            )
            if page.names:
                yield page.names
            after, more = (page.names or [""])[-1], page.more
            await breathe(self._clock)
