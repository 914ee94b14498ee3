"""What became of a copy of a store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

Sort = Literal["blobs", "links", "tags", "documents"]
"""What is counted together: links are all but those of tags."""
Trouble = Literal["damaged", "unavailable", "malformed", "dangling", "different"]

_SHOWN: Final = 500
"""Characters of a key or a reason."""
_LISTED: Final = 1000
"""Things that were left out that are told one by one."""
_EXAMPLES: Final = 10
_SERIOUS: Final = frozenset({"damaged", "unavailable"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was not copied.

    Attributes:
        trouble: What is the matter. Content is *damaged* that is not what its digest
            says, and *unavailable* what could not be read or written; a link is
            *malformed* that is no digest, and *dangling* where what it leads to cannot
            be had; a secret is *different* that is another one where it should go.
        key: Where it lies.
        reason: Why it was not copied.
    """

    trouble: Trouble
    key: str
    reason: str


@dataclass(slots=True)
class Tally:
    """How many there were."""

    blobs: int = 0
    links: int = 0
    tags: int = 0
    documents: int = 0

    def count(self, sort: Sort) -> None:
        """Count one more."""
        setattr(self, sort, getattr(self, sort) + 1)


@dataclass(slots=True)
class CopyReport:
    """What a copy came to, or has come to so far.

    Attributes:
        copied: What was copied.
        present: What was there already.
        bytes: How many bytes of blobs were copied.
        mended: Blobs that were found to be damaged where they were copied to.
        uploads: Uploads on their way, which are not copied.
        foreign: Objects that are nothing of a registry's, which are not copied.
        examples: The first of their keys.
        troubles: How much was left out, by what is the matter with it.
        left_out: The first of what was left out.
        stopped: Why it did not go on to the end; None where it did.
    """

    copied: Tally = field(default_factory=Tally)
    present: Tally = field(default_factory=Tally)
    bytes: int = 0
    mended: int = 0
    uploads: int = 0
    foreign: int = 0
    examples: list[str] = field(default_factory=list)
    troubles: dict[Trouble, int] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    stopped: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all was copied that is of use where it is."""
        return self.stopped is None and not _SERIOUS & self.troubles.keys()

    @property
    def untold(self) -> int:
        """How much was left out that is not listed."""
        return sum(self.troubles.values()) - len(self.left_out)

    def leave_out(self, trouble: Trouble, key: str, reason: str) -> None:
        """Tell of something that is not copied."""
        self.troubles[trouble] = self.troubles.get(trouble, 0) + 1
        if len(self.left_out) < _LISTED:
            self.left_out.append(LeftOut(trouble, _show(key), _show(reason)))

    def meet_foreign(self, key: str) -> None:
        """Tell of an object that is nothing of a registry's."""
        self.foreign += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(_show(key))


@dataclass(frozen=True, slots=True)
class Position:
    """How far a copy is.

    Attributes:
        stage: What is being copied.
        objects: How many of these were looked at; None where nobody counts.
        passed: Bytes that were read so far, of all blobs.
        fraction: Which part of the stage is behind; None where that is not known.
    """

    stage: str
    objects: int | None
    passed: int
    fraction: float | None


Hear = Callable[[Position], None]
"""Hears how far a copy is, often; what it raises breaks the copy off."""


def _show(text: str) -> str:
    """Spell text so that a terminal can be shown it: somebody else may have made it."""
    return ascii(text[:_SHOWN])[1:-1]
