"""A registry that is thrown away: where an archive is until all of it is there."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.registry.repositories import Registry
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.keys import COMPANIONS, PRIVATE, SECRETS
from txregistry.tasks import Blocking

_PREFIX: Final = "txregistry-"


@asynccontextmanager
async def scratch_registry(
    clock: IReactorTime, blocking: Blocking
) -> AsyncIterator[Registry]:
    """Make a registry in a folder for what is temporary; it is gone after the block.

    Args:
        clock: What measures the time.
        blocking: Where work goes that waits for a disk.

    Raises:
        OSError: the folder cannot be made.
        StorageUnavailable: it cannot be used.
    """
    folder = await blocking(tempfile.mkdtemp, prefix=_PREFIX)
    try:
        store = FilesystemObjectStore(
            folder, f"{PRIVATE}scratch", blocking, COMPANIONS, secrets=SECRETS
        )
        yield Registry(store, clock, blocking, complete=False)
    finally:
        await blocking(shutil.rmtree, folder, ignore_errors=True)
