"""What a command is given, in any order."""

import re
from collections.abc import Sequence
from getopt import GetoptError, gnu_getopt
from typing import ClassVar, Final

from twisted.python import usage

_NUMBER: Final = re.compile(r"[0-9]{1,3}", re.ASCII)


def parse_parallel(text: str, most: int) -> int:
    """Read how much is to be done at the same time.

    Args:
        text: What was given.
        most: What it is at most: less than 1000.

    Raises:
        UsageError: it is no such number.
    """
    number = int(text) if _NUMBER.fullmatch(text) is not None else 0
    if not 1 <= number <= most:
        raise usage.UsageError(
            f"--parallel: {text!r} cannot be used; it must be from 1 to {most}."
        )
    return number


class CommandOptions(usage.Options):
    """Options that may also stand after what is none, as people write them."""

    synopsis: ClassVar[str]

    def parseOptions(  # noqa: N802 - Twisted's name
        self, options: Sequence[str] | None = None
    ) -> None:
        """Part options from the rest, wherever they are."""
        try:
            found, rest = gnu_getopt(options or (), self.shortOpt, self.longOpt)
        except GetoptError as error:
            raise usage.UsageError(str(error)) from error
        ordered: list[str] = []
        for name, text in found:
            ordered.append(name)
            if f"{name[2:]}=" in self.longOpt or f"{name[1:]}:" in self.shortOpt:
                ordered.append(text)
        super().parseOptions([*ordered, "--", *rest])

    def getSynopsis(self) -> str:  # noqa: N802 - Twisted's name
        """Say how it is called, and not how those above it are, once more."""
        return f"{self.synopsis}\n"
