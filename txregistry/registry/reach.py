"""What tags reach: all that a client pulls who pulls what they point to.

That is a tag's manifest, the config and layers of an image, the members of an index, and
what those reach in turn. A subject is not among it: who refers to something can be
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
                for blob in manifest.blobs:
                    yield Reached(tag, blob.digest)
                for count, child in enumerate(manifest.children, 1):
                    if not count % _BATCH:
                        await breathe(self._clock)
                    yield Reached(tag, child.digest)
                    if child.digest not in seen and await self._manifests.holds(
                        name, child.digest
                    ):
                        seen.add(child.digest)
                        waiting.append(child.digest)

    async def kept_by(
        self, name: RepositoryName, digests: Collection[Digest]
    ) -> Reached | None:
        """Say what keeps something: a tag that has to stay, and reaches it.

        Args:
            name: The repository.
            digests: All names of the same content.

        Returns:
            The first such tag, and how it names that; None where nothing keeps it.
        """
        if digests and self._tags.may_stay(name):
            async for reached in self.walk(name, self._tags.staying(name)):
                if reached.digest in digests:
                    return reached
        return None

    async def check_forgotten(
        self, name: RepositoryName, digests: Collection[Digest]
    ) -> None:
        """Refuse to let something go that a tag reaches which has to stay.

        Args:
            name: The repository.
            digests: All names of the same content.

        Raises:
            Denied: there is such a tag.
        """
        kept = await self.kept_by(name, digests)
        if kept is not None:
            self._tags.refuse_needed(name, kept.tag, kept.digest)

    async def _read(self, name: RepositoryName, digest: Digest) -> Manifest | None:
        try:
            found = await self._manifests.find(name, digest)
            if found.size > _LARGE:
                return await self._blocking(found.parse)
            return found.parse()
        except (ManifestUnknown, ManifestInvalid, NameUnknown):
            return None
