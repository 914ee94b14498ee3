"""A reactor for work on this machine: it knows no network."""

import os
import select
import signal
import sys
from contextlib import suppress
from typing import Any, Final

from twisted.internet.base import ReactorBase
from twisted.internet.main import installReactor

_MOST: Final = 4096
"""Calls that woke it up which are read at once."""


class LocalReactor(ReactorBase):
    """Wait for threads, for signals, and until it is time; for nothing else.

    Twisted's own reactors load all that speaks TLS, whether anybody does: a third of
    the time that it takes until a command begins with its work.
    """

    def installWaker(self) -> None:  # noqa: N802 - Twisted's name
        """Make what wakes it up, which lasts as long as the process."""
        self._woken, self._waking = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def wakeUp(self) -> None:  # noqa: N802 - Twisted's name
        """See ``ReactorBase``: it looks anew what there is to do."""
        with suppress(BlockingIOError):  # it was told so often that it does anyway
            os.write(self._waking, b"\0")

    def doIteration(self, delay: float | None) -> None:  # noqa: N802 - Twisted's name
        """Wait until somebody wakes it up.

        Args:
            delay: For how many seconds at most; None for as long as it takes.
        """
        if select.select([self._woken], [], [], delay)[0]:
            os.read(self._woken, _MOST)

    def run(self, installSignalHandlers: bool = True) -> None:  # noqa: FBT001, FBT002, N803 - Twisted's names
        """See ``IReactorCore``."""
        if not installSignalHandlers:
            super().run(installSignalHandlers=False)
            return
        # One may come the moment before it waits, when its handler was not called yet.
        before = signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
        try:
            super().run()
        finally:
            signal.set_wakeup_fd(before)

    def removeAll(self) -> list[Any]:  # noqa: N802 - Twisted's name
        """See ``IReactorFDSet``: there are no connections."""
        return []


def work_locally() -> None:
    """Have ``twisted.internet.reactor`` be a local one, unless there is one already."""
    if "twisted.internet.reactor" not in sys.modules:
        installReactor(LocalReactor())
