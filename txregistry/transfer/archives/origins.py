"""Where the images of an archive come from: as much of a registry as that takes."""

from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry.blobs import Blob
from txregistry.registry.manifests import StoredManifest
from txregistry.streams import IReader


class ManifestSource(Protocol):
    """Gives the manifests of repositories."""

    async def find(self, name: RepositoryName, reference: Reference) -> StoredManifest:
        """Give a manifest.

        Raises:
            ManifestUnknown: the repository has none of this tag or digest.
            NameUnknown: there is no such repository.
        """


class BlobSource(Protocol):
    """Gives the blobs of repositories."""

    async def find(self, name: RepositoryName, digest: Digest) -> Blob:
        """Look at a blob.

        Raises:
            BlobUnknown: the repository does not hold it, or it is damaged.
        """

    async def open(self, blob: Blob, start: int, stop: int) -> IReader:
        """Open part of a blob.

        Raises:
            BlobUnknown: it went away meanwhile.
        """


class Origin(Protocol):
    """A registry of this process is one, and so is what asks another."""

    @property
    def clock(self) -> IReactorTime:
        """Lets others have their turn."""

    @property
    def manifests(self) -> ManifestSource:
        """The manifests."""

    @property
    def blobs(self) -> BlobSource:
        """The blobs."""
