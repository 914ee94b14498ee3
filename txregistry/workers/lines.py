"""What workers write, line by line."""

import codecs
from collections.abc import Callable
from typing import Final

_LONGEST: Final = 64 * 1024
"""Characters of a line after which it is cut."""


class Lines:
    """Hand on whole lines: of several processes, none may come in between.

    Args:
        write: Takes lines, each with its end.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def take(self, data: bytes) -> None:
        """Take what came."""
        text = self._rest + self._decoder.decode(data)
        end = text.rfind("\n") + 1
        self._rest = text[end:]
        if end:
            self._write(text[:end])
        if len(self._rest) > _LONGEST:
            self.end()

    def end(self) -> None:
        """Hand on what is no whole line."""
        if self._rest:
            rest, self._rest = self._rest, ""
            self._write(f"{rest}\n")
