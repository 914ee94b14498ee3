"""What is done with a store, counted: how often, how long it took, and what failed.

Source: CNCF Distribution, ``registry/storage/driver/base/base.go``.
"""

from typing import Final

from txregistry.metrics.families import Family, Kind, Row
from txregistry.metrics.histogram import ACTIONS, Histogram

STAT: Final = "Stat"
GET: Final = "GetContent"
PUT: Final = "PutContent"
LIST: Final = "List"
COMMIT: Final = "Move"
DELETE: Final = "Delete"
REDIRECT: Final = "RedirectURL"
OPEN: Final = "Reader"
"""What Distribution calls them; the last one it has too, but does not time."""


class ActionTimes:
    """Count what is done with a store.

    Args:
        driver: What Distribution calls the store.
    """

    def __init__(self, driver: str) -> None:
        self._driver = driver
        self._times: dict[str, Histogram] = {}
        self._failures: dict[str, int] = {}

    def note(self, action: str, seconds: float) -> None:
        """Count something, however it ended.

        Args:
            action: What was done.
            seconds: How long it took.
        """
        times = self._times.get(action)
        if times is None:
            times = self._times[action] = Histogram(ACTIONS)
        times.observe(seconds)

    def note_failure(self, action: str) -> None:
        """Count something that could not be done, as the store cannot be used."""
        self._failures[action] = self._failures.get(action, 0) + 1

    def families(self) -> list[Family]:
        """Give what was counted."""
        return [
            Family(
                "registry_storage_action_seconds",
                Kind.HISTOGRAM,
                "The number of seconds that the storage action takes",
                ("driver", "action"),
                tuple(
                    Row((self._driver, action), times.values())
                    for action, times in self._times.items()
                ),
                ACTIONS,
            ),
            Family(
                "txregistry_storage_failures_total",
                Kind.COUNTER,
                "What could not be done, as the store cannot be used.",
                ("driver", "action"),
                tuple(
                    Row((self._driver, action), (count,))
                    for action, count in self._failures.items()
                ),
            ),
        ]
