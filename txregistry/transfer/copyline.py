"""A line that tells how far a copy is."""

from collections import deque
from typing import Final, TextIO

from twisted.internet.interfaces import IReactorTime

from txregistry.transfer.copyreport import Position

_OFTEN: Final = 0.2
"""Seconds between two states of the line on a terminal."""
_SELDOM: Final = 30.0
"""Seconds between two lines where there is no terminal."""
_SPAN: Final = 15.0
"""Seconds of which the rate is told."""
_WIDTH: Final = 79
_BAR: Final = 10
_LEAST: Final = 0.02
"""What must be done before it is told how long the rest takes."""
_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB")


class CopyLine:
    """A line with a bar on a terminal; anywhere else, a new line from time to time.

    Args:
        out: Where it goes.
        clock: Tells the time.
    """

    def __init__(self, out: TextIO, clock: IReactorTime) -> None:
        self._out = out
        self._clock = clock
        self._is_terminal = out.isatty()
        self._interval = _OFTEN if self._is_terminal else _SELDOM
        self._next = 0.0 if self._is_terminal else clock.seconds() + _SELDOM
        self._stage = ""
        self._began = 0.0
        self._samples: deque[tuple[float, int]] = deque([(clock.seconds(), 0)])

    def show(self, position: Position) -> None:
        """Tell how far it is, unless that was done a moment ago."""
        now = self._clock.seconds()
        if position.stage != self._stage:
            self._stage, self._began = position.stage, now
        if now < self._next:
            return
        self._next = now + self._interval
        rate = self._rate(now, position.passed)
        text = _size(position.passed)
        if position.objects is not None:
            text = f"{position.objects:,} objects, {text}"
        if rate:
            text += f", {_size(rate)}/s"
        fraction = position.fraction
        if fraction is not None:
            text = f"{fraction:4.0%} {text}{self._left(now, fraction)}"
        if self._is_terminal:
            bar = "" if fraction is None else _bar(fraction)
            self._out.write(f"\r\x1b[K{f'{position.stage} {bar}{text}'[:_WIDTH]}")
        else:
            self._out.write(f"{position.stage}: {text.strip()}\n")
        self._out.flush()

    def clear(self) -> None:
        """Leave an empty line on a terminal."""
        if self._is_terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _rate(self, now: float, passed: int) -> int:
        """Say how many bytes a second there were lately."""
        self._samples.append((now, passed))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _SPAN:  # noqa: PLR2004 - from one to another
            self._samples.popleft()
        began, before = self._samples[0]
        return int((passed - before) / (now - began)) if now > began else 0

    def _left(self, now: float, fraction: float) -> str:
        """Say how long the rest of the stage takes, if it goes on as it did."""
        if fraction < _LEAST:
            return ""
        seconds = int((now - self._began) * (1 - fraction) / fraction)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f", {hours}:{minutes:02}:{seconds:02} left"


def _bar(fraction: float) -> str:
    full = round(fraction * _BAR)
    return f"[{'#' * full}{'-' * (_BAR - full)}]"


def _size(count: int) -> str:
    """Write a number of bytes, in the largest unit of which there is one."""
    if count < 1024:  # noqa: PLR2004 - a KiB
        return f"{count} bytes"
    size, place = count / 1024, 0
    while size >= 1000 and place < len(_UNITS) - 1:  # noqa: PLR2004 - no four digits
        size, place = size / 1024, place + 1
    return f"{size:.1f} {_UNITS[place]}"
