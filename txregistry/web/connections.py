"""How many connections there may be: all together, and from one place."""

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.addresses import origin
from txregistry.web.proxies import Proxies

_FILES: Final = 128
"""Descriptors that no connection gets, so that files can be opened."""
_UNTOLD: Final = 60.0
"""Seconds for which a place that is refused is not told of again."""
_ALL: Final = ""
"""In place of a place: that of those who are none, and of all together."""


class Connections:
    """Count connections, so that one place cannot have all that there are.

    Who is behind a proxy, or may open a Unix socket, is of no place: a proxy speaks for
    many.

    Args:
        descriptors: How many files and connections the process may have open.
        clock: Tells the time.
        proxies: Who speaks for others.

    Attributes:
        places: How many there are from each place.
        refused: How many were not let in.
    """

    _log = Logger()

    def __init__(self, descriptors: int, clock: IReactorTime, proxies: Proxies) -> None:
        self._most = max(descriptors - _FILES, descriptors // 2)
        self._share = descriptors // 2
        self._clock = clock
        self._proxies = proxies
        self._count = 0
        self._told: dict[str, float] = {}
        self.places: dict[str, int] = {}
        self.refused = 0

    def admit(self, peer: str) -> str | None:
        """Let a connection in, if there is room.

        Args:
            peer: Who made it: an IP address, or empty.

        Returns:
            The place to `leave` at its end; None if it must end at once.
        """
        is_one = peer and not self._proxies.trusts(peer)
        place = origin(peer) if is_one else _ALL
        here = self.places.get(place, 0)
        if here >= self._share:
            self._tell(place, f"{place} has", here)
            return None
        if self._count >= self._most:
            self._tell(_ALL, "There are", self._count)
            return None
        self._count += 1
        if place != _ALL:
            self.places[place] = here + 1
        return place

    def leave(self, place: str) -> None:
        """Take it that a connection of a place is gone."""
        self._count -= 1
        if place == _ALL:
            return
        left = self.places[place] - 1
        if left:
            self.places[place] = left
        else:
            del self.places[place]

    def _tell(self, place: str, what: str, count: int) -> None:
        """Count that somebody is not let in, and log it now and then."""
        self.refused += 1
        now = self._clock.seconds()
        if now - self._told.get(place, -_UNTOLD) < _UNTOLD:
            return
        self._told = {
            each: since for each, since in self._told.items() if now - since < _UNTOLD
        }
        self._told[place] = now
        self._log.warn(
            "{what} {count} connections: no more connections are taken for now",
            what=what,
            count=count,
        )
