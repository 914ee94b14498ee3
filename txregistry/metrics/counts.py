"""What a registry counts of its own work, whoever asks for it."""

from txregistry.metrics.families import Family
from txregistry.metrics.mirroring import MirrorCounts
from txregistry.metrics.rounds import CollectionCounts, ScrubCounts


class RegistryCounts:
    """Count what a registry does.

    Attributes:
        mirror: What is asked of mirrored repositories.
        collection: What rounds of collection removed.
        scrub: What passes over all content found.
    """

    def __init__(self) -> None:
        self.mirror = MirrorCounts()
        self.collection = CollectionCounts()
        self.scrub = ScrubCounts()

    def families(self) -> list[Family]:
        """Give what was counted."""
        return [
            *self.mirror.families(),
            *self.collection.families(),
            *self.scrub.families(),
        ]
