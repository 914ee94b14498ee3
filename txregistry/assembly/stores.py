"""The store that the settings describe."""

from typing import Any

from txregistry.settings.sections import Filesystem, Settings, SettingsError
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.storage.keys import COMPANIONS, PRIVATE, SECRETS
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import Blocking


def make_store(settings: Settings, clock: Any, blocking: Blocking) -> IObjectStore:
    """Make the store that the settings describe.

    Raises:
        SettingsError: it cannot be used.
    """
    if settings.storage.inmemory is not None:
        return MemoryObjectStore(clock)
    files = settings.storage.filesystem or Filesystem()
    try:
        return FilesystemObjectStore(
            files.rootdirectory,
            f"{PRIVATE}scratch",
            blocking,
            COMPANIONS,
            floor=files.minfree,
            secrets=SECRETS,
        )
    except StorageUnavailable as error:
        raise SettingsError(
            f"storage.filesystem.rootdirectory: {files.rootdirectory!r} cannot be "
            f"used: {error}."
        ) from error
