"""The interface to other registries, and what can go wrong with them."""

from dataclasses import dataclass

from zope.interface import Attribute, Interface

from txregistry.auth.interfaces import Credentials
from txregistry.model.digest import Digest
from txregistry.streams import IReader


class UpstreamFault(Exception):
    """Another registry did not give what it was asked for.

    Args:
        upstream: What it is called.
        reason: Why, in a few words that clients may read.
    """

    def __init__(self, upstream: str, reason: str) -> None:
        super().__init__(f"{upstream}: {reason}")
        self.upstream = upstream
        self.reason = reason


class UpstreamUnavailable(UpstreamFault):
    """It does not answer, is too slow, broke off, or we have asked too often.

    Args:
        upstream: As for `UpstreamFault`.
        reason: Likewise.
        retry_after: Seconds after which it may; None where that is not known.
    """

    def __init__(
        self, upstream: str, reason: str, retry_after: float | None = None
    ) -> None:
        super().__init__(upstream, reason)
        self.retry_after = retry_after


class UpstreamRefused(UpstreamFault):
    """It does not let us have it, whatever we could show."""


class UpstreamWrong(UpstreamFault):
    """Its answer cannot be."""


@dataclass(frozen=True, slots=True)
class Found:
    """What another registry says of something without giving it.

    Attributes:
        digest: Its digest; None where it does not say.
        size: Its bytes; None where it does not say.
        media_type: Its type; empty where it does not say.
    """

    digest: Digest | None
    size: int | None
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest of another registry.

    Attributes:
        data: Its bytes.
        media_type: Its type, as the answer says.
        digest: The digest of the bytes.
    """

    data: bytes
    media_type: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Opened:
    """A blob of another registry.

    Attributes:
        size: The bytes of all of it; None where it does not say.
        start: The offset of the first byte that the reader gives.
        reader: Gives the bytes; it raises `UpstreamUnavailable` where they break off.
    """

    size: int | None
    start: int
    reader: IReader


@dataclass(frozen=True, slots=True)
class Budget:
    """How much another registry lets us fetch.

    Attributes:
        limit: How often within the window.
        remaining: How often still.
        window: Seconds.
        seen: When it said so, in seconds of the clock.
    """

    limit: int
    remaining: int
    window: float
    seen: float


class IUpstream(Interface):
    """Another registry, to be read. Safe to call concurrently.

    Every method raises `UpstreamFault` where nothing can be had; what is absent is
    None. With ``caller``, those credentials are shown instead of ours.
    """

    name = Attribute("What it is called.")

    async def head_manifest(
        repository: str, reference: str, caller: Credentials | None = None
    ) -> Found | None:
        """Look at a manifest."""

    async def get_manifest(
        repository: str, reference: str, caller: Credentials | None = None
    ) -> Fetched | None:
        """Fetch a manifest; by a digest, it has that."""

    async def head_blob(
        repository: str, digest: Digest, caller: Credentials | None = None
    ) -> Found | None:
        """Look at a blob."""

    async def open_blob(
        repository: str,
        digest: Digest,
        start: int = 0,
        caller: Credentials | None = None,
    ) -> Opened | None:
        """Open a blob from an offset on; whoever reads it checks its digest."""

    async def referrers(
        repository: str, digest: Digest, caller: Credentials | None = None
    ) -> bytes | None:
        """Fetch the index of what refers to a manifest."""

    async def tags(
        repository: str, after: str, limit: int, caller: Credentials | None = None
    ) -> list[str] | None:
        """List tags, in the order in which it gives them."""

    def budget() -> Budget | None:
        """Say how much it lets us fetch, as it said last."""

    async def close() -> None:
        """Close all connections to it."""
