"""What is found to be wrong in a store, and what became of it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Literal

from txregistry.storage.interfaces import StorageUnavailable

Sort = Literal[
    "absent-content",
    "absent-manifest",
    "broken-tag",
    "dangling-layer",
    "dangling-tag",
    "empty-folder",
    "exposed-secret",
    "image-record",
    "leftover",
    "lost-tag",
    "malformed-link",
    "mismatched-link",
    "missing-folder",
    "missing-referrer",
    "orphan",
    "quarantined",
    "rotten-blob",
    "rotten-manifest",
    "stale-referrer",
    "stray-in-tags",
    "unknown-manifest",
    "unlinked-layer",
    "unlinked-manifest",
    "unreadable",
    "unrecognised",
]
State = Literal["told", "mendable", "mended", "changed", "failed"]
"""What became of something: it is only told where nothing can be done about it here,
and changed where it was no longer so when it was to be mended."""
Mend = Callable[[], Coroutine[Any, Any, bool]]
"""Mends something; says whether there was something to mend still."""

NOTES: Final[frozenset[Sort]] = frozenset(
    {
        "dangling-layer",
        "empty-folder",
        "leftover",
        "orphan",
        "quarantined",
        "unrecognised",
    }
)
"""What does no harm: nobody who pulls or pushes minds it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        sort: What it is.
        key: Where it lies.
        text: What is the matter.
        advice: What can be done about it.
        state: What became of it.
    """

    sort: Sort
    key: str
    text: str
    advice: str
    state: State

    @property
    def is_fault(self) -> bool:
        """Whether it does harm, and is there still."""
        return self.sort not in NOTES and self.state not in {"mended", "changed"}


@dataclass(slots=True)
class Count:
    """How many there were of one sort.

    Attributes:
        found: All.
        mendable: Those that can be mended, and were not.
        mended: Those that were.
        faults: Those that do harm still.
    """

    found: int = 0
    mendable: int = 0
    mended: int = 0
    faults: int = 0


class Findings:
    """Take what is found, mend it where that is wanted, and tell it.

    Args:
        hear: Hears of each finding.
        mending: Whether what can be mended is mended.
    """

    def __init__(self, hear: Callable[[Finding], None], *, mending: bool) -> None:
        self._hear = hear
        self._mending = mending
        self.counts: dict[Sort, Count] = {}

    @property
    def faults(self) -> int:
        """How much does harm still."""
        return sum(count.faults for count in self.counts.values())

    async def tell(
        self, sort: Sort, key: str, text: str, advice: str, mend: Mend | None = None
    ) -> None:
        """Tell of something, after it was mended where it can be.

        Args:
            sort: What it is.
            key: Where it lies.
            text: What is the matter.
            advice: What can be done about it.
            mend: Mends it; None where nothing here can.
        """
        state: State = "told"
        if mend is not None:
            state = await self._mend(mend) if self._mending else "mendable"
        finding = Finding(sort, key, text, advice, state)
        count = self.counts.setdefault(sort, Count())
        count.found += 1
        count.mendable += state in {"mendable", "failed"}
        count.mended += state == "mended"
        count.faults += finding.is_fault
        self._hear(finding)

    @staticmethod
    async def _mend(mend: Mend) -> State:
        try:
            return "mended" if await mend() else "changed"
        except StorageUnavailable:
            return "failed"
