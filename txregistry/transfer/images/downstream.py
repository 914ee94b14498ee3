"""Images for a registry that is reached over HTTP."""

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.client.downstreams.interfaces import IDownstream
from txregistry.client.upstreams.interfaces import IUpstream
from txregistry.model.descriptors import MANIFESTS, Descriptor
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.replication.copying import Copying, Origin
from txregistry.registry.replication.rules import ReplicationRule
from txregistry.streams import IReader
from txregistry.tasks import Blocking
from txregistry.transfer.images.interfaces import IImageTarget, Placement
from txregistry.transfer.images.registries import RegistryTarget
from txregistry.transfer.images.scratch import scratch_registry
from txregistry.transfer.images.upstream import blobs_of

_RULE = "registryput"


@implementer(IImageTarget)
class DownstreamTarget:
    """Push images of archives to another registry.

    An archive says what it has at its end, and sometimes not by which digests; so it is
    taken into a folder first, where all of it is checked. What the registry has already
    is not sent.

    Args:
        downstream: The registry.
        upstream: The same, to be asked for what it has.
        clock: What measures the time.
        blocking: Where work goes that takes its time.
    """

    def __init__(
        self,
        downstream: IDownstream,
        upstream: IUpstream,
        clock: IReactorTime,
        blocking: Blocking,
    ) -> None:
        self._downstream = downstream
        self._upstream = upstream
        self._clock = clock
        self._blocking = blocking

    async def receive(
        self, source: IReader, placements: Sequence[Placement], *, resume: bool = False
    ) -> Sequence[Digest]:
        """See `IImageTarget`: what the registry has is never sent again."""
        del resume
        async with scratch_registry(self._clock, self._blocking) as registry:
            target = RegistryTarget(registry, self._blocking, beyond=self._holds)
            untagged = [Placement(each.name, (), each.called) for each in placements]
            digests = await target.receive(source, untagged)
            copying = Copying(
                ReplicationRule(_RULE, self._downstream, referrers=False),
                Origin(
                    registry.tags,
                    registry.manifests,
                    registry.blobs,
                    registry.referrers,
                ),
                self._clock,
                self._blocking,
            )
            for each, digest in zip(placements, digests, strict=True):
                await copying.copy(each.name, digest)
            for each, digest in zip(placements, digests, strict=True):
                for tag in each.tags:
                    await copying.set(each.name, tag, digest)
            return digests

    async def held(self, name: RepositoryName) -> Sequence[Digest]:
        """See `IImageTarget`."""
        return await blobs_of(self._upstream, name, self._blocking)

    async def close(self) -> None:
        """See `IImageTarget`."""
        await self._downstream.close()
        await self._upstream.close()

    async def _holds(self, name: RepositoryName, wanted: Descriptor) -> bool:
        # Of an index whose manifests are there, and not here, one cannot be copied.
        if wanted.media_type in MANIFESTS:
            return False
        found: bool = await self._downstream.has_blob(
            str(name), wanted.digest, wanted.size
        )
        return found
