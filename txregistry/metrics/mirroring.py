"""What is asked of a mirror, and what it has of that, counted.

Source: CNCF Distribution, ``registry/proxy/proxymetrics.go``.
"""

from collections.abc import Callable
from typing import Final

from txregistry.metrics.families import Family, Kind, Row


class Pulls:
    """What is pulled of one kind.

    Attributes:
        requests: How often something was asked for.
        hits: How often it was here.
        misses: How often it was fetched.
        pulled: Bytes that were fetched.
        pushed: Bytes of what was found, as large as all of it is.
    """

    __slots__ = ("hits", "misses", "pulled", "pushed", "requests")

    def __init__(self) -> None:
        self.requests = self.hits = self.misses = self.pulled = self.pushed = 0


class MirrorCounts:
    """Count what is asked of a mirror.

    Attributes:
        blobs: What is asked of blobs.
        manifests: The same of manifests.
    """

    def __init__(self) -> None:
        self.blobs = Pulls()
        self.manifests = Pulls()

    def families(self) -> list[Family]:
        """Give what was counted."""
        return [
            Family(
                f"registry_proxy_{name}_total",
                Kind.COUNTER,
                what,
                ("type",),
                (
                    Row(("blob",), (count(self.blobs),)),
                    Row(("manifest",), (count(self.manifests),)),
                ),
            )
            for name, what, count in _COUNTERS
        ]


_COUNTERS: Final[tuple[tuple[str, str, Callable[[Pulls], int]], ...]] = (
    (
        "requests",
        "The number of total incoming proxy request received",
        lambda pulls: pulls.requests,
    ),
    ("hits", "The number of total proxy request hits", lambda pulls: pulls.hits),
    ("misses", "The number of total proxy request misses", lambda pulls: pulls.misses),
    (
        "pulled_bytes",
        "The size of total bytes pulled from the upstream",
        lambda pulls: pulls.pulled,
    ),
    (
        "pushed_bytes",
        "The size of total bytes pushed to the client",
        lambda pulls: pulls.pushed,
    ),
)
