"""How large blobs are, as manifests say that were seen lately."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import Digest

_REMEMBERED: Final = 50_000


class KnownSizes:
    """Remember the sizes of what manifests name."""

    def __init__(self) -> None:
        self._sizes: OrderedDict[Digest, int] = OrderedDict()

    def learn(self, descriptors: Iterable[Descriptor]) -> None:
        """Take in what a manifest says."""
        for each in descriptors:
            self._sizes[each.digest] = each.size
            self._sizes.move_to_end(each.digest)
        while len(self._sizes) > _REMEMBERED:
            self._sizes.popitem(last=False)

    def get(self, digest: Digest) -> int | None:
        """Give the bytes of a blob; None where no manifest said it."""
        return self._sizes.get(digest)
