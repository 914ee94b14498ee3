"""Small files, remembered while one ``stat`` proves them unchanged."""

import os
from collections import OrderedDict
from typing import Final

from txregistry.storage.evidence import Witness, is_settled

_REMEMBERED: Final = 20_000
_LARGEST: Final = 256


class SmallFiles:
    """Remember the content of links and the like, which are replaced, never changed.

    Args:
        witness: Is told of what is looked at.
    """

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._seen: OrderedDict[str, tuple[int, int, int, bytes]] = OrderedDict()

    def remembered(self, path: str) -> bytes | None:
        """Give a file's content without reading it, where that can be.

        Raises:
            OSError: the file cannot be looked at.
        """
        found = self._seen.get(path)
        if found is None:
            return None
        now = os.stat(path)
        if found[:3] != (now.st_ino, now.st_mtime_ns, now.st_ctime_ns):
            return None
        self._witness.saw(path, now)
        return found[3]

    def remember(self, path: str, stat: os.stat_result, data: bytes) -> None:
        """Keep what was read from a file, if it is small and has settled."""
        self._witness.saw(path, stat)
        if len(data) > _LARGEST or not is_settled(stat):
            return
        self._seen[path] = (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, data)
        self._seen.move_to_end(path)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
