"""A registry that takes content by version 2 of the API."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from zope.interface import implementer

from txregistry.client.downstreams.interfaces import IDownstream, OpenBlob
from txregistry.client.downstreams.pushing import Pushing
from txregistry.client.downstreams.refusals import refusal
from txregistry.client.downstreams.sessions import Sessions
from txregistry.client.upstreams.answers import Answer, Malformed
from txregistry.client.upstreams.asking import Asking, Question
from txregistry.client.upstreams.authorization import Authorization
from txregistry.client.upstreams.blobs import Blobs, Wanted
from txregistry.client.upstreams.interfaces import (
    Found,
    UpstreamRefused,
    UpstreamWrong,
)
from txregistry.client.upstreams.manifests import ABSENT, ACCEPT, Manifests
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.readers import Documents, dismiss
from txregistry.client.upstreams.resuming import Resumption
from txregistry.client.upstreams.slots import Slots
from txregistry.model.digest import Digest
from txregistry.model.names import parse_reference
from txregistry.storage.requestbody import BytesBody

_OK: Final = 200
_GOOD: Final = range(200, 300)


@implementer(IDownstream)
class Registry2Downstream:
    """Push to a registry that speaks version 2 of the API.

    Args:
        name: What it is called.
        home: Where it is.
        asking: Asks it.
        authorization: Knows what it is shown.
        documents: Reads answers.
        manifests: Understands its manifests.
        blobs: Understands its blobs.
        blob_slots: How many blobs are pushed at a time.
        slots: How many questions of other kinds are open.
        end: Ends all connections.
        resumption: How often a push may break off.
        chance: A number from 0 to 1, another each time.
    """

    def __init__(
        self,
        name: str,
        home: Place,
        asking: Asking,
        authorization: Authorization,
        documents: Documents,
        *,
        manifests: Manifests,
        blobs: Blobs,
        blob_slots: Slots,
        slots: Slots,
        end: Callable[[], Awaitable[None]],
        resumption: Resumption,
        chance: Callable[[], float],
    ) -> None:
        self.name = name
        self._home = home
        self._asking = asking
        self._authorization = authorization
        self._documents = documents
        self._manifests = manifests
        self._blobs = blobs
        self._blob_slots = blob_slots
        self._slots = slots
        self._end = end
        self._sessions = Sessions(name, home, asking, documents)
        self._pushing = Pushing(
            self._sessions, self._ask_for_blob, documents.clock, resumption, chance
        )

    async def has_blob(self, repository: str, digest: Digest, size: int) -> bool:
        """See `IDownstream`."""
        async with self._slots.turn():
            return await self._ask_for_blob(repository, digest, size)

    async def mount_blob(self, repository: str, digest: Digest, source: str) -> bool:
        """See `IDownstream`."""
        self._authorization.widen(repository, source)
        try:
            async with self._slots.turn():
                return await self._sessions.mount(repository, digest, source)
        except UpstreamRefused:
            return False  # we may have no right to the other one
        finally:
            self._authorization.narrow(repository)

    async def push_blob(
        self, repository: str, digest: Digest, size: int, open_blob: OpenBlob
    ) -> None:
        """See `IDownstream`."""
        async with self._blob_slots.turn():
            await self._pushing.push(repository, digest, size, open_blob)

    async def head_manifest(self, repository: str, reference: str) -> Found | None:
        """See `IDownstream`."""
        target = f"/v2/{repository}/manifests/{reference}"
        question = Question("HEAD", target, repository, {"Accept": ACCEPT})
        take = partial(self._manifests.found, reference=parse_reference(reference))
        async with self._slots.turn():
            return await self._asking.ask(question, take)

    async def put_manifest(
        self,
        repository: str,
        reference: str,
        digest: Digest,
        data: bytes,
        media_type: str,
    ) -> bool:
        """See `IDownstream`."""
        question = Question(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            repository,
            {"Content-Type": media_type},
            body=lambda: BytesBody(data),
        )
        async with self._slots.turn():
            return await self._asking.ask(question, partial(self._put, digest=digest))

    async def close(self) -> None:
        """See `IDownstream`."""
        self._asking.closed = True
        await self._end()

    async def _ask_for_blob(self, repository: str, digest: Digest, size: int) -> bool:
        target = f"/v2/{repository}/blobs/{digest}"
        question = Question("HEAD", target, repository, {"Accept": "*/*"})
        wanted = Wanted(digest, size=size)
        return await self._asking.ask(question, partial(self._has, wanted=wanted))

    async def _has(self, answer: Answer, wanted: Wanted) -> bool:
        # Where a registry sends us to ask for a blob by HEAD, it may be refused that.
        elsewhere = answer.place.origin != self._home.origin
        if answer.status in {_OK, *ABSENT} or elsewhere:
            return await self._blobs.found(answer, wanted) is not None
        raise await refusal(self.name, answer, self._documents)

    async def _put(self, answer: Answer, digest: Digest) -> bool:
        if answer.status not in _GOOD:
            raise await refusal(self.name, answer, self._documents)
        await dismiss(answer, self._documents.clock)
        try:
            said = answer.digest
        except Malformed:
            said = None
        if said is not None and said.algorithm == digest.algorithm and said != digest:
            raise UpstreamWrong(self.name, "took another manifest than it was given")
        return bool(answer.header("oci-subject"))
