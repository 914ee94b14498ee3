"""What tags reach: all that a client pulls who pulls what they point to.

That is a tag's manifest, the config and layers of an image, the members of an index,
and what those reach in turn. A subject is not among it: what refers to something can be
pulled without that.
"""

from collections.abc import AsyncIterable, AsyncIterator, Collection
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid, ManifestUnknown, NameUnknown
from txregistry.model.manifests import Manifest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.manifests import Manifests
from txregistry.registry.tags import Tags
from txregistry.tasks import Blocking, breathe

_BATCH: Final = 100
"""References after which others have their turn."""
_LARGE: Final = 64 * 1024
"""Bytes of a manifest that takes long to read."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Something that a tag reaches.

    Attributes:
        tag: The tag.
        digest: What it is called where it is named: by the tag, or by a manifest on the
            way. The repository need not hold it.
    """

    tag: Tag
    digest: Digest


class Reach:
    """Walk from tags to all that they reach.

    Args:
        manifests: What lies on the way.
        tags: Where the ways begin.
        clock: Lets others have their turn.
        blocking: Where large manifests are read.
    """

    def __init__(
        self, manifests: Manifests, tags: Tags, clock: IReactorTime, blocking: Blocking
    ) -> None:
        self._manifests = manifests
        self._tags = tags
        self._clock = clock
        self._blocking = blocking

    async def walk(
        self, name: RepositoryName, tags: AsyncIterable[Tag]
    ) -> AsyncIterator[Reached]:
        """Give all that some tags reach.

        Each manifest is looked into once, for the first tag that reaches it; what
        several manifests name is given for each. What the repository does not hold, or
        what is damaged, is given and leads no further.

        Args:
            name: The repository.
            tags: The tags; one that is not there reaches nothing.
        """
        seen: set[Digest] = set()
        async for tag in tags:
            digest = await self._tags.find(name, tag)
            if digest is None:
                continue
            yield Reached(tag, digest)
            # Only what the repository holds waits, and once: hostile manifests can name
            # far more than that.
            waiting = [] if digest in seen else [digest]
            seen.update(waiting)
            while waiting:
                await breathe(self._clock)
                manifest = await self._read(name, waiting.pop())
                if manifest is None:
                    continue
                for count, each in enumerate(manifest.blobs or manifest.children, 1):
                    if not count % _BATCH:
                        await breathe(self._clock)
                    yield Reached(tag, each.digest)
                    if not manifest.is_index or each.digest in seen:
                        continue
                    if await self._manifests.holds(name, each.digest):
                        seen.add(each.digest)
                        waiting.append(each.digest)

    async def keeper(
        self, name: RepositoryName, digests: Collection[Digest]
    ) -> Tag | None:
        """Find a tag that has to stay, and reaches something.

        Args:
            name: The repository.
            digests: All names that it has for that.

        Returns:
            The first such tag; None where nothing keeps it.
        """
        if digests:
            async for reached in self.walk(name, self._tags.staying(name)):
                if reached.digest in digests:
                    return reached.tag
        return None

    async def check_forgotten(
        self, name: RepositoryName, digest: Digest, digests: Collection[Digest]
    ) -> None:
        """Refuse to let something go that a tag reaches which has to stay.

        Args:
            name: The repository.
            digest: What it is called by who wants it gone.
            digests: All names that the repository has for it.

        Raises:
            Denied: there is such a tag.
        """
        tag = await self.keeper(name, digests)
        if tag is not None:
            self._tags.check_needed(name, tag, digest)

    async def _read(self, name: RepositoryName, digest: Digest) -> Manifest | None:
        try:
            found = await self._manifests.find(name, digest)
            if found.size > _LARGE:
                return await self._blocking(found.parse)
            return found.parse()
        except (ManifestUnknown, ManifestInvalid, NameUnknown):
            return None
