"""The registry: all that ``web`` talks to."""

from collections.abc import Callable
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime

from txregistry.registry.acceptance import Acceptance
from txregistry.registry.blobs import Blobs
from txregistry.registry.catalog import Catalog
from txregistry.registry.integrity import Integrity
from txregistry.registry.manifests import Manifests
from txregistry.registry.referrers import Referrers
from txregistry.registry.tags import Tags
from txregistry.registry.uploads import Uploads
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import UPLOADS_FOLDER
from txregistry.tasks import Blocking


class Registry:
    """Repositories of manifests and blobs over one object store.

    Args:
        store: Where everything is kept; all state is there.
        clock: Tells the time.
        blocking: Where hashing goes.
        complete: Whether a manifest is refused while something it names is missing.
        write_fallback: Whether the fallback tags of referrers are kept in step.
        deletes: Whether content may be deleted.
        writes: Whether anything may be pushed or deleted.
        new_session: Makes ids of upload sessions: random UUIDs.
    """

    def __init__(
        self,
        store: IObjectStore,
        clock: IReactorTime,
        blocking: Blocking,
        *,
        complete: bool = True,
        write_fallback: bool = True,
        deletes: bool = True,
        writes: bool = True,
        new_session: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self.store = store
        self.clock = clock
        self.deletes = deletes and writes
        self.writes = writes
        integrity = Integrity(blocking)
        self.catalog = Catalog(store, clock)
        self.blobs = Blobs(store, integrity, self.catalog)
        self.uploads = Uploads(
            store,
            self.blobs,
            integrity,
            Catalog(store, clock, UPLOADS_FOLDER),
            clock,
            new_session,
        )
        self.tags = Tags(store, clock)
        self.manifests = Manifests(store, self.tags)
        self.referrers = Referrers(
            store, self.manifests, self.tags, clock, write_fallback=write_fallback
        )
        self.acceptance = Acceptance(
            self.blobs,
            self.manifests,
            self.tags,
            self.referrers,
            clock,
            complete=complete,
        )
