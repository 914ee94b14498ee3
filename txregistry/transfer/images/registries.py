"""Images to a registry of this process."""

from collections.abc import Sequence
from contextlib import suppress

from zope.interface import implementer

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.listing import objects
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.streams import IReader
from txregistry.tasks import Blocking
from txregistry.transfer.archives.archive import Holds
from txregistry.transfer.archives.reading import ArchiveReader
from txregistry.transfer.images.interfaces import IImageTarget, Placement


@implementer(IImageTarget)
class RegistryTarget:
    """Read archives into a registry.

    Args:
        registry: It.
        blocking: Where hashing and unpacking go.
        beyond: See `ArchiveReader`.
    """

    def __init__(
        self,
        registry: Registry,
        blocking: Blocking,
        beyond: Holds | None = None,
    ) -> None:
        self._registry = registry
        self._reader = ArchiveReader(registry, blocking, beyond=beyond)

    async def receive(
        self, source: IReader, placements: Sequence[Placement], *, resume: bool = False
    ) -> Sequence[Digest]:
        """See `IImageTarget`."""
        rescued = placements[0].name if resume else None
        async with self._reader.open(source, rescued) as archive:
            chosen = [(each, archive.choose(each.called)) for each in placements]
            if len(chosen) > 1:  # or it is seen soon enough
                for each, image in chosen:
                    await self._registry.tags.check_moves(
                        each.name, each.tags, image.descriptor.digest
                    )
            return [
                await archive.publish(each.name, each.tags, image)
                for each, image in chosen
            ]

    async def held(self, name: RepositoryName) -> Sequence[Digest]:
        """See `IImageTarget`."""
        return await held(self._registry.store, name)

    async def close(self) -> None:
        """See `IImageTarget`."""
        await self._registry.quotas.flush()


async def held(store: IObjectStore, name: RepositoryName) -> list[Digest]:
    """List the blobs that a repository has."""
    prefix = keys.layer_links(name)
    found = []
    for key in await objects(store, prefix):
        with suppress(DigestInvalid):  # somebody else's file
            found.append(keys.reference_digest(prefix, key))
    return sorted(found, key=str)
