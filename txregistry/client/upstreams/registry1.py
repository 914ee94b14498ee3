"""A registry behind a mirror that speaks version 1 of the API, and nothing else."""

import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.asking import Question
from txregistry.client.upstreams.blobs import Blobs, Wanted
from txregistry.client.upstreams.interfaces import (
    Budget,
    Fetched,
    FetchedImage,
    Found,
    IVersion1Upstream,
    Opened,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.manifests import ABSENT
from txregistry.client.upstreams.readers import Documents, dismiss
from txregistry.client.upstreams.registry1documents import Documents1
from txregistry.client.upstreams.registry1sessions import Session, Sessions
from txregistry.client.upstreams.resuming import ResumingReader, Resumption
from txregistry.client.upstreams.slots import Slots
from txregistry.model.digest import Digest
from txregistry.model.errors import NameInvalid
from txregistry.model.images import MAX_JSON, ImageId
from txregistry.model.names import RepositoryName, Tag, spell_v1_name

T = TypeVar("T")

_JSON: Final = {"Accept": "application/json"}
_ID: Final = 1024
"""Bytes of a document that is one id."""
_ANCESTRY: Final = 64 * 1024
_OK: Final = 200
_UNFINISHED: Final = 400
"""What is answered of an image that is being pushed."""
_RESUMPTION: Final = Resumption()
_UNITLESS: Final = re.compile(r"[0-9]{1,18}-[0-9]{1,18}/[0-9]{1,18}", re.ASCII)
"""Which part of a layer the original server says that it gives."""


@implementer(IVersion1Upstream)
class Registry1Upstream:
    """Ask a registry that speaks version 1 of the API.

    Args:
        name: What it is called.
        sessions: Knows where it has a repository.
        documents: Reads its answers.
        documents1: Understands them.
        blobs: Understands its layers.
        blob_slots: How many layers are read at a time.
        slots: How many questions of other kinds are open.
        clock: What measures the time.
        stop: Lets nobody be asked any more.
        end: Ends all connections.
        resumption: How often a layer may break off.
        chance: A number from 0 to 1, another each time.
    """

    def __init__(
        self,
        name: str,
        *,
        sessions: Sessions,
        documents: Documents,
        documents1: Documents1,
        blobs: Blobs,
        blob_slots: Slots,
        slots: Slots,
        clock: IReactorTime,
        stop: Callable[[], None],
        end: Callable[[], Awaitable[None]],
        resumption: Resumption = _RESUMPTION,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._sessions = sessions
        self._documents = documents
        self._documents1 = documents1
        self._blobs = blobs
        self._blob_slots = blob_slots
        self._slots = slots
        self._clock = clock
        self._stop = stop
        self._end = end
        self._resumption = resumption
        self._chance = chance

    async def tag_ids(self, repository: str) -> Mapping[Tag, ImageId] | None:
        """See `IVersion1Upstream`."""
        most = self._documents1.largest
        data = await self._get(repository, "tags", most)
        return None if data is None else await self._documents1.tag_ids(data)

    async def find_tag(self, repository: str, tag: Tag) -> ImageId | None:
        """See `IVersion1Upstream`."""
        data = await self._get(repository, f"tags/{tag}", _ID)
        return None if data is None else self._documents1.tag(data)

    async def ancestry(
        self, repository: str, image_id: ImageId
    ) -> tuple[ImageId, ...] | None:
        """See `IVersion1Upstream`."""
        data = await self._get(repository, "ancestry", _ANCESTRY, image_id)
        return None if data is None else self._documents1.ancestry(data, image_id)

    async def get_image(
        self, repository: str, image_id: ImageId
    ) -> FetchedImage | None:
        """See `IVersion1Upstream`."""

        async def take(session: Session, answer: Answer) -> FetchedImage | None:
            data = await self._read(MAX_JSON, session, answer)
            if data is None:
                return None
            listed = session.checksums.get(image_id)
            return await self._documents1.image(data, image_id, answer, listed)

        async with self._slots.turn():
            return await self._ask(repository, _image(image_id, "json"), _JSON, take)

    async def open_layer(
        self, repository: str, image_id: ImageId, size: int | None = None
    ) -> Opened | None:
        """See `IVersion1Upstream`."""
        reopen = partial(self._open, repository, image_id)
        opened = await reopen(0, size)
        if opened is None:
            return None
        reader = ResumingReader(
            self.name, reopen, opened, self._clock, self._resumption, self._chance
        )
        return replace(opened, reader=reader)

    async def head_manifest(
        self, repository: str, reference: str, caller: Credentials | None = None
    ) -> Found | None:
        """See `IVersion1Upstream`."""
        del repository, reference, caller
        return None

    async def get_manifest(
        self, repository: str, reference: str, caller: Credentials | None = None
    ) -> Fetched | None:
        """See `IVersion1Upstream`."""
        del repository, reference, caller
        return None

    async def head_blob(
        self, repository: str, digest: Digest, caller: Credentials | None = None
    ) -> Found | None:
        """See `IVersion1Upstream`."""
        del repository, digest, caller
        return None

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
        """See `IVersion1Upstream`."""
        del repository, digest, start, caller, size, passed
        return None

    async def referrers(
        self, repository: str, digest: Digest, caller: Credentials | None = None
    ) -> bytes | None:
        """See `IVersion1Upstream`."""
        del repository, digest, caller
        return None

    async def tags(
        self,
        repository: str,
        after: str,
        limit: int,
        caller: Credentials | None = None,
    ) -> list[str] | None:
        """See `IVersion1Upstream`."""
        if caller is not None:
            return None  # who knows what their own credentials are good for
        found = await self.tag_ids(repository)
        if found is None:
            return None
        return sorted(str(tag) for tag in found if str(tag) > after)[:limit]

    def budget(self) -> Budget | None:
        """See `IVersion1Upstream`."""
        return self._sessions.budget

    async def close(self) -> None:
        """See `IVersion1Upstream`."""
        self._stop()
        await self._end()

    async def _get(
        self,
        repository: str,
        what: str,
        most: int,
        image_id: ImageId | None = None,
    ) -> bytes | None:
        """Read a document of a repository, or of an image."""
        path = _name(repository)
        if path is None:
            return None
        target = f"/v1/repositories/{path}/{what}"
        if image_id is not None:
            target = _image(image_id, what)
        async with self._slots.turn():
            return await self._ask(repository, target, _JSON, partial(self._read, most))

    async def _open(
        self, repository: str, image_id: ImageId, start: int, size: int | None
    ) -> Opened | None:
        headers = {"Accept": "*/*"}
        if start:
            # The original server counts wrongly where the end is left open.
            last = "" if size is None or start >= size else size - 1
            headers["Range"] = f"bytes={start}-{last}"
        ended = await self._blob_slots.take()
        opened = None

        async def take(session: Session, answer: Answer) -> Opened | None:
            del session
            await self._check(answer)
            _add_unit(answer)
            wanted = Wanted(None, start, size)
            return await self._blobs.opened(answer, wanted, ended)

        try:
            target = _image(image_id, "layer")
            opened = await self._ask(repository, target, headers, take)
        finally:
            if opened is None:
                ended()
        return opened

    async def _ask(
        self,
        repository: str,
        target: str,
        headers: Mapping[str, str],
        take: Callable[[Session, Answer], Awaitable[T | None]],
    ) -> T | None:
        """Ask whoever has a repository; anew, if a token is not good any more."""
        path = _name(repository)
        if path is None:
            return None
        question = Question("GET", target, path, headers)
        session = self._sessions.known(path)
        if session is not None:
            try:
                return await session.ask(question, partial(take, session))
            except UpstreamRefused:
                self._sessions.forget(path, session)
        # Somebody else may have been refused before us, and have begun anew.
        session = self._sessions.known(path) or await self._sessions.begin(path)
        return await session.ask(question, partial(take, session))

    async def _read(self, most: int, session: Session, answer: Answer) -> bytes | None:
        del session
        if answer.status in ABSENT:
            await dismiss(answer, self._clock)
            return None
        await self._check(answer)
        if answer.status != _OK:
            raise UpstreamWrong(self.name, f"answered {answer.status}")
        return await self._documents.read(answer, most)

    async def _check(self, answer: Answer) -> None:
        if answer.status == _UNFINISHED:
            await dismiss(answer, self._clock)
            raise UpstreamUnavailable(self.name, "does not have all of this yet")


def _image(image_id: ImageId, what: str) -> str:
    return f"/v1/images/{image_id}/{what}"


def _name(repository: str) -> str | None:
    """Spell the name of a repository; None where there can be none."""
    try:
        return spell_v1_name(RepositoryName.parse(repository))
    except NameInvalid:
        return None


def _add_unit(answer: Answer) -> None:
    """Let an answer say in what it counts."""
    said = answer.header("content-range").strip()
    if _UNITLESS.fullmatch(said):
        answer.headers.setRawHeaders("content-range", [f"bytes {said}"])
