"""The registry: all that ``web`` talks to."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime

from txregistry.metrics.counts import RegistryCounts
from txregistry.model.names import RepositoryName, spell_v1_name
from txregistry.registry.acceptance import Acceptance
from txregistry.registry.announcements import Announcements
from txregistry.registry.blobs import Blobs
from txregistry.registry.catalog import Catalog
from txregistry.registry.collection.sparing import FLOOR, Sparing
from txregistry.registry.collection.sparingstore import SparingStore
from txregistry.registry.derivedimages import DerivedImages
from txregistry.registry.formlinks import FormLinks
from txregistry.registry.imagefiles import ImageFiles
from txregistry.registry.images import Images
from txregistry.registry.imagestates import ImageStates
from txregistry.registry.imagetags import ImageTags
from txregistry.registry.imageuploads import ImageUploads
from txregistry.registry.immutability import Immutability
from txregistry.registry.integrity import Integrity
from txregistry.registry.manifests import Manifests
from txregistry.registry.mirror.approvals import Approvals
from txregistry.registry.mirror.blobs import MirroredBlobs
from txregistry.registry.mirror.imagefetching import ImageFetching
from txregistry.registry.mirror.images import MirroredImages
from txregistry.registry.mirror.lists import MirroredLists
from txregistry.registry.mirror.manifests import MirroredManifests
from txregistry.registry.mirror.mirror import Mirror
from txregistry.registry.mirror.rules import MirrorRules
from txregistry.registry.mirror.sizes import KnownSizes
from txregistry.registry.privacy import Privacy
from txregistry.registry.quotas.noting import NotingStore
from txregistry.registry.quotas.quotas import Quotas
from txregistry.registry.quotas.rules import Quota, QuotaRules
from txregistry.registry.reach import Reach
from txregistry.registry.referrers import Referrers
from txregistry.registry.removal import Removal
from txregistry.registry.replication.copying import Origin
from txregistry.registry.replication.replication import Replication
from txregistry.registry.replication.rules import ReplicationRule
from txregistry.registry.restoration import Restoration
from txregistry.registry.schema2forms import Schema2Forms
from txregistry.registry.tags import Tags
from txregistry.registry.transcoding import Transcoding
from txregistry.registry.uploads import Uploads
from txregistry.registry.uses import Uses
from txregistry.storage.evidence import IWitnessed, Witness
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import (
    ANNOUNCED_FOLDER,
    UPLOADS_FOLDER,
    V1_REPOSITORIES,
)
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
        layer_limit: Bytes that a layer may have that comes by version 1; None for as
            many as there is room for.
        immutability: Which tags stay where they are; None for none.
        mirrored: Which repositories are those of other registries; None for none.
        offline: Whether other registries are not asked, whatever is missing.
        replicated: What other registries get as well of what is pushed.
        quotas: How much repositories may hold that are not mirrored.
        lasting: Whether this process goes on for a while.
        floor: Seconds for which something stays after collection found that nobody
            needs it; None where nothing is saved from that: for who collects.
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
        layer_limit: int | None = None,
        immutability: Immutability | None = None,
        mirrored: MirrorRules | None = None,
        offline: bool = False,
        replicated: Sequence[ReplicationRule] = (),
        quotas: Sequence[Quota] = (),
        lasting: bool = True,
        floor: float | None = FLOOR,
        new_session: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self.plain_store = store
        witnessed: Any = IWitnessed(store, None)
        self.witness: Witness | None = None if witnessed is None else witnessed.witness
        sparing = None if floor is None else Sparing(store, clock, floor)
        if sparing is not None:
            store = SparingStore(store, sparing)
        mirrored = mirrored or MirrorRules()
        rules = QuotaRules(quotas, mirrored.covers)
        self.quotas = Quotas(store, clock, rules, lasting=lasting)
        if quotas:
            store = NotingStore(store, self.quotas)
        self.store = store
        self.clock = clock
        self.deletes = deletes and writes
        self.writes = writes
        integrity = Integrity(blocking, self.witness)
        self.catalog = Catalog(store, clock)
        self.blobs = Blobs(store, integrity, self.catalog, sparing, self.quotas)
        self.uploads = Uploads(
            store,
            self.blobs,
            integrity,
            Catalog(store, clock, UPLOADS_FOLDER),
            self.quotas,
            clock,
            new_session,
        )
        self.tags = Tags(store, clock, immutability)
        self.manifests = Manifests(store, self.tags, clock, sparing, self.witness)
        self.referrers = Referrers(
            store, self.manifests, self.tags, clock, write_fallback=write_fallback
        )
        self.reach = Reach(self.manifests, self.tags, clock, blocking)
        links = FormLinks(store, self.manifests, self.tags, self.reach)
        origin = Origin(self.tags, self.manifests, self.blobs, self.referrers)
        self.replication = Replication(store, origin, clock, blocking, replicated)
        self.acceptance = Acceptance(
            self.blobs,
            self.manifests,
            self.tags,
            self.referrers,
            links,
            self.reach,
            self.replication,
            self.quotas,
            clock,
            complete=complete,
        )
        self.restoration = Restoration(
            store,
            self.tags,
            self.manifests,
            self.blobs,
            self.acceptance,
            clock,
            complete=complete,
        )
        self.removal = Removal(store, self.tags, clock)
        self.transcoding = Transcoding(store, self.blobs, blocking, new_session)
        self.forms = Schema2Forms(links, self.manifests, self.blobs, self.transcoding)
        self.images = Images(store, self.blobs, self.manifests, sparing)
        self.image_states = ImageStates(store, clock)
        self.image_uploads = ImageUploads(
            store,
            self.blobs,
            self.images,
            blocking,
            self.image_states,
            self.quotas,
            layer_limit,
        )
        self.derived = DerivedImages(
            self.images,
            self.manifests,
            self.tags,
            self.blobs,
            self.uploads,
            self.transcoding,
            clock,
            blocking,
        )
        self.image_tags = ImageTags(
            store,
            self.images,
            self.derived,
            self.manifests,
            self.tags,
            self.acceptance,
            self.blobs,
            self.uploads,
            self.transcoding,
            clock,
            blocking,
        )
        self.image_files = ImageFiles(self.blobs, self.images, blocking)
        self.announced = Catalog(store, clock, ANNOUNCED_FOLDER, V1_REPOSITORIES)
        self.announcements = Announcements(store, clock)
        self.privacy = Privacy(store)
        self.uses = Uses(store, clock)
        sizes = KnownSizes()
        self.counts = RegistryCounts()
        found = MirroredManifests(
            self.manifests,
            self.tags,
            self.referrers,
            sizes,
            clock,
            self.counts.mirror.manifests,
            offline=offline,
        )
        self.mirror = Mirror(
            mirrored,
            self.manifests,
            self.blobs,
            self.tags,
            found,
            MirroredBlobs(
                store,
                self.blobs,
                sizes,
                clock,
                blocking,
                new_session,
                self.counts.mirror.blobs,
                offline=offline,
            ),
            MirroredLists(self.manifests, found, clock, offline=offline),
            MirroredImages(
                ImageFetching(store, self.blobs, self.images, blocking, new_session),
                self.images,
                self.image_tags,
                self.manifests,
                self.announcements,
                self.uses,
                clock,
                offline=offline,
            ),
            Approvals(clock, offline=offline),
            self.uses,
        )

    async def resolve(self, name: RepositoryName) -> RepositoryName:
        """Say what version 2 calls a repository of version 1.

        For version 1, ``solo`` and ``library/solo`` are one. It is the first, unless
        only the second was ever pushed to.
        """
        full = RepositoryName.parse(spell_v1_name(name))
        if full == name or await self.manifests.has_repository(name):
            return name
        return full if await self.manifests.has_repository(full) else name
