"""When tags and manifests were used last, roughly, and at little cost.

Uses are noted in memory and written down now and then: one small document for each
repository that was used meanwhile. What a crash loses of it are minutes.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.names import Reference, RepositoryName
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    NotFound,
    StorageUnavailable,
    TooLarge,
)

MINUTE: Final = 60.0
"""Seconds; uses are told apart by minutes."""

_LIMIT: Final = 4 * 1024 * 1024
_MOST: Final = 20_000
"""Tags and manifests of one repository of which it is known."""
_REPOSITORIES: Final = 20_000
"""Repositories whose uses are noted before they are written down."""
_TRIES: Final = 3
_FINE: Final = 10
"""Minutes within which a second use is the same one."""

_decoder: Final = msgspec.json.Decoder(dict[str, int])

Minutes = Mapping[str, int]
"""Tags and digests, and when they were used, in minutes since 1970."""


class Uses:
    """Remember uses.

    Args:
        store: Where they are written down.
        clock: Tells the time.
    """

    _log = Logger()

    def __init__(self, store: IObjectStore, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._noted: OrderedDict[RepositoryName, dict[str, int]] = OrderedDict()
        self._written: OrderedDict[tuple[RepositoryName, str], int] = OrderedDict()

    def now(self) -> int:
        """Give the time, in minutes since 1970."""
        return int(self._clock.seconds() / MINUTE)

    def note(self, name: RepositoryName, *references: Reference) -> None:
        """Note that something is used now."""
        now = self.now()
        for reference in references:
            text = str(reference)
            if now - self._written.get((name, text), 0) < _FINE:
                continue
            noted = self._noted.get(name)
            if noted is None:
                if len(self._noted) >= _REPOSITORIES:
                    return
                noted = self._noted[name] = {}
            if len(noted) < _MOST:
                noted[text] = now

    def noting(
        self, name: RepositoryName, *references: Reference
    ) -> Callable[[], None]:
        """Give what notes the same again and again, at hardly any cost."""
        noted = -1

        def note() -> None:
            nonlocal noted
            now = self.now()
            if now != noted:
                noted = now
                self.note(name, *references)

        return note

    async def flush(self) -> None:
        """Write down what was noted; what cannot be written is kept for the next time.

        What other nodes write at the same moment is looked for afterwards.
        """
        noted, self._noted = self._noted, OrderedDict()
        while noted:
            name, uses = noted.popitem(last=False)
            try:
                await self.write(name, uses)
            except StorageUnavailable as error:
                self._noted = noted
                self._noted[name] = uses
                self._log.warn("Uses cannot be noted: {reason}", reason=str(error))
                return

    async def write(self, name: RepositoryName, uses: Minutes) -> None:
        """Write down uses of a repository, beside those that are written there."""
        for _ in range(_TRIES):
            found = await self.read(name)
            if all(found.get(text, -1) >= minute for text, minute in uses.items()):
                break
            merged = {**found, **uses}
            for text, minute in found.items():
                merged[text] = max(minute, merged[text])
            if len(merged) > _MOST:
                latest = sorted(merged, key=lambda text: -merged[text])
                merged = {text: merged[text] for text in latest[:_MOST]}
            await self._store.put(keys.uses(name), msgspec.json.encode(merged))
        for text, minute in uses.items():
            self._written[name, text] = minute
            self._written.move_to_end((name, text))
        while len(self._written) > _REPOSITORIES:
            self._written.popitem(last=False)

    async def read(self, name: RepositoryName) -> Minutes:
        """Give what is written down of a repository, and was noted here since."""
        try:
            data = await self._store.get(keys.uses(name), _LIMIT)
            found = _decoder.decode(data)
        except (
            NotFound,
            TooLarge,
            msgspec.DecodeError,
            UnicodeDecodeError,
            RecursionError,
        ):
            found = {}
        latest = self.now()  # another node's clock may be ahead
        noted = self._noted.get(name, {})
        return {text: min(at, latest) for text, at in found.items()} | noted
