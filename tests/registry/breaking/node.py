"""A registry with all that works on it, as one process has it."""

from typing import Any, Final

from tests.registry.case import chunk
from tests.registry.content import CONFIG
from tests.registry.images import ENGINE, V1Image
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageExists
from txregistry.model.images import ImageId
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.collection.collector import Collector
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.interfaces import IKeeping
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.quarantine import Quarantine
from txregistry.registry.repositories import Registry
from txregistry.registry.scopes import Scope
from txregistry.registry.scrubbing.scrub import Scrub
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.streams import BytesReader
from txregistry.tasks import at_once

_SKEW: Final = -60.0
"""An age of which everything is, though a store's clock may be ahead of ours."""


class Node:
    """A process over a store, where nothing has to wait before it is collected.

    Args:
        store: The store.
        clock: A clock, which others let go on.

    Attributes:
        registry: The registry.
        bare: The same for who collects.
    """

    def __init__(self, store: IObjectStore, clock: Any) -> None:
        self.store = store
        self.clock = clock
        self.registry = Registry(store, clock, at_once, floor=0.0)
        self.bare = Registry(store, clock, at_once, floor=None)

    async def push(
        self, name: RepositoryName, reference: Reference | None, data: bytes
    ) -> None:
        """Push a manifest; by its digest, if no reference is given."""
        wanted = reference or Digest.of(data)
        await self.registry.acceptance.push(name, wanted, data, None)

    async def push_blob(self, name: RepositoryName, data: bytes) -> None:
        """Push a blob as clients do, that is, unless it is there."""
        digest = Digest.of(data)
        if not await self.registry.blobs.holds(name, digest):
            await self.registry.uploads.push(name, digest, chunk(data))

    async def push_image(
        self,
        name: RepositoryName,
        reference: Reference | None,
        manifest: bytes,
        *layers: bytes,
    ) -> None:
        """Push an image with what it names."""
        for data in (CONFIG, *layers):
            await self.push_blob(name, data)
        await self.push(name, reference, manifest)

    async def push_old_image(
        self, name: RepositoryName, tag: Tag, *images: V1Image
    ) -> None:
        """Push images by version 1, the base first, and let a tag name the last."""
        scope = Scope((name,), "me")
        for image in images:
            image_id = ImageId(image.image_id)
            uploads, size = self.registry.image_uploads, len(image.layer)
            try:
                await uploads.begin(scope, image_id, image.json, None)
                layer = BytesReader(image.layer)
                await uploads.take_layer(scope, image_id, layer, size)
                await uploads.finish(scope, image_id, image.payload, None)
            except ImageExists:
                continue
        top = ImageId(images[-1].image_id)
        await self.registry.image_tags.point(name, tag, top, ENGINE)

    async def collect(self, rounds: int, keeping: IKeeping | None = None) -> None:
        """Collect."""
        collector = Collector(
            self.bare,
            at_once,
            0.0,
            f"node {id(self)}",
            Contents(self.store, at_once),
            keeping or KeepingAll(),
        )
        for _ in range(rounds):
            await collector.collect()

    async def scrub(self) -> int:
        """Read everything, and say how much was rotten."""

        async def tend() -> None:
            pass

        scrub = Scrub(self.store, Quarantine(self.store), self.clock, at_once, None)
        return (await scrub.run(tend)).found

    async def tidy(self) -> None:
        """Do what time does: uploads that nobody goes on with end, and leases."""
        await self.registry.uploads.expire(_SKEW)
        await self.registry.image_states.expire(_SKEW)
        await self.store.delete([keys.collection_lease()])


def blobs_of(manifest: bytes) -> list[Digest]:
    """Give what a manifest names."""
    return [each.digest for each in parse_manifest(manifest, None).blobs]
