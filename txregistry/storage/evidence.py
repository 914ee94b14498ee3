"""What an answer was made of: files, as they were when they were looked at.

While they are the same, so is what was found out; to look at each once more costs much
less than to find it out again.
"""

import os
import time
from collections.abc import Iterable
from typing import Final

from zope.interface import Attribute, Interface

_SECOND: Final = 1_000_000_000
_SETTLED: Final = 2 * _SECOND
_SETTLED_SOON: Final = _SECOND // 10

Identity = tuple[int, int, int, int]
"""What differs between a file and whatever takes its place."""


class Evidence:
    """Files by their paths, and what they were; None for what was absent."""

    __slots__ = ("_epoch", "_looks", "_witness")

    def __init__(
        self, witness: "Witness", looks: Iterable[tuple[str, Identity | None]]
    ) -> None:
        self._witness = witness
        self._epoch = witness.epoch
        self._looks = tuple(looks)

    def holds(self) -> bool:
        """Say whether everything is as it was; not where that cannot be seen."""
        if self._epoch != self._witness.epoch:
            return False
        for path, known in self._looks:
            try:
                now = os.stat(path)
            except FileNotFoundError:
                if known is not None:
                    return False
            except OSError:
                return False
            else:
                if known != _identity(now):
                    return False
        return True


class Witness:
    """Take down what is looked at, from a beginning to an end.

    Both are within one turn of the reactor: it would take down the looks of others. Who
    begins before another has ended leaves that one without evidence.

    Attributes:
        epoch: Changes with what no file tells of, see `overturn`.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._looks: dict[str, Identity | None] | None = None
        self._unclear: set[str] = set()

    @property
    def is_asked(self) -> bool:
        """Whether it takes down what is looked at."""
        return self._looks is not None

    def begin(self) -> None:
        """Begin."""
        self._looks = {}
        self._unclear = set()

    def end(self) -> Evidence | None:
        """End.

        Returns:
            What was looked at; None where that was nothing, or proves nothing.
        """
        looks, self._looks = self._looks, None
        if not looks or self._unclear:
            return None
        return Evidence(self, looks.items())

    def look(self, path: str) -> None:
        """Take it that something is looked at; `saw` or `missed` tells what it was.

        Where they do not, it proves nothing: so does what is opened, or listed.
        """
        if self._looks is not None:
            self._unclear.add(path)

    def saw(self, path: str, found: os.stat_result) -> None:
        """Take down a file; one that has just changed may have done so once more."""
        if self._looks is None or not is_settled(found):
            return
        if self._looks.setdefault(path, _identity(found)) == _identity(found):
            self._unclear.discard(path)

    def missed(self, path: str) -> None:
        """Take down that there is no file."""
        if self._looks is not None and self._looks.setdefault(path, None) is None:
            self._unclear.discard(path)

    def overturn(self) -> None:
        """Let nothing hold any more that was found out before."""
        self.epoch += 1


class IWitnessed(Interface):
    """A store of files, whose answers to ``get`` and ``stat`` files alone decide."""

    witness = Attribute("The `Witness` of all its looks.")


def is_settled(found: os.stat_result) -> bool:
    """Say whether a file's time of change differs from that of what takes its place.

    File systems keep it in ticks: of a second or two, or, where they keep parts of a
    second as well, of a hundredth at most.
    """
    is_fine = found.st_ctime_ns % _SECOND != 0
    age = time.time_ns() - found.st_ctime_ns
    return age >= (_SETTLED_SOON if is_fine else _SETTLED)


def _identity(found: os.stat_result) -> Identity:
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
