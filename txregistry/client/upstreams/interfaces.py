"""The interface to a registry that a mirror has behind it."""

from collections.abc import Mapping
from dataclasses import dataclass

from zope.interface import Attribute, Interface

from txregistry.auth.interfaces import Credentials
from txregistry.model.checksums import Checksum
from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.model.names import Tag
from txregistry.streams import IReader


class UpstreamFault(Exception):
    """An upstream did not give what it was asked for.

    Attributes:
        upstream: What the upstream is called here.
        what: What it did, in words that go on after its name, without a full stop.
        reason: Why, in one sentence that anybody may read: it holds neither secrets
            nor anything that somebody else wrote.
        retry_after: Seconds after which it may be worth to ask again; None where
            nobody knows.
    """

    def __init__(
        self, upstream: str, what: str, retry_after: float | None = None
    ) -> None:
        """Say what happened.

        Args:
            upstream: What the upstream is called here.
            what: What it did, in words that go on after its name, without a full stop.
            retry_after: Seconds after which it may be worth to ask again.
        """
        self.upstream = upstream
        self.what = what
        self.reason = f"The upstream registry {upstream} {what}."
        self.retry_after = retry_after
        super().__init__(self.reason)


class UpstreamUnavailable(UpstreamFault):
    """There is no answer, or not all of one, or it may not be asked for at present."""


class UpstreamRefused(UpstreamFault):
    """It does not let in who asks, whatever was shown to it."""


class UpstreamWrong(UpstreamFault):
    """Its answer is one that cannot be, or sends us where we do not go."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an upstream says that it has.

    Attributes:
        digest: Its digest; None where it does not say.
        size: Its bytes; None where it does not say.
        media_type: Its type, without parameters; empty where it does not say.
    """

    digest: Digest | None
    size: int | None
    media_type: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest.

    Attributes:
        data: Its bytes.
        media_type: Its type, without parameters: one that this registry keeps.
        digest: The digest of these bytes: the one that was asked for, or that the
            upstream calls them by, or else the canonical one.
    """

    data: bytes
    media_type: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Opened:
    """A blob, to be read from some byte on to its end.

    Attributes:
        size: Bytes of the whole blob; None where nobody knows.
        start: The first byte that is read.
        reader: The bytes, not verified but for their number. Whoever opens it closes
            it. It raises `UpstreamUnavailable` where the rest cannot be had, and
            `UpstreamWrong` where there are more or fewer bytes than there can be.
    """

    size: int | None
    start: int
    reader: IReader


@dataclass(frozen=True, slots=True)
class Budget:
    """What an upstream said of how much it lets us ask.

    Attributes:
        limit: Requests within a window.
        remaining: Those that are left.
        window: Seconds that a window lasts, or until the next one begins, as far as
            it says; 0 where it does not.
        seen: When it said so, by the clock of the reactor.
    """

    limit: int
    remaining: int
    window: float
    seen: float


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """An image of version 1, but for its layer.

    Attributes:
        json: Its JSON, to the byte.
        parent: What it is built on, as its JSON says; None for nothing.
        size: Bytes of its layer; None where the upstream does not say.
        checksums: What it comes to with its layer; none where the upstream does not
            say, or in no way that anybody can check.
    """

    json: bytes
    parent: ImageId | None
    size: int | None
    checksums: tuple[Checksum, ...]


class IUpstream(Interface):
    """A registry that can be asked for content. Safe to call concurrently.

    Every method that asks raises `UpstreamUnavailable`, `UpstreamRefused` or
    `UpstreamWrong`. What is not there is no failure, but None. With a ``caller``, their
    own credentials decide what they get, and none but theirs are shown; without one,
    those that are set for the upstream are.
    """

    name = Attribute("What the upstream is called here: ``docker.io``.")

    async def head_manifest(
        repository: str, reference: str, caller: Credentials | None = None
    ) -> Found | None:
        """Find out what a tag points at, or whether there is a manifest.

        Args:
            repository: Its name there.
            reference: A tag or a digest.
            caller: On whose behalf.
        """

    async def get_manifest(
        repository: str, reference: str, caller: Credentials | None = None
    ) -> Fetched | None:
        """Fetch a manifest; its bytes are verified.

        Args:
            repository: Its name there.
            reference: A tag or a digest.
            caller: On whose behalf.
        """

    async def head_blob(
        repository: str, digest: Digest, caller: Credentials | None = None
    ) -> Found | None:
        """Find out whether there is a blob, and how large it is.

        Args:
            repository: The name there of the repository.
            digest: Its digest.
            caller: On whose behalf.
        """

    async def open_blob(
        repository: str,
        digest: Digest,
        start: int = 0,
        caller: Credentials | None = None,
        size: int | None = None,
        *,
        passed: bool = False,
    ) -> Opened | None:
        """Open a blob, from some byte on.

        Args:
            repository: The name there of the repository.
            digest: Its digest, which whoever reads it has to verify.
            start: The first byte that is wanted.
            caller: On whose behalf.
            size: How many bytes it has, where a manifest says that. An upstream that
                gives another number of them is wrong.
            passed: Whether it is passed on to somebody who reads it as slowly as they
                like. Those have turns of their own, and are broken off where they are
                slow while others wait.
        """

    async def referrers(
        repository: str, digest: Digest, caller: Credentials | None = None
    ) -> bytes | None:
        """List the manifests that refer to another.

        Args:
            repository: The name there of the repository.
            digest: The digest of what they refer to.
            caller: On whose behalf.

        Returns:
            An image index with all of them; None where the upstream knows of none.
        """

    async def tags(
        repository: str, after: str, limit: int, caller: Credentials | None = None
    ) -> list[str] | None:
        """List some tags.

        Args:
            repository: The name there of the repository.
            after: The tag after which the list begins; empty for the first.
            limit: How many are wanted at most.
            caller: On whose behalf.

        Returns:
            The tags, in the upstream's own order; an empty list where there are no more
            of them, but maybe fewer than ``limit`` before that.
        """

    def budget() -> Budget | None:
        """Give what the upstream last said of how much we may ask; None for nothing."""

    async def close() -> None:
        """Break off whatever goes on, and close all connections."""


class IVersion1Upstream(IUpstream):
    """A registry of images. Safe to call concurrently.

    What it is asked of by version 2 it does not have, but for tags: manifests, blobs
    and referrers are None. Nobody's own credentials are passed on to it.
    """

    async def tag_ids(repository: str) -> Mapping[Tag, ImageId] | None:
        """List all tags, and the images that they name.

        Args:
            repository: Its name there.
        """

    async def find_tag(repository: str, tag: Tag) -> ImageId | None:
        """Find out which image a tag names.

        Args:
            repository: The name there of the repository.
            tag: The tag.
        """

    async def ancestry(
        repository: str, image_id: ImageId
    ) -> tuple[ImageId, ...] | None:
        """Find out what an image is built on.

        Args:
            repository: For which repository it is asked for.
            image_id: The image.

        Returns:
            The image itself, its parent, and so on; the base last. None of them twice.
        """

    async def get_image(repository: str, image_id: ImageId) -> FetchedImage | None:
        """Fetch what there is of an image besides its layer.

        Args:
            repository: For which repository it is asked for.
            image_id: The image, which its JSON says that it is.
        """

    async def open_layer(
        repository: str, image_id: ImageId, size: int | None = None
    ) -> Opened | None:
        """Open the layer of an image, which is gone on with where it breaks off.

        Args:
            repository: For which repository it is asked for.
            image_id: The image.
            size: How many bytes it has, where that is known. An upstream that gives
                another number of them is wrong.
        """
