"""Commands that work on the store of a registry, whether that runs or not."""

import os
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec

from txregistry.commands.breakable import BreakableOptions
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem
from txregistry.storage.interfaces import StorageUnavailable

TOP: Final = "docker/registry"
"""Below which everything of a registry lies."""
STORE_PARAMETERS: Sequence[Sequence[Any]] = [
    ["config", "c", None, "A config.yml, as of CNCF Distribution."],
    ["storage", "s", None, "Where content is kept: a folder."],
]


class StoreOptions(BreakableOptions):
    """A command that works on a store."""

    optParameters: ClassVar[Sequence[Sequence[Any]]] = STORE_PARAMETERS
    faults = (SettingsError, StorageUnavailable)

    @property
    def changes(self) -> bool:
        """Whether it writes, so that who does so matters."""
        return False

    @abstractmethod
    async def work(self, reactor: Any, settings: Settings) -> int:
        """Do it, tell what became of it, and say with what to end."""

    def run(self) -> None:
        """Run the command.

        Raises:
            SettingsError: a setting cannot be used.
            SystemExit: at the end, with what became of it.
        """
        settings = self.read_settings(os.environ)
        if self.changes:
            self._warn_of_owner(settings)
        self.work_in_reactor(
            lambda reactor: self.work(reactor, settings), local=settings.is_local
        )

    def read_settings(self, environment: Mapping[str, str]) -> Settings:
        """Read which store it is.

        Raises:
            SettingsError: it cannot be used, or is not there.
        """
        settings, _ = load_settings(self["config"], environment)
        storage, folder = settings.storage, self["storage"]
        if folder is not None:
            if not folder or "://" in folder:
                raise SettingsError(
                    f"--storage: {folder!r} cannot be used; it must be a folder."
                )
            storage = storage.in_folder(folder)
        if storage.inmemory is not None:
            raise SettingsError(
                "storage.inmemory: what is in a process's memory is nowhere else."
            )
        if storage.ocilayout is not None:
            raise SettingsError(
                "storage.ocilayout: a layout is only read; this is for stores."
            )
        settings = msgspec.structs.replace(settings, storage=storage)
        place = local_folder(settings)
        if place is not None and not os.path.isdir(os.path.join(place, TOP)):
            raise SettingsError(
                f"{place!r} has no folder {TOP}: it is no registry's, or not its top; "
                "--storage or --config says where it is."
            )
        return settings

    def _warn_of_owner(self, settings: Settings) -> None:
        """Tell somebody who is about to write files that may be in the way."""
        place = local_folder(settings)
        if place is None:
            return
        owner = os.stat(place).st_uid
        if owner != os.geteuid():
            sys.stderr.write(
                f"txregistry: user {owner} owns {place!r}; what is written now belongs "
                f"to user {os.geteuid()}, and may be in the way of the registry.\n"
            )


def local_folder(settings: Settings) -> str | None:
    """Give the folder of a store; None where it is elsewhere."""
    if settings.storage.is_remote:
        return None
    return (settings.storage.filesystem or Filesystem()).rootdirectory
