"""Lengths of time, as Distribution writes them: ``168h``, ``1h30m``, ``250ms``."""

import math
import re
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LEAST: Final = _UNITS["ms"]
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", re.ASCII)


class Duration(float):
    """A length of time in seconds."""

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read a length of time; a bare number is of nanoseconds, as in Go.

        Nobody means so few of them: one that is less than a millisecond lacks its unit.

        Raises:
            ValueError: it is none.
        """
        if text.isascii() and text.isdigit():
            seconds = float(text) / 1e9
            if 0 < seconds < _LEAST:
                raise ValueError("write it with its unit, such as '10s'")
        elif re.fullmatch(rf"(?:{_PART.pattern})+", text):
            parts = _PART.findall(text)
            seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
        else:
            raise ValueError("a length of time is a number and ms, s, m, h or d")
        if math.isinf(seconds):
            raise ValueError("this is longer than any time")
        return cls(seconds)
