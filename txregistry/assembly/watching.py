"""The interface to what goes on beside requests while the daemon runs."""

from typing import Protocol

from twisted.internet.defer import Deferred


class Watching(Protocol):
    """Something that begins and ends with the daemon."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""

    def reload(self) -> Deferred[None]:
        """Read the files now; the Deferred never fires with a failure."""
