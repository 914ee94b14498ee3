"""The interfaces to places that images come from, and go to."""

from collections.abc import Sequence
from dataclasses import dataclass

from zope.interface import Interface

from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.streams import IReader


@dataclass(frozen=True, slots=True)
class Asked:
    """What an archive is to have.

    Attributes:
        name: Of which repository.
        reference: Which of its images.
        platforms: For which platforms, as ``linux/amd64``; none for all.
        have: What the other end has, so that it may be left out.
    """

    name: RepositoryName
    reference: Reference
    platforms: tuple[str, ...] = ()
    have: frozenset[Digest] = frozenset()


@dataclass(frozen=True, slots=True)
class Opened:
    """An archive that is ready to be read.

    Attributes:
        reader: Gives it; whoever opened it closes it.
        size: Its bytes, of which those before the start are not given; None where
            nobody knows.
    """

    reader: IReader
    size: int | None


class IImageSource(Interface):
    """A place that images come from."""

    async def open(
        asked: Asked, start: int = 0, expected: Digest | None = None
    ) -> Opened:
        """Open an archive. The same images always give the same bytes.

        Args:
            asked: What it is to have.
            start: The first byte that is wanted.
            expected: The digest of what the archive's first part was of; None for
                whatever the image is now.

        Raises:
            TransferFailed: the image is another one than was expected.
            Exception: any that `txregistry.transfer.images.endings` knows.
        """

    async def close() -> None:
        """Let go of all that is held."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image of an archive is to go.

    Attributes:
        name: To which repository.
        tags: Which tags are set, after all else.
        called: Which of the archive's images: a name, a tag or a digest; None where it
            has but one.
    """

    name: RepositoryName
    tags: tuple[Tag, ...] = ()
    called: str | None = None


class IImageTarget(Interface):
    """A place that images go to."""

    async def receive(
        source: IReader, placements: Sequence[Placement], *, resume: bool = False
    ) -> Sequence[Digest]:
        """Take images out of an archive, each whole or not at all.

        Args:
            source: Gives the archive; it is closed.
            placements: Where its images go.
            resume: Whether what came whole is kept where it breaks off.

        Returns:
            What the tags point to then, in the order of the placements.

        Raises:
            Exception: any that `txregistry.transfer.images.endings` knows.
        """

    async def held(name: RepositoryName) -> Sequence[Digest]:
        """List the blobs that a repository has, so that others can leave them out."""

    async def close() -> None:
        """Let go of all that is held."""
