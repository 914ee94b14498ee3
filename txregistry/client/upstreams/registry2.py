"""A registry behind a mirror that speaks version 2 of the API."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from zope.interface import implementer

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.asking import Asking, Question
from txregistry.client.upstreams.blobs import Blobs, Wanted
from txregistry.client.upstreams.interfaces import (
    Budget,
    Fetched,
    Found,
    IUpstream,
    Opened,
)
from txregistry.client.upstreams.lists import Lists
from txregistry.client.upstreams.manifests import ACCEPT, Manifests
from txregistry.client.upstreams.slots import Slots
from txregistry.model.descriptors import INDEXES, OCI_INDEX
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, NameInvalid, TagInvalid
from txregistry.model.names import (
    Reference,
    RepositoryName,
    fallback_tag,
    parse_reference,
)
from txregistry.streams import IReader

T = TypeVar("T")

_ANYTHING: Final = "*/*"


@implementer(IUpstream)
class Registry2Upstream:
    """Ask a registry that speaks version 2 of the API.

    Args:
        name: What it is called.
        asking: Asks it.
        manifests: Understands its manifests.
        blobs: Understands its blobs.
        lists: Reads its lists.
        blob_slots: How many blobs are read at a time.
        passing_slots: How many are passed on besides, as slowly as others read them.
        relay: Makes of a blob one that is passed on so.
        slots: How many questions of other kinds are open.
        end: Ends all connections.
    """

    def __init__(
        self,
        name: str,
        *,
        asking: Asking,
        manifests: Manifests,
        blobs: Blobs,
        lists: Lists,
        blob_slots: Slots,
        passing_slots: Slots,
        relay: Callable[[IReader], IReader],
        slots: Slots,
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self.name = name
        self._asking = asking
        self._manifests = manifests
        self._blobs = blobs
        self._lists = lists
        self._blob_slots = blob_slots
        self._passing_slots = passing_slots
        self._relay = relay
        self._slots = slots
        self._end = end

    async def head_manifest(
        self, repository: str, reference: str, caller: Credentials | None = None
    ) -> Found | None:
        """See `IUpstream`."""
        wanted = _reference(reference)
        if wanted is None:
            return None
        return await self._ask(
            "HEAD",
            repository,
            f"manifests/{wanted}",
            ACCEPT,
            caller,
            partial(self._manifests.found, reference=wanted),
        )

    async def get_manifest(
        self, repository: str, reference: str, caller: Credentials | None = None
    ) -> Fetched | None:
        """See `IUpstream`."""
        wanted = _reference(reference)
        if wanted is None:
            return None
        return await self._ask(
            "GET",
            repository,
            f"manifests/{wanted}",
            ACCEPT,
            caller,
            partial(self._manifests.fetched, reference=wanted),
        )

    async def head_blob(
        self, repository: str, digest: Digest, caller: Credentials | None = None
    ) -> Found | None:
        """See `IUpstream`."""
        return await self._ask(
            "HEAD",
            repository,
            f"blobs/{digest}",
            _ANYTHING,
            caller,
            partial(self._blobs.found, wanted=Wanted(digest)),
        )

    async def open_blob(
        self,
        repository: str,
        digest: Digest,
        start: int = 0,
        caller: Credentials | None = None,
        size: int | None = None,
        *,
        passed: bool = False,
    ) -> Opened | None:
        """See `IUpstream`."""
        headers = {"Accept": _ANYTHING}
        if start:
            headers["Range"] = f"bytes={start}-"
        if not _is_name(repository):
            return None
        question = Question(
            "GET", f"/v2/{repository}/blobs/{digest}", repository, headers, caller
        )
        slots = self._passing_slots if passed else self._blob_slots
        ended = await slots.take()
        opened = None
        try:
            opened = await self._asking.ask(
                question,
                partial(
                    self._blobs.opened,
                    wanted=Wanted(digest, start, size),
                    ended=ended,
                ),
            )
        finally:
            if opened is None:
                ended()
        if opened is None or not passed:
            return opened
        return replace(opened, reader=self._relay(opened.reader))

    async def referrers(
        self, repository: str, digest: Digest, caller: Credentials | None = None
    ) -> bytes | None:
        """See `IUpstream`."""
        if not _is_name(repository):
            return None
        target = f"/v2/{repository}/referrers/{digest}"
        question = Question("GET", target, repository, {"Accept": OCI_INDEX}, caller)
        async with self._slots.turn():
            found = await self._lists.referrers(question)
        if found is not None:
            return found
        tag = str(fallback_tag(digest))
        fetched = await self.get_manifest(repository, tag, caller)
        if fetched is None or fetched.media_type not in INDEXES:
            return None
        return fetched.data

    async def tags(
        self,
        repository: str,
        after: str,
        limit: int,
        caller: Credentials | None = None,
    ) -> list[str] | None:
        """See `IUpstream`."""
        if not _is_name(repository):
            return None
        target = f"/v2/{repository}/tags/list"
        accept = {"Accept": "application/json"}
        question = Question("GET", target, repository, accept, caller)
        async with self._slots.turn():
            return await self._lists.tags(question, after, limit)

    def budget(self) -> Budget | None:
        """See `IUpstream`."""
        return self._asking.budget

    async def close(self) -> None:
        """See `IUpstream`."""
        self._asking.closed = True
        await self._end()

    async def _ask(
        self,
        method: str,
        repository: str,
        what: str,
        accept: str,
        caller: Credentials | None,
        take: Callable[[Answer], Awaitable[T | None]],
    ) -> T | None:
        if not _is_name(repository):
            return None
        target = f"/v2/{repository}/{what}"
        question = Question(method, target, repository, {"Accept": accept}, caller)
        async with self._slots.turn():
            return await self._asking.ask(question, take)


def _is_name(text: str) -> bool:
    """Whether there can be such a repository anywhere."""
    try:
        RepositoryName.parse(text)
    except NameInvalid:
        return False
    return True


def _reference(text: str) -> Reference | None:
    """Read a reference; None for what there can be nowhere."""
    try:
        return parse_reference(text)
    except (DigestInvalid, TagInvalid):
        return None
