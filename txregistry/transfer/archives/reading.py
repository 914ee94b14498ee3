"""Read an archive of images that comes once, from its first byte to its last.

Read is what ``docker save``, ``podman save``, ``skopeo copy`` and ``ctr images export``
write, and OCI layouts in a tar archive; packed as a whole or not.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from txregistry.model.errors import Denied
from txregistry.model.names import RepositoryName
from txregistry.registry.repositories import Registry
from txregistry.streams import IReader
from txregistry.tasks import Blocking
from txregistry.transfer.archives.archive import Archive, Holds
from txregistry.transfer.archives.contents import Contents
from txregistry.transfer.archives.limits import LIMITS, ArchiveLimits
from txregistry.transfer.archives.packed import UnpackingReader
from txregistry.transfer.archives.parting import Reading
from txregistry.transfer.archives.refusals import (
    ArchiveRefused,
    ArchiveTruncated,
)
from txregistry.transfer.archives.staging import Staging


class ArchiveReader:
    """Read archives into a registry.

    Args:
        registry: Where their images go.
        blocking: Where hashing and unpacking go.
        limits: How much an archive may have.
        new_session: Makes names for what is under way: random UUIDs.
        progress: Is told how many bytes came, each time.
        beyond: Says whether the place for which the registry stands in has something
            that neither it nor an archive has.
    """

    def __init__(
        self,
        registry: Registry,
        blocking: Blocking,
        *,
        limits: ArchiveLimits = LIMITS,
        new_session: Callable[[], str] = lambda: str(uuid4()),
        progress: Callable[[int], None] = lambda size: None,  # noqa: ARG005 - nobody hears
        beyond: Holds | None = None,
    ) -> None:
        self._registry = registry
        self._blocking = blocking
        self._limits = limits
        self._new_session = new_session
        self._progress = progress
        self._beyond = beyond

    @asynccontextmanager
    async def open(
        self, source: IReader, rescued: RepositoryName | None = None
    ) -> AsyncIterator[Archive]:
        """Read an archive to its end, and check all that is in it.

        Within the block its images can be published. After it, and where reading
        fails, nothing is left of what was not.

        Args:
            source: Gives the archive; it is closed.
            rescued: A repository that gets the blobs that came whole where the archive
                breaks off, so that they need not come once more; whoever asks may push
                to it.

        Raises:
            ArchiveRefused: the archive cannot be taken.
            StorageUnavailable: the store has no room, or cannot be written.
            Exception: whatever the source raises.
        """
        registry, limits = self._registry, self._limits
        staging = Staging(
            registry.store, registry.blobs, self._new_session, limits.unpacked
        )
        try:
            reader = UnpackingReader(
                source, self._blocking, limits.size, self._progress
            )
            reading = Reading(registry.clock, staging, self._blocking, limits)
            try:
                images = await reading.run(reader)
            except BaseException as error:
                if rescued is not None and not _is_fault(error):
                    await self._rescue(rescued, staging, reading.contents)
                raise
            finally:
                await reader.close()
            yield Archive(
                registry,
                staging,
                reading.contents,
                images,
                bundle=reading.bundle,
                beyond=self._beyond,
            )
        finally:
            await staging.discard()

    async def _rescue(
        self, name: RepositoryName, staging: Staging, contents: Contents
    ) -> None:
        """Let a repository have the blobs that have the digests they are named by."""
        sizes = {each.found.stored: each.found.size for each in contents.blobs.values()}
        with suppress(Denied):  # a quota has no room for them
            async with self._registry.quotas.room(name, blobs=sizes):
                for digest, staged in contents.blobs.items():
                    await staging.commit(staged)
                    await self._registry.blobs.link(name, digest, staged.found.stored)


def _is_fault(error: BaseException) -> bool:
    """Whether an archive is to blame for an error: what came of it is worth nothing."""
    return isinstance(error, ArchiveRefused) and not isinstance(error, ArchiveTruncated)
