"""The figures of all processes together, as who asks for them gets them."""

from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.assembly.checks import StoreCheck
from txregistry.assembly.meters import Meters
from txregistry.assembly.watching import Workers
from txregistry.metrics.families import Family, Kind, Row, add_up, one
from txregistry.web.health import Health

_SELF: Final = "0"
"""Who has workers, or none, among these."""


class Figures:
    """Give the figures of all processes together, as text.

    Args:
        meters: Those of this one.
        workers: The others; None where there are none.
        health: Finds out how the registry is.
        store: What of it looks at the store.
        clock: Gives turns to others between two pieces of the text.
    """

    def __init__(
        self,
        meters: Meters,
        workers: Workers | None,
        health: Health,
        store: StoreCheck,
        clock: IReactorTime,
    ) -> None:
        self._meters = meters
        self._workers = workers
        self._health = health
        self._store = store
        self._clock: Any = clock
        # It takes a while to load: now, while nobody waits, and where it is needed.
        from txregistry.metrics import text  # noqa: PLC0415 - as said

        self._text = text

    async def __call__(self) -> tuple[str, bytes]:
        """Give what kind of text it is, and the text."""
        pieces = []
        for piece in self._text.write(await self._families()):
            pieces.append(piece)
            await deferLater(self._clock, 0)
        return self._text.TYPE, b"".join(pieces)

    async def _families(self) -> list[Family]:
        ours = self._meters.families()
        if self._workers is None:
            return add_up({_SELF: [*ours, *await self._how_it_is()]})
        others = await self._workers.figures()
        away = one(
            "txregistry_workers_away",
            Kind.SUM,
            "Workers that do not serve.",
            len(self._workers.away()),
        )
        return add_up({_SELF: [*ours, away, *await self._how_it_is()], **others})

    async def _how_it_is(self) -> list[Family]:
        problems = await self._health.look()
        found = [
            Family(
                "txregistry_health",
                Kind.SUM,
                "Whether each thing that must be well is: 1, or 0.",
                ("check",),
                tuple(
                    Row((name,), (float(not problem),))
                    for name, problem in problems.items()
                ),
            )
        ]
        if self._store.free is not None:
            what = "Bytes that fit in the store still."
            name = "txregistry_storage_free_bytes"
            found.append(one(name, Kind.SUM, what, self._store.free))
        return found
