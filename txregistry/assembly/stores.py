"""The store that the settings describe."""

from typing import Any

from txregistry.model.names import RepositoryName
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import S3, Filesystem, OciLayout
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.storage.keys import (
    COLLECTION,
    COMPANIONS,
    FLEETING,
    PRIVATE,
    REPOSITORIES,
    SECRETS,
    USES,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import Blocking


def make_store(settings: Settings, clock: Any, blocking: Blocking) -> IObjectStore:
    """Make the store that the settings describe.

    Raises:
        SettingsError: it cannot be used.
    """
    redirects = not settings.storage.redirect.disable
    if settings.storage.inmemory is not None:
        return MemoryObjectStore(clock)
    if settings.storage.s3 is not None:
        return _make_s3_store(settings.storage.s3, clock, blocking, redirects=redirects)
    if settings.storage.swift is not None:
        # It takes a while to load, and nothing else needs it.
        from txregistry.assembly.swift import make_swift_store  # noqa: PLC0415 - as said
        from txregistry.client.agent import make_pool  # noqa: PLC0415 - as said

        return make_swift_store(
            settings.storage.swift, clock, make_pool(clock), redirects=redirects
        )
    if settings.storage.ocilayout is not None:
        return _make_layout_store(settings.storage.ocilayout, clock, blocking)
    files = settings.storage.filesystem or Filesystem()
    try:
        return FilesystemObjectStore(
            files.rootdirectory,
            f"{PRIVATE}scratch",
            blocking,
            COMPANIONS,
            floor=files.minfree,
            secrets=SECRETS,
            vital=(COLLECTION, USES),
            lasting=(REPOSITORIES,),
            fleeting=FLEETING,
        )
    except StorageUnavailable as error:
        raise SettingsError(
            f"storage.filesystem.rootdirectory: {files.rootdirectory!r} cannot be "
            f"used: {error}."
        ) from error


def _make_layout_store(
    layout: OciLayout, clock: Any, blocking: Blocking
) -> IObjectStore:
    # They take a while to load, and only a layout needs them.
    from txregistry.storage.layoutsource import (  # noqa: PLC0415 - as said
        LayoutObjectSource,
    )
    from txregistry.storage.layoutstore import (  # noqa: PLC0415 - as said
        LayoutObjectStore,
    )

    name = layout.repository
    default = None if name is None else RepositoryName.parse(name)
    try:
        source = LayoutObjectSource(layout.rootdirectory, clock, blocking, default)
    except StorageUnavailable as error:
        raise SettingsError(
            f"storage.ocilayout.rootdirectory: {layout.rootdirectory!r} cannot be "
            f"used: {error}."
        ) from error
    return LayoutObjectStore(source, clock)


def _make_s3_store(
    s3: S3, reactor: Any, blocking: Blocking, *, redirects: bool
) -> IObjectStore:
    try:
        # botocore takes a while to load, and only S3 needs it.
        from txregistry.assembly.s3 import make_s3_store  # noqa: PLC0415 - as said
        from txregistry.client.agent import make_pool  # noqa: PLC0415 - as said
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"storage.s3: it needs {error.name}; install txregistry[s3]."
        ) from error
    pool = make_pool(reactor)
    return make_s3_store(s3, reactor, blocking, pool, redirects=redirects)
