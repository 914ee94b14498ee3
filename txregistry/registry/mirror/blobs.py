"""Blobs of other registries: given to who asks while they are stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import UpstreamFault, UpstreamWrong
from txregistry.client.upstreams.resuming import open_resuming
from txregistry.metrics.mirroring import Pulls
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import BlobUnknown, DigestInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.blobs import Blob, Blobs
from txregistry.registry.filling import Filling
from txregistry.registry.mirror.failures import failure_of, lie_of
from txregistry.registry.mirror.given import GivenBlobs
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.registry.mirror.sizes import KnownSizes
from txregistry.registry.mirror.unkept import Falling, Limited, RemoteBlob
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    StorageFull,
    StorageUnavailable,
)
from txregistry.streams import IReader
from txregistry.tasks import Blocking, Flights, detach

_FULL: Final = 30.0
"""Seconds for which a store that is full is taken to be so; what is pulled meanwhile is
passed through."""
_SOON: Final = 4 * 1024 * 1024
"""Bytes that are waited for, rather than asked for once more."""


class PulledBlob(Protocol):
    """A blob that can be read, wherever it is."""

    @property
    def size(self) -> int:
        """Its bytes."""

    async def open(self, start: int, stop: int) -> IReader:
        """Open part of it: the bytes from an offset up to, but not with, another."""

    async def elsewhere(self) -> str | None:
        """Give a URL under which a client finds it; None where there is none."""


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob that is here."""

    blobs: Blobs
    blob: Blob

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.blob.size

    async def open(self, start: int, stop: int) -> IReader:
        """See `PulledBlob`."""
        return await self.blobs.open(self.blob, start, stop)

    async def elsewhere(self) -> str | None:
        """See `PulledBlob`."""
        return await self.blobs.elsewhere(self.blob)


@dataclass(frozen=True, slots=True)
class ComingBlob:
    """A blob that is on its way here, from its first byte on."""

    filling: Filling
    size: int
    upstream: str
    remote: RemoteBlob

    async def open(self, start: int, stop: int) -> IReader:
        """See `PulledBlob`; what will not be here for a while is passed through."""
        if start > self.filling.arrived + _SOON:
            return await self.remote.open(start, stop)
        reader = Falling(self.filling.reader(start), self.remote, start, stop)
        return Limited(reader, stop - start, self.upstream)

    async def elsewhere(self) -> str | None:
        """See `PulledBlob`."""
        return None

    async def arrive(self, hear: Callable[[int], None]) -> None:
        """Wait until it is here, without reading it.

        Args:
            hear: Is told time and again how many bytes are here.

        Raises:
            UpstreamSilent: not all of it came.
            UpstreamInvalid: likewise, or what came is something else.
        """
        try:
            await self.filling.follow(hear)
        except UpstreamFault as fault:
            raise failure_of(fault) from fault
        except DigestInvalid as error:
            raise lie_of(self.upstream) from error


