"""When uploads began, and when they were written to last."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from twisted.logger import Logger

from txregistry.storage.interfaces import (
    IObjectStore,
    Key,
    NotFound,
    StorageUnavailable,
    TooLarge,
)

_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"
_LIMIT: Final = 64

_log = Logger()


async def write_start(store: IObjectStore, key: Key, now: float) -> None:
    """Write down when an upload began, in seconds since 1970."""
    started = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
    await store.put(key, started.encode("ascii"))


async def read_start(store: IObjectStore, key: Key) -> float | None:
    """Read when an upload began; None where nothing tells."""
    try:
        text = (await store.get(key, _LIMIT)).decode("ascii")
        return datetime.fromisoformat(text.strip()).timestamp()
    except NotFound:
        pass
    except (TooLarge, ValueError, OverflowError):
        _log.warn("The time at {key} cannot be read", key=key)
    return None


async def read_change(store: IObjectStore, held: Iterable[Key]) -> float:
    """Say when the latest of some objects was written.

    What cannot be looked at, such as what another registry's crash left in pieces, may
    have been written just now; it stays, and the others go.
    """
    latest = 0.0
    for key in held:
        try:
            latest = max(latest, (await store.stat(key)).modified)
        except NotFound:
            pass
        except StorageUnavailable as error:
            _log.warn("{key} stays: {error}", key=key, error=str(error))
            return float("inf")
    return latest
