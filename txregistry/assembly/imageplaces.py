"""Places that images come from and go to: folders, registries, hosts behind SSH."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from twisted.internet.interfaces import IReactorTime

from txregistry.assembly.stores import make_store
from txregistry.client.upstreams.places import parse_home
from txregistry.model.digest import Digest
from txregistry.registry.blobs import Blobs
from txregistry.registry.catalog import Catalog
from txregistry.registry.integrity import Integrity
from txregistry.registry.manifests import Manifests
from txregistry.registry.tags import Tags
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Storage
from txregistry.storage.folder import FolderObjectSource
from txregistry.storage.interfaces import IObjectStore, Stat
from txregistry.storage.readonly import ReadOnlyObjectStore
from txregistry.streams import IReader
from txregistry.tasks import Blocking
from txregistry.transfer.images.descriptors import Interruption
from txregistry.transfer.images.endings import Ending, TransferFailed
from txregistry.transfer.images.interfaces import IImageSource, IImageTarget
from txregistry.transfer.images.originsource import OriginSource
from txregistry.transfer.images.remotecommands import SshPlace

USER: Final = "TXREGISTRY_USERNAME"
PASSWORD: Final = "TXREGISTRY_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Means:
    """How other registries and hosts are reached, and who we are there.

    Attributes:
        environment: The variables of the process.
        credentials: A file with a name and a password; None for the variables.
        cas: Files with who vouches for a registry; none for those of the platform.
        certificate: A file with what a registry is shown.
        key: A file with the key of that.
        ssh: OpenSSH's ``ssh``, and maybe options of it.
    """

    environment: Mapping[str, str] = field(repr=False)
    credentials: str | None = None
    cas: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None
    ssh: tuple[str, ...] = ("ssh",)


@dataclass(frozen=True, slots=True)
class Work:
    """What a place works with.

    Attributes:
        reactor: Makes connections, runs programs, measures the time.
        blocking: Where work goes that takes its time.
        interruption: Ends waiting.
    """

    reactor: Any
    blocking: Blocking
    interruption: Interruption


class ImagePlace(Protocol):
    """A place of images, which nobody has looked at yet."""

    @property
    def is_local(self) -> bool:
        """Whether it is certainly on this machine, and this process gets there."""

    def open_source(self, work: Work) -> IImageSource:
        """Open it to get images.

        Raises:
            SettingsError: what was said of it cannot be used.
            StorageUnavailable: it cannot be read.
            TransferFailed: it is not there.
        """

    def open_target(self, work: Work) -> IImageTarget:
        """Open it to put images.

        Raises:
            SettingsError: what was said of it cannot be used.
            TransferFailed: it is not there, or cannot be written.
        """


def parse_place(text: str, means: Means) -> ImagePlace:
    """Read where images are.

    Args:
        text: A registry's folder or ``config.yml``, or a URL of http, https or ssh.
        means: How others are reached.

    Raises:
        ValueError: there can be no such place. The text is not in the message.
    """
    scheme, mark, _ = text.partition("://")
    if not text or "\0" in text:
        raise ValueError("it is empty, or has a character that none may have")
    if not mark or "/" in scheme:
        return FolderPlace(text)
    if scheme.lower() in {"http", "https"}:
        parse_home(text)
        return WebPlace(text, means)
    if scheme == "ssh":
        return HostPlace(SshPlace.parse(text), means)
    raise ValueError("allowed are a folder, and URLs of http, https and ssh")


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """A folder with a registry's data, or the settings of a registry."""

    path: str

    @property
    def is_local(self) -> bool:
        """See `ImagePlace`: settings may be those of a registry whose store is not."""
        return os.path.isdir(self.path)

    def open_source(self, work: Work) -> IImageSource:
        """See `ImagePlace`."""
        settings = self._settings()
        if settings.storage.filesystem is not None:
            folder = settings.storage.filesystem.rootdirectory
            source = FolderObjectSource(folder, work.blocking)
            store: IObjectStore = ReadOnlyObjectStore(source)  # nothing is made there
        else:
            store = make_store(settings, work.reactor, work.blocking)
        origin = StoreOrigin.of(store, work.reactor, work.blocking)
        return OriginSource(origin, work.blocking)

    def open_target(self, work: Work) -> IImageTarget:
        """See `ImagePlace`."""
        settings = self._settings()
        if settings.storage.is_readonly:
            raise TransferFailed(Ending.REFUSED, f"{self.path!r} is only read.")
        # They take a while to load, and only who writes needs all of a registry.
        from txregistry.assembly.registries import (  # noqa: PLC0415 - as said
            make_registry,
        )
        from txregistry.transfer.images.registries import (  # noqa: PLC0415 - as said
            RegistryTarget,
        )

        registry = make_registry(settings, work.reactor, work.blocking, lasting=False)
        return RegistryTarget(registry, work.blocking)

    def _settings(self) -> Settings:
        """Find out what is there: the form of a folder's content is chosen here.

        Raises:
            SettingsError: the settings cannot be used.
            TransferFailed: there is nothing.
        """
        if os.path.isdir(self.path):
            return Settings(storage=Storage().in_folder(self.path))
        if not os.path.exists(self.path):
            raise TransferFailed(
                Ending.NOT_FOUND, f"{self.path!r} is not there; make the folder first."
            )
        settings, _ = load_settings(self.path, {})
        if settings.storage.inmemory is not None:
            raise SettingsError(
                "storage.inmemory: what is in a process's memory is nowhere else."
            )
        return settings


class _LaterChecked(Integrity):
    """Let content be read as it is: whoever passes on an archive checks all of it."""

    def check(self, digest: Digest, stat: Stat, reader: IReader) -> IReader:
        """See `Integrity`."""
        del digest, stat
        return reader


@dataclass(frozen=True, slots=True)
class StoreOrigin:
    """As much of a registry as it takes to read images of a store."""

    clock: IReactorTime
    manifests: Manifests
    blobs: Blobs

    @classmethod
    def of(
        cls, store: IObjectStore, clock: IReactorTime, blocking: Blocking
    ) -> "StoreOrigin":
        """Put it together."""
        manifests = Manifests(store, Tags(store, clock), clock)
        blobs = Blobs(store, _LaterChecked(blocking), Catalog(store, clock))
        return cls(clock, manifests, blobs)


@dataclass(frozen=True, slots=True)
class WebPlace:
    """A registry that is reached over HTTP.

    What speaks that takes a while to load, so it is looked for when it is opened.
    """

    url: str
    means: Means
    is_local = False

    def open_source(self, work: Work) -> IImageSource:
        """See `ImagePlace`."""
        from txregistry.assembly.webplaces import open_source  # noqa: PLC0415 - as said

        return open_source(self.url, self.means, work)

    def open_target(self, work: Work) -> IImageTarget:
        """See `ImagePlace`."""
        from txregistry.assembly.webplaces import open_target  # noqa: PLC0415 - as said

        return open_target(self.url, self.means, work)


@dataclass(frozen=True, slots=True)
class HostPlace:
    """A host that is reached over SSH; what does that is looked for likewise."""

    place: SshPlace
    means: Means
    is_local = False

    def open_source(self, work: Work) -> IImageSource:
        """See `ImagePlace`."""
        from txregistry.assembly.hostplaces import open_source  # noqa: PLC0415 - as said

        return open_source(self.place, self.means, work)

    def open_target(self, work: Work) -> IImageTarget:
        """See `ImagePlace`."""
        from txregistry.assembly.hostplaces import open_target  # noqa: PLC0415 - as said

        return open_target(self.place, self.means, work)
