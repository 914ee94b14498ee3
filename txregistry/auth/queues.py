"""The queues in which those stand who say who they are.

For each address there is one, and one for each name that is used there: who guesses has
to wait for the answer to the guess before, and is in the way of nobody elsewhere.
"""

from collections.abc import Hashable
from typing import Final, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.auth.addresses import origin, site
from txregistry.auth.failures import Failures
from txregistry.model.errors import Unavailable
from txregistry.tasks import Turns

_UNDER_A_NAME: Final = 8
_FROM_AN_ADDRESS: Final = 16
"""Who stands in a queue, with those whose turn it is; no more, as nobody waits for an
answer for ever."""

_LONGEST_OF_NAMES: Final = 8.0
"""Seconds that the longest delay has where one name is guessed at."""
_FORGIVEN: Final = 10
_LONGEST: Final = 2.0
"""Failures from one address that delay nobody, and the longest delay after those: many
people may have the same."""


class Verifying(Protocol):
    """A way to find out whether a password is right."""

    async def __call__(self, *, after_others: bool) -> bool:
        """Say whether it is.

        Args:
            after_others: Whether somebody guessed wrong not long ago who may be the
                same as who asks: those go after all others.
        """


class Queues:
    """Let those ask one by one who come from one address, or use one name there.

    Args:
        clock: Delays the answers to guesses.
        processes: How many have queues of their own, between which who guesses may
            choose: delays are so much longer that this is of no use.
    """

    def __init__(self, clock: IReactorTime, processes: int = 1) -> None:
        self._clock = clock
        self._turns = Turns()
        self._standing: dict[Hashable, int] = {}
        self._under_names = Failures(clock, longest=_LONGEST_OF_NAMES * processes)
        self._from_sites = Failures(clock)
        self._from_addresses = Failures(
            clock, forgiven=_FORGIVEN // processes, longest=_LONGEST * processes
        )

    async def ask(self, address: str, name: str, verify: Verifying) -> bool:
        """Wait for one's turn, have a password verified, and wait for the answer.

        How long that is depends on the failures before. Whether this is one, and
        whether there is such an account, makes no difference to it.

        Args:
            address: Where somebody asks from.
            name: Who they say they are.
            verify: Says whether they are right.

        Returns:
            Whether they are right.

        Raises:
            Unavailable: too many from there wait already.
        """
        place = origin(address)
        under_name = (place, name)
        self._enter(place, under_name)
        try:
            async with self._turns.on(under_name):
                delay = self._under_names.delay(under_name)
                async with self._turns.on(place):
                    delay_of_all = self._from_addresses.delay(place)
                    right = await verify(
                        after_others=self._from_sites.has(site(address))
                    )
                    if not right:
                        self._under_names.add(under_name)
                        self._from_addresses.add(place)
                        self._from_sites.add(site(address))
                    await self._wait(delay_of_all)
                await self._wait(delay - delay_of_all)
                if right:
                    self._under_names.forget(under_name)
                return right
        finally:
            self._leave(place, under_name)

    def _enter(self, place: Hashable, under_name: Hashable) -> None:
        if (
            self._standing.get(under_name, 0) >= _UNDER_A_NAME
            or self._standing.get(place, 0) >= _FROM_AN_ADDRESS
        ):
            raise Unavailable("Too many log in at present; try again later.")
        for queue in (place, under_name):
            self._standing[queue] = self._standing.get(queue, 0) + 1

    def _leave(self, *queues: Hashable) -> None:
        for queue in queues:
            self._standing[queue] -= 1
            if not self._standing[queue]:
                del self._standing[queue]

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            await deferLater(self._clock, seconds)
