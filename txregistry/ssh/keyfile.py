"""Know those whose key is in a file, which is read again when it changes."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.ssh.keys import LARGEST, KeysError, KnownKey, parse_keys
from txregistry.stamps import are_settled, stamp
from txregistry.tasks import Blocking, Flights

_LOOK_EVERY: Final = 1.0


class KeyFile:
    """The keys in a file.

    Args:
        path: The file.
        clock: Tells when to look at it.
        blocking: Where it is read.
        now: Tells the time of day, in seconds since 1970.

    Raises:
        KeysError: the file cannot be used. Once there are keys, they stay until a file
            can be used again.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        clock: IReactorTime,
        blocking: Blocking,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path = os.path.abspath(path)
        self._clock = clock
        self._blocking = blocking
        self._now = now
        self._flights = Flights()
        self._trouble = ""
        self._stamps = stamp([path])
        self._settled = are_settled(self._stamps, now())
        self._keys: Mapping[bytes, KnownKey] = read_keys(path)
        self._looked = clock.seconds()

    def __len__(self) -> int:
        return len(self._keys)

    async def find(self, blob: bytes) -> KnownKey | None:
        """Find a key, if it is there at present."""
        if self._clock.seconds() - self._looked >= _LOOK_EVERY:
            await self._flights.join("file", self._look)
        return self._keys.get(blob)

    async def _look(self) -> None:
        """Read the file, if it may be another one than before."""
        stamps = await self._blocking(stamp, [self._path])
        if stamps != self._stamps or not self._settled:
            await self._read(stamps)
        self._looked = self._clock.seconds()

    async def _read(self, stamps: tuple[object, ...]) -> None:
        settled = are_settled(stamps, self._now())
        try:
            found = await self._blocking(read_keys, self._path)
        except KeysError as error:
            if str(error) != self._trouble:
                self._log.error(
                    "The SSH keys stay as they were: {reason}", reason=str(error)
                )
            self._trouble = str(error)
            return
        if found.keys() != self._keys.keys():
            self._log.info("The SSH keys were read anew: {count}", count=len(found))
        self._keys, self._trouble = found, ""
        self._stamps, self._settled = stamps, settled


def read_keys(path: str) -> dict[bytes, KnownKey]:
    """Read a file of keys. It blocks.

    Raises:
        KeysError: it cannot be read, or used.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise KeysError(f"{path}: cannot be read: {error.strerror}.") from error
    return parse_keys(path, data)
