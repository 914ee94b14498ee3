"""That listings of folders still hold: proved by what the kernel tells, or by looks."""

import os
import time
from collections.abc import Iterable, Mapping
from typing import Final

from zope.interface import implementer

from txregistry.storage.folders import Identity, identify
from txregistry.storage.interfaces import IProof
from txregistry.storage.watch import Watch

_TRUSTED: Final = 1.0
"""Seconds after which there is a look at each folder, although the kernel told nothing:
it does not tell that something is mounted there."""


@implementer(IProof)
class FoldersProof:
    """Prove that some folders are what they were when they were listed.

    A look at each costs as much as an answer else does. From the second time on they
    are watched, where that can be, and one look is enough for them all.

    Args:
        root: Below which folder they all are.
        identities: What each was, by its path, and will not be after a change.
        watch: Watches them, and the ways to them, which somebody may move.
    """

    def __init__(
        self, root: str, identities: Mapping[str, Identity], watch: Watch
    ) -> None:
        self._paths = tuple(identities)
        self._watched = _with_ways(root, identities)
        self._identities = tuple(identities.values())
        self._devices = {device for device, *_ in self._identities}
        self._watch = watch
        self._mark: int | None = None
        self._looked = 0.0

    def holds(self) -> bool:
        """See `IProof`."""
        now = time.monotonic()
        quiet = self._mark is not None and self._watch.mark() == self._mark
        if quiet and now - self._looked < _TRUSTED:
            return True
        if not quiet:  # first this, then the look: so that nothing falls in between
            self._mark = self._begin_watch()
        if not self._is_same():
            self._mark = None
            return False
        self._looked = now
        return True

    def _begin_watch(self) -> int | None:
        """Watch all; give what to compare with later, or None where that cannot be."""
        local = self._devices == {self._watch.device()}
        return self._watch.mark() if local and self._watch.add(self._watched) else None

    def _is_same(self) -> bool:
        try:
            return all(
                identify(os.stat(path)) == identity
                for path, identity in zip(self._paths, self._identities, strict=True)
            )
        except OSError:
            return False


def _with_ways(root: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Give paths, and those of the folders through which one comes to them."""
    found = dict.fromkeys(paths)
    for path in tuple(found):
        way = path
        while len(way) > len(root):
            way = way.rpartition("/")[0]
            if way in found:
                break
            found[way] = None
    return tuple(found)
