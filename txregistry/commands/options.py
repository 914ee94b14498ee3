"""What a command is given, in any order."""

from collections.abc import Sequence
from getopt import GetoptError, gnu_getopt
from typing import ClassVar

from twisted.python import usage


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
