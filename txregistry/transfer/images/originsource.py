"""Images from a registry, be it of this process or another."""

from collections.abc import Sequence

from zope.interface import implementer

from txregistry.model.digest import Digest
from txregistry.registry.mirror.platforms import Platforms
from txregistry.tasks import Blocking
from txregistry.transfer.archives.origins import Origin
from txregistry.transfer.archives.writing import ArchivePlan, ArchiveWriter, Wanted
from txregistry.transfer.images.endings import Ending, TransferFailed
from txregistry.transfer.images.interfaces import Asked, IImageSource, Opened


@implementer(IImageSource)
class OriginSource:
    """Write archives of what an origin has: a registry here, or one elsewhere.

    Args:
        origin: Where the images are.
        blocking: Where documents are read, which may be long.
    """

    def __init__(self, origin: Origin, blocking: Blocking) -> None:
        self._origin = origin
        self._blocking = blocking

    async def open(
        self, asked: Asked, start: int = 0, expected: Digest | None = None
    ) -> Opened:
        """See `IImageSource`.

        Raises:
            TransferFailed: the image is another one than was expected.
        """
        plan = await self.plan(asked)
        if expected is not None and plan.digests != (expected,):
            raise TransferFailed(
                Ending.NOT_FOUND,
                f"{asked.reference} is another image now than the one that was begun; "
                "begin anew.",
            )
        if start > plan.size:
            raise TransferFailed(
                Ending.NOT_FOUND, f"The archive has no more than {plan.size} bytes."
            )
        return Opened(plan.open(start), plan.size)

    async def plan(self, asked: Asked) -> ArchivePlan:
        """Find all that an archive is to have."""
        writer = ArchiveWriter(
            self._origin,
            self._blocking,
            platforms=Platforms(asked.platforms),
            have=asked.have,
        )
        return await writer.plan([Wanted(asked.name, asked.reference)])

    async def plan_bundle(
        self, wanted: Sequence[Wanted], platforms: Platforms
    ) -> ArchivePlan:
        """Find all that a bundle is to have."""
        writer = ArchiveWriter(self._origin, self._blocking, platforms=platforms)
        return await writer.plan(wanted, bundled=True)

    async def close(self) -> None:
        """See `IImageSource`."""
