"""The interface to a registry to which content is pushed."""

from collections.abc import Awaitable, Callable

from zope.interface import Attribute, Interface

from txregistry.client.upstreams.interfaces import Found
from txregistry.model.digest import Digest
from txregistry.streams import IReader

OpenBlob = Callable[[int], Awaitable[IReader]]
"""Opens a blob that we have at a byte; whoever calls it closes the reader."""


class Shortened(Exception):
    """A blob that we have has fewer bytes than it should."""


class IDownstream(Interface):
    """A registry that takes content. Safe to call concurrently.

    Every method that asks raises `UpstreamUnavailable` where it may be worth to ask
    again, `UpstreamRefused` where it does not let us, and `UpstreamWrong` where its
    answer is one that cannot be, or it does not want what it is given.
    """

    name = Attribute("What it is called here: ``registry.example``.")

    async def has_blob(repository: str, digest: Digest, size: int) -> bool:
        """Find out whether there is a blob.

        Args:
            repository: Its name there.
            digest: The blob's digest.
            size: Its bytes. A registry that has another number of them is wrong.
        """

    async def mount_blob(repository: str, digest: Digest, source: str) -> bool:
        """Have a repository there take a blob over from another one.

        Args:
            repository: Who takes it.
            digest: The blob.
            source: Whose it is.

        Returns:
            Whether it did. If it did not, the blob can be pushed.
        """

    async def push_blob(
        repository: str, digest: Digest, size: int, open_blob: OpenBlob
    ) -> None:
        """Push a blob, no faster than it is taken; what breaks off is gone on with.

        Args:
            repository: The name there of the repository.
            digest: The blob's digest.
            size: Its bytes.
            open_blob: Gives its bytes, from one of them on.

        Raises:
            Exception: whatever reading it raises.
        """

    async def head_manifest(repository: str, reference: str) -> Found | None:
        """Find out what a tag points at, or whether there is a manifest.

        Args:
            repository: Its name there.
            reference: A tag or a digest.
        """

    async def put_manifest(
        repository: str, reference: str, digest: Digest, data: bytes, media_type: str
    ) -> bool:
        """Push a manifest, of which all that it names is there.

        Args:
            repository: Its name there.
            reference: A tag that is to point at it, or its digest.
            digest: Its digest.
            data: Its bytes.
            media_type: Its type.

        Returns:
            Whether the registry took in what the manifest refers to. Where one does
            not, clients keep a list of referrers under a tag.
        """

    async def close() -> None:
        """Break off whatever goes on, and close all connections."""