class MirroredBlobs:
    """Find blobs, here or in the other registry.

    Args:
        store: Where they are kept.
        blobs: Those that are here.
        sizes: How large blobs are, as far as manifests said it.
        clock: Measures the time.
        blocking: Where disk work goes.
        new_session: Makes names for what is under way.
        pulls: Where it is counted what is asked for.
        offline: Whether no other registry is asked, whatever is missing.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        blobs: Blobs,
        sizes: KnownSizes,
        clock: IReactorTime,
        blocking: Blocking,
        new_session: Callable[[], str],
        pulls: Pulls,
        *,
        offline: bool,
    ) -> None:
        self._store = store
        self._pulls = pulls
        self._blobs = blobs
        self._sizes = sizes
        self._clock = clock
        self._blocking = blocking
        self._new_session = new_session
        self._offline = offline
        self._given = GivenBlobs()
        self._flights = Flights()
        self._full = 0.0
        self._under_way: dict[tuple[RepositoryName, Digest], ComingBlob] = {}

    async def find(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        digest: Digest,
        caller: Credentials | None = None,
        *,
        whole: bool,
    ) -> PulledBlob:
        """Give a blob.

        Args:
            rule: The rule of the repository.
            name: The repository.
            digest: The blob.
            caller: By whose credentials it is fetched; None for ours.
            whole: Whether all of it is wanted; else it is not fetched for that.

        Raises:
            BlobUnknown: neither has it.
            UpstreamSilent: it is not here, and the other registry does not answer.
            UpstreamInvalid: likewise, or what it answers cannot be used.
        """
        self._pulls.requests += 1
        found = await self._find(rule, name, digest, caller, whole=whole)
        self._pulls.pushed += found.size if whole else 0
        return found

    async def _find(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        digest: Digest,
        caller: Credentials | None,
        *,
        whole: bool,
    ) -> PulledBlob:
        try:
            stored = await self._blobs.find(name, digest)
            self._pulls.hits += 1
            return StoredBlob(self._blobs, stored)
        except BlobUnknown:
            if self._offline:
                raise BlobUnknown(
                    f"The repository {name} has no such blob here, and this mirror is "
                    "offline.",
                    {"digest": str(digest)},
                ) from None
        coming = self._under_way.get((name, digest))
        if coming is not None:
            return coming
        if self._clock.seconds() < self._full:  # so it is not worth a try
            whole = False
        try:
            if await self._is_known(rule, digest):
                await self._take(rule, name, digest, caller)
                blob = await self._blobs.find(name, digest)
                self._pulls.hits += 1
                return StoredBlob(self._blobs, blob)
            if not whole:
                return await self._look(rule, name, digest, caller)
            return await self._flights.join(
                (name, digest), lambda: self._begin(rule, name, digest, caller)
            )
        except UpstreamFault as fault:
            raise failure_of(fault) from fault

    async def _is_known(self, rule: MirrorRule, digest: Digest) -> bool:
        """Say whether the other registry has given the content, which is sound."""
        given = self._given.has(rule.upstream.name, digest)
        return given and await self._blobs.is_sound(digest)

    async def _take(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        digest: Digest,
        caller: Credentials | None,
    ) -> None:
        """Let the repository have what is here, if its other registry has it too."""
        found = await rule.upstream.head_blob(rule.remote_name(name), digest, caller)
        if found is None:
            raise _unknown(name, digest)
        await self._blobs.link(name, digest, digest)

    async def _look(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        digest: Digest,
        caller: Credentials | None,
    ) -> RemoteBlob:
        remote = rule.remote_name(name)
        found = await rule.upstream.head_blob(remote, digest, caller)
        if found is None:
            raise _unknown(name, digest)
        known = self._sizes.get(digest)
        size = found.size if known is None else known
        if size is None:
            what = "does not say how large a blob is"
            raise UpstreamWrong(rule.upstream.name, what)
        if found.size not in {None, size}:
            what = "gives a blob another size than its manifest does"
            raise UpstreamWrong(rule.upstream.name, what)
        return RemoteBlob(rule, remote, digest, size, caller, self._blocking)

    async def _begin(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        digest: Digest,
        caller: Credentials | None,
    ) -> PulledBlob:
        opened = await open_resuming(
            rule.upstream,
            rule.remote_name(name),
            digest,
            self._clock,
            size=self._sizes.get(digest),
            caller=caller,
        )
        if opened is None:
            raise _unknown(name, digest)
        known = digest.algorithm == CANONICAL and opened.size is not None
        area = self._store.stage(
            keys.single_upload(self._new_session()),
            keys.blob(digest) if known else None,
        )
        filling = Filling(
            self._store, area, opened.reader, self._blocking, digest, opened.size
        )
        work = detach(
            self._fill(rule, name, digest, filling), self._log, "fetching a blob"
        )
        size = opened.size or 0
        remote = RemoteBlob(
            rule, rule.remote_name(name), digest, size, caller, self._blocking
        )
        coming = ComingBlob(filling, size, rule.upstream.name, remote)
        if opened.size is None:
            await work
            await coming.arrive(lambda _: None)  # which says why, if it did not
            blob = await self._blobs.find(name, digest)
            return StoredBlob(self._blobs, blob)
        if not work.called:
            self._under_way[name, digest] = coming
            _ = work.addBoth(lambda _: self._under_way.pop((name, digest), None))
        return coming

    async def _fill(
        self, rule: MirrorRule, name: RepositoryName, digest: Digest, filling: Filling
    ) -> None:
        async def keep(stored: Digest) -> None:
            await self._blobs.vouch(stored)
            await self._blobs.link(name, digest, stored)
            if digest == stored:
                self._given.add(rule.upstream.name, digest)

        self._pulls.misses += 1
        try:
            await filling.run(keep)
        except DigestInvalid as error:
            self._log.error(
                "The upstream registry {upstream} lies about {digest} of {name}: "
                "{reason}",
                upstream=rule.upstream.name,
                digest=str(digest),
                name=str(name),
                reason=error.message,
            )
        except StorageUnavailable as error:  # which who waits for it is told as well
            if isinstance(error, StorageFull):
                self._full = self._clock.seconds() + _FULL
            self._log.error(
                "The mirror cannot keep {digest} of {name}: {reason}",
                digest=str(digest),
                name=str(name),
                reason=str(error),
            )
        except UpstreamFault as fault:
            self._log.warn(
                "The mirror wanted {digest} of {name}: {reason}",
                digest=str(digest),
                name=str(name),
                reason=fault.reason,
            )
        finally:
            self._pulls.pulled += filling.arrived


def _unknown(name: RepositoryName, digest: Digest) -> BlobUnknown:
    return BlobUnknown(
        f"The repository {name} has no such blob.", {"digest": str(digest)}
    )
