"""The interfaces to what goes on while the daemon runs."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from txregistry.metrics.families import Family


class Watching(Protocol):
    """Something that begins and ends with the daemon."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""

    def reload(self) -> Deferred[None]:
        """Read the files now; the Deferred never fires with a failure."""


class Ending(Watching, Protocol):
    """Something that is not over yet when it is told to end."""

    async def ended(self) -> None:
        """Wait until it is."""


class Workers(Watching, Protocol):
    """Other processes that serve."""

    def away(self) -> Sequence[int]:
        """Give the numbers of those that do not serve at present."""

    def have_served(self) -> bool:
        """Say whether each has served at least once."""

    async def figures(self) -> Mapping[str, Sequence[Family]]:
        """Give what each has counted, by its number."""


class Served(Protocol):
    """Something that is served: a factory of protocols that can end in good order."""

    @property
    def setting(self) -> str:
        """The setting that says where."""

    async def drain(self, patience: float) -> None:
        """Let finish what is under way, then break it off."""
