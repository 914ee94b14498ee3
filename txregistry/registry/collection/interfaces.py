"""The interface to who says what is kept: mirrors and rules of retention."""

from collections.abc import Collection
from dataclasses import dataclass

from zope.interface import Interface

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a repository.

    Attributes:
        roots: The manifests that are needed for themselves.
        leaving: Tags that go, and what each points to.
    """

    roots: frozenset[Digest]
    leaving: tuple[tuple[Tag, Digest], ...] = ()


class IKeeping(Interface):
    """Somebody who says what is kept."""

    async def prepare() -> None:
        """Look around, before a round."""

    async def choose(
        name: RepositoryName, manifests: Collection[Digest]
    ) -> Kept | None:
        """Say what is kept of a repository.

        Args:
            name: The repository.
            manifests: All that it has.

        Returns:
            That; None where all manifests are kept, and all tags.
        """

    async def linger(
        name: RepositoryName, forgotten: Collection[Digest]
    ) -> Collection[Digest]:
        """Say what stays for now of that which nothing keeps.

        Args:
            name: The repository.
            forgotten: Manifests that no root leads to.
        """
