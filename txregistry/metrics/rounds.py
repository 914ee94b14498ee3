"""What work that goes through a whole store came to, counted: collection, scrubbing."""

from txregistry.metrics.families import Family, Kind, one


class CollectionCounts:
    """Count what rounds of collection removed.

    Attributes:
        rounds: How many there were.
        links: What went of repositories.
        blobs: Blobs that went.
        bytes: Their bytes.
        tags: Tags that went by a rule.
        seconds: How long all rounds took.
        ended: When the last one ended, in seconds since 1970; None before the first.
    """

    def __init__(self) -> None:
        self.rounds = self.links = self.blobs = self.bytes = self.tags = 0
        self.seconds = 0.0
        self.ended: float | None = None

    def families(self) -> list[Family]:
        """Give what was counted; nothing where nobody collects."""
        if self.ended is None:
            return []
        prefix = "txregistry_collection"
        return [
            one(f"{prefix}_{name}", kind, what, value)
            for name, kind, what, value in (
                ("rounds_total", Kind.COUNTER, "Rounds of collection.", self.rounds),
                ("seconds_total", Kind.COUNTER, "How long they took.", self.seconds),
                (
                    "removed_links_total",
                    Kind.COUNTER,
                    "What they removed of repositories.",
                    self.links,
                ),
                ("removed_blobs_total", Kind.COUNTER, "Blobs removed.", self.blobs),
                ("removed_bytes_total", Kind.COUNTER, "Bytes removed.", self.bytes),
                (
                    "removed_tags_total",
                    Kind.COUNTER,
                    "Tags removed by a rule of retention.",
                    self.tags,
                ),
                (
                    "last_timestamp_seconds",
                    Kind.SUM,
                    "When the last round ended, in seconds since 1970.",
                    self.ended,
                ),
            )
        ]


class ScrubCounts:
    """Count what passes over all content found.

    Attributes:
        passes: How many there were.
        blobs: Blobs that the last one read.
        bytes: Their bytes.
        rotten: How many of those were not what they should be.
        unreadable: How many could not be read at all.
        ended: When it ended, in seconds since 1970; None before the first.
    """

    def __init__(self) -> None:
        self.passes = self.blobs = self.bytes = self.rotten = self.unreadable = 0
        self.ended: float | None = None

    def families(self) -> list[Family]:
        """Give what was counted; nothing where nobody scrubs."""
        if self.ended is None:
            return []
        prefix = "txregistry_scrub"
        return [
            one(f"{prefix}_{name}", kind, what, value)
            for name, kind, what, value in (
                (
                    "passes_total",
                    Kind.COUNTER,
                    "Passes over all content that came to their end.",
                    self.passes,
                ),
                (
                    "last_blobs",
                    Kind.SUM,
                    "Blobs that the last pass read.",
                    self.blobs,
                ),
                ("last_bytes", Kind.SUM, "Their bytes.", self.bytes),
                (
                    "last_rotten_blobs",
                    Kind.SUM,
                    "Those that were not what their digest says.",
                    self.rotten,
                ),
                (
                    "last_unreadable_blobs",
                    Kind.SUM,
                    "Those that could not be read at all.",
                    self.unreadable,
                ),
                (
                    "last_timestamp_seconds",
                    Kind.SUM,
                    "When it ended, in seconds since 1970.",
                    self.ended,
                ),
            )
        ]
