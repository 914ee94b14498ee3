"""What a round of collection came to."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class QuotaReport:
    """How much of a quota is used.

    Attributes:
        repositories: Whose: patterns, with spaces between.
        bytes: Of their content, each blob once.
        bytes_allowed: How many there may be; None for any number.
        tags: How many they have.
        tags_allowed: How many there may be; None for any number.
    """

    repositories: str
    bytes: int
    bytes_allowed: int | None
    tags: int
    tags_allowed: int | None


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
        quotas: How much of each quota is used, once all was looked through.
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
    quotas: list[QuotaReport] = field(default_factory=list)
    seconds: float = 0.0
    finished: bool = False


Hear = Callable[[CollectionReport], None]
"""Is told time and again what has been done so far."""
