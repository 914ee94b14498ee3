"""What workers have counted, asked of them; and what those had that are no more."""

from collections.abc import Collection
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.metrics.families import Family, add_up, lasting
from txregistry.tasks import Bell
from txregistry.workers.process import WorkerProcess

PATIENCE: Final = 1.0
"""Seconds for which a worker is waited for that does not answer."""


class Polls:
    """Ask all workers for their figures.

    Nothing that was counted is ever taken back: of a worker that ended, or does not
    answer, counts what it has told before.

    Args:
        clock: Tells the time.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._gone: list[Family] = []
        self._heard = Bell()

    async def take(self, workers: Collection[WorkerProcess]) -> dict[str, list[Family]]:
        """Ask workers, and wait a moment for those that do not answer.

        Args:
            workers: Who is asked.

        Returns:
            The families of each, by its number; by none those of who is no more.
        """
        for each in workers:
            each.ask()
        until = self._clock.seconds() + PATIENCE
        timer = self._clock.callLater(PATIENCE, self._heard.ring)
        while any(each.is_asked for each in workers):
            if self._clock.seconds() >= until:
                break
            await self._heard.wait()
        if timer.active():
            timer.cancel()
        return {"": self._gone} | {
            str(each.number): self._figures(each) for each in workers
        }

    def hear(self) -> None:
        """Take it that a worker has answered."""
        self._heard.ring()

    def keep(self, worker: WorkerProcess) -> None:
        """Keep what a worker has told that is no more."""
        told = lasting(worker.figures)
        self._gone = add_up({"": self._gone, str(worker.number): told})
        self._heard.ring()

    def _figures(self, worker: WorkerProcess) -> list[Family]:
        worker.is_silent = worker.is_asked
        if not worker.is_silent:
            return worker.figures
        self._log.warn(
            "Worker {number} (process {pid}) has not told its figures within "
            "{seconds:g} s; those that it told before count",
            number=worker.number,
            pid=worker.pid,
            seconds=PATIENCE,
        )
        return lasting(worker.figures)
