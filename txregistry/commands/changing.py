"""Commands that change what is in a registry, as its rules let them."""

import sys
from abc import abstractmethod
from typing import Any, Final

from txregistry.assembly.registries import make_registry
from txregistry.commands.breakable import start_threads
from txregistry.commands.storeoptions import StoreOptions
from txregistry.model.errors import RegistryError
from txregistry.registry.repositories import Registry
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem

REFUSED: Final = 1
"""The status where something is not there, or has to stay as it is."""


class ChangingOptions(StoreOptions):
    """A command that changes something."""

    @abstractmethod
    async def change(self, registry: Registry) -> int:
        """Do it, and say with what to end.

        Raises:
            RegistryError: it may not be, or cannot.
        """

    @property
    def changes(self) -> bool:
        """Whether it writes."""
        return True

    async def work(self, reactor: Any, settings: Settings) -> int:
        """See `StoreOptions`."""
        files = settings.storage.filesystem or Filesystem()
        blocking = start_threads(reactor, files.maxthreads, "change")
        registry = make_registry(settings, reactor, blocking, lasting=False)
        if not registry.writes:
            raise SettingsError("storage.maintenance.readonly: nothing may be changed.")
        try:
            return await self.change(registry)
        except RegistryError as error:
            sys.stderr.write(f"txregistry: {error.message}\n")
            return REFUSED
        finally:
            await registry.quotas.flush()
