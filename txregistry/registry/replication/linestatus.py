"""How the replication by one rule is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineStatus:
    """How the replication by one rule is.

    Attributes:
        rule: The rule's name.
        downstream: What the other registry is called.
        waiting: Jobs that are not done, as far as they are known by heart.
        more: Whether there may be more of them.
        working: Those of them that are in work.
        oldest: Seconds since the oldest of them was noted; None where there are none.
        fault: The last failure since something was done, in words; None for none.
        is_loud: Whether somebody has to do something about that.
        pause: Seconds for which nothing is tried.
    """

    rule: str
    downstream: str
    waiting: int
    more: bool
    working: int
    oldest: float | None
    fault: str | None
    is_loud: bool
    pause: float
