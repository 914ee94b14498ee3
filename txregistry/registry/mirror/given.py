"""What other registries have given, byte for byte.

That one knows a digest is no proof that it has what has it: else it could say so of
what is private here.
"""

from collections import OrderedDict
from typing import Final

from txregistry.model.digest import Digest

_REMEMBERED: Final = 50_000


class GivenBlobs:
    """Remember of which registry blobs came whole, since the start."""

    def __init__(self) -> None:
        self._given: OrderedDict[tuple[str, Digest], None] = OrderedDict()

    def add(self, upstream: str, digest: Digest) -> None:
        """Take in that a registry gave a blob, which was verified."""
        self._given[upstream, digest] = None
        self._given.move_to_end((upstream, digest))
        if len(self._given) > _REMEMBERED:
            self._given.popitem(last=False)

    def has(self, upstream: str, digest: Digest) -> bool:
        """Say whether a registry gave a blob."""
        return (upstream, digest) in self._given
