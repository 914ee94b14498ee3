"""``txregistry rm``: remove a tag, a manifest with its tags, or a repository."""

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from twisted.python import usage

from txregistry.assembly.registries import make_registry
from txregistry.commands.breakable import start_threads
from txregistry.commands.meant import Meant, parse_meant
from txregistry.commands.storeoptions import StoreOptions
from txregistry.model.errors import RegistryError
from txregistry.registry.repositories import Registry
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem

_REFUSED: Final = 1


class Remove(StoreOptions):
    """``rm``: remove what is named."""

    synopsis = "Usage: txregistry rm NAME:TAG | NAME@DIGEST | NAME --repository --yes"
    longdesc = (
        "A tag goes alone; 'txregistry undo' brings it back. A manifest goes with all "
        "tags that point to it. A repository goes with all that is its, for good; "
        "those nested in it stay. Space is free when garbage was collected. What the "
        "settings say of deleting by the API does not matter; immutable tags stay. "
        "Ends with 0 when it is gone, 1 when it was not there or has to stay, 2 when "
        "the store cannot be used."
    )
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["repository", None, "Remove the whole repository."],
        ["yes", None, "Yes, the whole repository."],
    ]
    meant: Meant

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, meant: str
    ) -> None:
        """Take what is to go."""
        self.meant = parse_meant(meant)

    def postOptions(self) -> None:
        """See that nobody removes more than they mean.

        Raises:
            UsageError: that is not certain.
        """
        whole = self.meant.reference is None
        if bool(self["repository"]) != whole:
            raise usage.UsageError(
                "NAME:TAG or NAME@DIGEST is needed; or NAME with --repository and "
                "--yes, to remove all of it."
            )
        if whole and not self["yes"]:
            raise usage.UsageError(
                f"All of {self.meant.name} would go, for good; say --yes as well."
            )

    def run(self) -> None:
        """Remove.

        Raises:
            SettingsError: a setting cannot be used.
            SystemExit: at the end, with what became of it.
        """
        settings = self.read_settings(os.environ)
        self.warn_of_owner(settings)
        self.work_in_reactor(lambda reactor: self._work(reactor, settings))

    async def _work(self, reactor: Any, settings: Settings) -> int:
        files = settings.storage.filesystem or Filesystem()
        blocking = start_threads(reactor, files.maxthreads, "rm")
        registry = make_registry(settings, reactor, blocking)
        if not registry.writes:
            raise SettingsError("storage.maintenance.readonly: nothing may be changed.")
        try:
            return await self._remove(registry)
        except RegistryError as error:
            sys.stderr.write(f"txregistry: {error.message}\n")
            return _REFUSED

    async def _remove(self, registry: Registry) -> int:
        name, reference = self.meant.name, self.meant.reference
        if reference is not None:
            await registry.acceptance.delete(name, reference)
            sys.stdout.write(f"{reference} of {name} is gone\n")
        elif await registry.removal.delete(name):
            sys.stdout.write(f"{name} is gone\n")
        else:
            sys.stderr.write(f"txregistry: There is no repository {name}.\n")
            return _REFUSED
        return 0
