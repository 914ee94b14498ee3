"""What became of an export."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_SHOWN: Final = 500
"""Characters of a name or a reason."""
_LISTED: Final = 1000
"""Images that were left out that are told one by one."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was not exported, or not for all clients.

    Attributes:
        what: An image, or a repository.
        reason: Why.
    """

    what: str
    reason: str


@dataclass(slots=True)
class ExportReport:
    """What an export came to, or has come to so far.

    Attributes:
        repositories: How many have an image in the folder.
        tags: How many tags are there.
        images: How many of them version 1 shows, too.
        private: Repositories that were passed over, as they are private.
        written: Files that are new, or others than before.
        copied: Bytes that were written for them; the rest is linked.
        removed: Files that are gone.
        is_damaged: Whether something is damaged in the registry; then nothing is
            removed from the folder.
        left_out: The first of what was not exported.
        untold: How much more there is of that.
    """

    repositories: int = 0
    tags: int = 0
    images: int = 0
    private: int = 0
    written: int = 0
    copied: int = 0
    removed: int = 0
    is_damaged: bool = False
    left_out: list[LeftOut] = field(default_factory=list)
    untold: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether all was exported that was wanted."""
        return not self.left_out

    def leave_out(self, what: str, reason: str) -> None:
        """Tell of something that was not exported."""
        if len(self.left_out) < _LISTED:
            self.left_out.append(LeftOut(_show(what), _show(reason)))
        else:
            self.untold += 1


Hear = Callable[[ExportReport, str, int], None]
"""Hears how far an export is: of what so far, the image, and bytes that were read.

What it raises breaks the export off.
"""


def _show(text: str) -> str:
    """Spell text so that a terminal can be shown it: somebody else may have made it."""
    return ascii(text[:_SHOWN])[1:-1]
