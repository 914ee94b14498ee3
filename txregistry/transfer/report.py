"""What became of an import."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["repository", "tag", "image"]

_SHOWN: Final = 500
"""Characters of a name or a reason."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was not imported.

    Attributes:
        kind: What it is.
        name: A repository's folder, ``repository:tag``, or an image id.
        reason: Why.
    """

    kind: Kind
    name: str
    reason: str


@dataclass(slots=True)
class Report:
    """What an import came to, or has come to so far.

    Attributes:
        repositories: How many have a tag from the tree.
        tags: How many tags are as in the tree.
        images: How many images these tags need.
        copied: Bytes of layers that were not here before.
        left_out: What is not here.
    """

    repositories: int = 0
    tags: int = 0
    images: int = 0
    copied: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all tags are here; images that no tag needs do not count."""
        return all(each.kind == "image" for each in self.left_out)

    def leave_out(self, kind: Kind, name: str, reason: str) -> None:
        """Tell of something that is not imported."""
        self.left_out.append(LeftOut(kind, _show(name), _show(reason)))


Progress = Callable[[Report, str, int], None]
"""Hears how far an import is: of what so far, the tag, and bytes of a layer.

What it raises breaks the import off.
"""


def _show(text: str) -> str:
    """Spell text so that a terminal can be shown it: somebody else may have made it."""
    return ascii(text[:_SHOWN])[1:-1]
