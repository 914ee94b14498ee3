"""Crashes: the process dies before one of the calls that change a disk."""

import os
from collections.abc import Callable
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

CHANGES: Final = (
    "fdatasync",
    "fsync",
    "ftruncate",
    "link",
    "mkdir",
    "open",
    "rename",
    "replace",
    "rmdir",
    "unlink",
    "writev",
)


class Killed(BaseException):
    """The process is no more: nothing that it would do still happens."""


class Machine:
    """Count the calls that change a disk, and die before one of them.

    Args:
        case: Whose patches these are.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        self._left: int | None = None
        self.died = False
        for name in CHANGES:
            case.patch(os, name, self._counted(getattr(os, name)))

    def die_before(self, call: int) -> None:
        """Die before the call of this number, from one up."""
        self.died = False
        self._left = call

    def restart(self) -> None:
        """Live again."""
        self._left = None

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    self.died = True
                    raise Killed
            return call(*args, **kwargs)

        return counted
