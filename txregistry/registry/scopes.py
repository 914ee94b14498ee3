"""On whose behalf, and for which repositories, images of version 1 are asked for.

A request for an image does not name a repository: the token that comes with it does, or
what its sender announced before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName


class Asking(Protocol):
    """Ask whoever accounts for a repository about an image."""

    async def __call__(self, image_id: ImageId, /) -> bool:
        """Say whether it may be."""


async def whatever(image_id: ImageId, /) -> bool:
    """Have nobody to ask: what was granted for the repository is for all its images."""
    del image_id
    return True


@dataclass(frozen=True, slots=True)
class Scope:
    """What one request for images is about.

    Attributes:
        names: The repositories; almost always one.
        owner: A name for who pushes and in which push: uploads in progress are seen by
            nobody else.
        announced: Whether an image may be pushed to the repositories.
        usable: Whether an image that lies there may be used.
        everywhere: Whether an image must be in all the repositories to be there, as for
            a push to several; else one of them is enough.
    """

    names: Sequence[RepositoryName]
    owner: str
    announced: Asking = field(default=whatever)
    usable: Asking = field(default=whatever)
    everywhere: bool = True
