"""Sizes in bytes, as people write them: ``50GiB``, ``1.5 TB``, ``4096``."""

import re
from typing import Final

_UNITS: Final = {
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "tb": 1000**4,
    "pb": 1000**5,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
    "pib": 1024**5,
}
_SPELLED: Final = ("PiB", "TiB", "GiB", "MiB", "KiB")
_SIZE: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(?: ?([a-z]+))?", re.ASCII)
_MOST: Final = 2**53
"""More than any store has, and what JSON's readers take exactly."""


class Size(int):
    """A number of bytes."""

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read a size; a bare number is of bytes.

        Raises:
            ValueError: it is none.
        """
        found = _SIZE.fullmatch(text.lower())
        unit = _UNITS.get(found[2] or "b") if found else None
        if found is None or unit is None:
            raise ValueError(
                "a size is a number of bytes, or one with KiB, MiB, GiB, TiB, kB, MB, "
                "GB or TB, such as 50GiB"
            )
        whole, _, part = found[1].partition(".")
        size = int(whole) * unit + int(part or 0) * unit // 10 ** len(part)
        if size > _MOST:
            raise ValueError("this is more than any store has")
        return cls(size)

    def __str__(self) -> str:
        """Write it exactly, as it can be read again."""
        for name in _SPELLED:
            unit = _UNITS[name.lower()]
            if self and self % unit == 0:
                return f"{int(self) // unit}{name}"
        return repr(int(self))


def spell_size(size: int) -> str:
    """Write a size for people: three digits say enough."""
    for name in _SPELLED:
        unit = _UNITS[name.lower()]
        if abs(size) >= unit:
            number = size / unit
            shown = f"{number:.1f}".removesuffix(".0")
            return f"{shown} {name}"
    return f"{size} bytes" if size != 1 else "1 byte"
