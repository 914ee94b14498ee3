"""What a round of collection came to."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class CollectionReport:
    """What a round has come to so far.

    Attributes:
        dry_run: Whether nothing is changed.
        repositories: How many were looked through.
        manifests: How many they have.
        blobs: How many blobs and manifests the store has.
        links_condemned: What will go of repositories, unless somebody needs it.
        links_removed: What went of repositories.
        blobs_condemned: Blobs that will go.
        blobs_removed: Blobs that went.
        bytes_removed: Their bytes, as far as the store tells without being asked.
        tags_removed: Tags that went by a rule.
        tags: The first of them, with what they pointed to.
        blind: Repositories of which nothing is collected, as a manifest of theirs
            cannot be read.
        seconds: How long it took.
        finished: Whether it came to its end.
    """

    dry_run: bool = False
    repositories: int = 0
    manifests: int = 0
    blobs: int = 0
    links_condemned: int = 0
    links_removed: int = 0
    blobs_condemned: int = 0
    blobs_removed: int = 0
    bytes_removed: int = 0
    tags_removed: int = 0
    tags: list[str] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)
    seconds: float = 0.0
    finished: bool = False


Hear = Callable[[CollectionReport], None]
"""Is told time and again what has been done so far."""
