"""What became of images that were fetched ahead."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_SHOWN: Final = 500
"""Characters of a name or a reason."""
_LISTED: Final = 1000
"""Faults that are told one by one."""


@dataclass(frozen=True, slots=True)
class WarmFault:
    """Something that is not here as it is there.

    Attributes:
        image: What was asked for.
        reason: Why it was not had, in a sentence.
    """

    image: str
    reason: str


@dataclass(slots=True)
class WarmReport:
    """What fetching ahead came to, or has come to so far.

    Attributes:
        images: Images that are here with all that they name.
        manifests: Manifests of images that were looked into.
        blobs: Blobs that were fetched.
        bytes: How many bytes these have.
        present: Blobs that were here already; one of several images counts for each.
        failed: Images, or patterns of tags, of which something could not be had.
        faults: The first of them, each with the first reason.
    """

    images: int = 0
    manifests: int = 0
    blobs: int = 0
    bytes: int = 0
    present: int = 0
    failed: int = 0
    faults: list[WarmFault] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all is here that was asked for."""
        return not self.failed

    def fail(self, image: str, reason: str) -> None:
        """Tell of something that could not be had, or not all of it."""
        self.failed += 1
        if len(self.faults) < _LISTED:
            self.faults.append(WarmFault(_show(image), _show(reason)))


@dataclass(frozen=True, slots=True)
class WarmProgress:
    """How far fetching ahead is.

    Attributes:
        objects: Manifests and blobs that are here.
        passed: Bytes of blobs that came so far.
        fraction: Which part is behind; None where that is not known.
    """

    objects: int
    passed: int
    fraction: float | None


HearProgress = Callable[[WarmProgress], None]
"""Hears how far it is, often; what it raises breaks it off."""


def _show(text: str) -> str:
    """Spell text so that a terminal can be shown it."""
    return ascii(text[:_SHOWN])[1:-1]
