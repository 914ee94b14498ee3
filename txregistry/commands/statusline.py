"""A line that tells how far something is, where somebody looks."""

from typing import Final, TextIO

from twisted.internet.interfaces import IReactorTime

from txregistry.model.printable import printable

_INTERVAL: Final = 0.2
"""Seconds between two states of the line."""
_WIDTH: Final = 79


class StatusLine:
    """A line on a terminal; nothing anywhere else.

    Args:
        out: Where it goes.
        clock: Tells the time.
    """

    def __init__(self, out: TextIO, clock: IReactorTime) -> None:
        self._out = out
        self._clock = clock
        self._shows = out.isatty()
        self._next = 0.0

    def show(self, text: str) -> None:
        """Put it there anew, unless that was done a moment ago."""
        now = self._clock.seconds()
        if not self._shows or now < self._next:
            return
        self._next = now + _INTERVAL
        self._out.write(f"\r\x1b[K{printable(text)[:_WIDTH]}")
        self._out.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        if self._shows:
            self._out.write("\r\x1b[K")
            self._out.flush()
