"""Accounts in a file of passwords that are hashed by bcrypt."""

import hmac
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from bcrypt import checkpw
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.auth.accounts import may_exist
from txregistry.auth.addresses import origin
from txregistry.auth.hashes import Hashes, HtpasswdError, read
from txregistry.auth.interfaces import IAccounts
from txregistry.auth.queues import Queues
from txregistry.model.access import Identity
from txregistry.model.errors import Unavailable
from txregistry.tasks import Blocking, Flights

_AT_ONCE: Final = 2
"""Passwords that are verified at the same time: each keeps a processor busy."""

_GUESSES: Final = 1
"""Passwords of those who guessed wrong before, among them: others have turns left."""

_QUEUE: Final = 64
"""Passwords that wait for that, one from each address at most; no more, as nobody waits
for an answer for ever."""

_LOOK_EVERY: Final = 1.0
_PROVED_FOR: Final = 60.0
_PROOFS: Final = 10_000


@implementer(IAccounts)
class HtpasswdAccounts:
    """Know those who are in a file, which is read again when it changes.

    Passwords are verified in threads. One that was right is known for a minute, so that
    a pull of many layers costs no more than its first request, and that guesses of
    others are in nobody's way who is there already.

    Args:
        path: The file.
        clock: Tells how long a proof is good, and delays the answers to guesses.
        blocking: Where files are read and passwords verified.
        groups: What they belong to, by name.
        processes: How many know the same accounts, each for itself; see `Queues`.

    Raises:
        HtpasswdError: the file cannot be used. Once there are accounts, they stay until
            a file can be used again.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        clock: IReactorTime,
        blocking: Blocking,
        groups: Mapping[str, frozenset[str]] | None = None,
        processes: int = 1,
    ) -> None:
        self._path = path
        self._clock = clock
        self._blocking = blocking
        self._groups = dict(groups or {})
        self._hashes = read(path) or Hashes({}, b"", None)
        self._looked = clock.seconds()
        self._trouble = ""
        self._flights = Flights()
        self._turns = DeferredSemaphore(_AT_ONCE)
        self._guesses = DeferredSemaphore(_GUESSES)
        self._queues = Queues(clock, processes)
        self._key = os.urandom(32)
        self._proofs: OrderedDict[bytes, float] = OrderedDict()

    async def identify(
        self, name: str, password: str, address: str = ""
    ) -> Identity | None:
        """See `IAccounts`."""
        if not may_exist(name, password):
            return None
        await self._refresh()
        hashed = self._hashes.by_name.get(name)
        tried = password.encode()
        # None of the three has a NUL in it; with the hash, a new password ends the old.
        parts = (name.encode(), hashed or b"", tried)
        proof = hmac.digest(self._key, b"\0".join(parts), "sha256")
        if self._proofs.get(proof, 0.0) <= self._clock.seconds():
            # From elsewhere nobody waits for a guess that happens to be right.
            flight = (proof, origin(address))
            prove = partial(self._prove, name, hashed, tried, proof, address)
            if not await self._flights.join(flight, prove):
                return None
        return Identity(name, self._groups.get(name, frozenset()), address)

    async def has(self, name: str) -> bool:
        """See `IAccounts`."""
        await self._refresh()
        return name in self._hashes.by_name

    async def _refresh(self) -> None:
        """Look at the file, if that was not done a moment ago."""
        if self._clock.seconds() - self._looked >= _LOOK_EVERY:
            await self._flights.join("file", self._look)

    async def _prove(
        self, name: str, hashed: bytes | None, tried: bytes, proof: bytes, address: str
    ) -> bool:
        verify = partial(self._verify, hashed, tried)
        right = await self._queues.ask(address, name, verify)
        if right and self._hashes.by_name.get(name) == hashed:
            self._remember(proof)
            return True
        return False  # also if the password has changed while this one waited

    async def _verify(
        self, hashed: bytes | None, tried: bytes, *, after_others: bool
    ) -> bool:
        """Say whether a password is right; who is unknown costs as much as others."""
        if not after_others:
            return await self._check(hashed, tried)
        async with _turn(self._guesses):  # of all who guess, one at a time
            return await self._check(hashed, tried)

    async def _check(self, hashed: bytes | None, tried: bytes) -> bool:
        async with _turn(self._turns):
            right = await self._blocking(checkpw, tried, hashed or self._hashes.dummy)
        return right and hashed is not None

    def _remember(self, proof: bytes) -> None:
        self._proofs[proof] = self._clock.seconds() + _PROVED_FOR
        self._proofs.move_to_end(proof)
        if len(self._proofs) > _PROOFS:
            self._proofs.popitem(last=False)

    async def _look(self) -> None:
        known = self._hashes.identity
        try:
            found = await self._blocking(read, self._path, known=known)
        except HtpasswdError as error:
            if str(error) != self._trouble:
                self._log.error(
                    "The accounts stay as they were: {reason}", reason=str(error)
                )
            self._trouble = str(error)
        else:
            self._hashes = found or self._hashes
            self._trouble = ""
        self._looked = self._clock.seconds()


@asynccontextmanager
async def _turn(turns: DeferredSemaphore) -> AsyncIterator[None]:
    """Wait for a turn, and have it within the block.

    Raises:
        Unavailable: too many wait.
    """
    if len(turns.waiting) >= _QUEUE:
        raise Unavailable("Too many log in at present; try again later.")
    await turns.acquire()
    try:
        yield
    finally:
        turns.release()
