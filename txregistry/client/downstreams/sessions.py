"""Sessions in which a registry takes blobs.

Source: OCI Distribution 1.1, "Pushing blobs", "Pushing a blob in chunks" and "Mounting
a blob from another repository".
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from txregistry.client.downstreams.refusals import refusal
from txregistry.client.downstreams.sending import Sending
from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.asking import Asking, Question
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.readers import Documents, dismiss
from txregistry.model.digest import Digest
from txregistry.streams import IReader

_RANGE: Final = re.compile(r"(?:bytes[= ])?0-([0-9]{1,18})", re.ASCII)
_ACCEPTED: Final = 202
_CREATED: Final = 201
_GOOD: Final = range(200, 300)
_LOST: Final = frozenset({404, 410, 416})
"""What is said of a session that is gone, or goes on somewhere else."""
_OCTETS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Session:
    """A session.

    Attributes:
        repository: The name there of the repository.
        place: Where it is gone on with.
        offset: The bytes that the registry has of the blob.
    """

    repository: str
    place: Place = field(repr=False)
    offset: int = 0


class Sessions:
    """Begin sessions, go on with them, and end them.

    Args:
        name: What the registry is called.
        home: Where it is.
        asking: Asks it.
        documents: Reads answers.
    """

    def __init__(
        self, name: str, home: Place, asking: Asking, documents: Documents
    ) -> None:
        self._name = name
        self._home = home
        self._asking = asking
        self._sending = Sending(asking)
        self._documents = documents

    async def begin(self, repository: str) -> Session:
        """Begin a session."""

        async def take(answer: Answer) -> Session:
            if answer.status != _ACCEPTED:
                raise await self._refusal(answer)
            return await self._session(answer, repository, 0)

        return await self._asking.ask(self._beginning(repository), take)

    async def mount(self, repository: str, digest: Digest, source: str) -> bool:
        """Have a blob taken over from another repository.

        Returns:
            Whether it was. Where it was not, no session is left of it.
        """
        query = urlencode({"mount": str(digest), "from": source})

        async def take(answer: Answer) -> Session | bool:
            if answer.status == _ACCEPTED:
                return await self._session(answer, repository, 0)
            await dismiss(answer, self._documents.clock)
            return answer.status == _CREATED

        found = await self._asking.ask(self._beginning(repository, query), take)
        if isinstance(found, Session):
            await self.cancel(found)
            return False
        return found

    async def find(self, session: Session) -> Session | None:
        """Find out how far a session is.

        Returns:
            That; None where it is gone, or it cannot be said where it goes on.
        """

        async def take(answer: Answer) -> Session | None:
            offset = _offset(answer) if answer.status in _GOOD else None
            if not offset:
                await dismiss(answer, self._documents.clock)
                return None
            return await self._session(answer, session.repository, offset, session)

        return await self._asking.ask(self._question("GET", session), take)

    async def cancel(self, session: Session) -> None:
        """End a session without a blob, if that can be done."""

        async def take(answer: Answer) -> None:
            await dismiss(answer, self._documents.clock)

        with suppress(UpstreamFault):
            await self._asking.ask(self._question("DELETE", session), take)

    async def append(self, session: Session, reader: IReader, size: int) -> Session:
        """Send some bytes.

        Args:
            session: Where they go.
            reader: Gives them; it is closed at the end.
            size: How many.

        Returns:
            The session, as it goes on.

        Raises:
            UpstreamUnavailable: it has to be found out how far it is.
        """
        stop = session.offset + size

        async def take(answer: Answer) -> Session:
            if answer.status != _ACCEPTED:
                raise await self._refusal(answer, session)
            if _offset(answer) not in {None, stop}:
                await dismiss(answer, self._documents.clock)
                raise UpstreamUnavailable(self._name, "took half of a blob", 0.0)
            return await self._session(answer, session.repository, stop, session)

        question = self._question("PATCH", session, size)
        return await self._sending.ask(question, reader, size, take)

    async def finish(
        self, session: Session, digest: Digest, reader: IReader | None, size: int
    ) -> None:
        """Send the last bytes, and end a session with a blob.

        Args:
            session: Where they go.
            digest: What they are, with those before.
            reader: Gives them; it is closed at the end. None where there are none.
            size: How many.

        Raises:
            UpstreamUnavailable: as for `append`.
        """

        async def take(answer: Answer) -> None:
            if answer.status not in _GOOD:
                raise await self._refusal(answer, session)
            await dismiss(answer, self._documents.clock)

        question = self._question("PUT", session, size, digest)
        if reader is None:
            await self._asking.ask(question, take)
        else:
            await self._sending.ask(question, reader, size, take)

    def _beginning(self, repository: str, query: str = "") -> Question:
        target = f"/v2/{repository}/blobs/uploads/"
        if query:
            target = f"{target}?{query}"
        return Question("POST", target, repository, {})

    def _question(
        self,
        method: str,
        session: Session,
        size: int = 0,
        digest: Digest | None = None,
    ) -> Question:
        headers = {}
        if size:
            headers["Content-Type"] = _OCTETS
        if size and (session.offset or digest is None):
            stop = session.offset + size
            headers["Content-Range"] = f"{session.offset}-{stop - 1}"
        place = session.place
        if digest is not None:
            joint = "&" if "?" in place.target else "?"
            place = place.at(f"{place.target}{joint}digest={digest}")
        target = place.target.partition("?")[0]
        repository = session.repository
        works = digest is not None
        return Question(method, target, repository, headers, place=place, works=works)

    async def _session(
        self,
        answer: Answer,
        repository: str,
        offset: int,
        before: Session | None = None,
    ) -> Session:
        """Read where a session goes on, and let go of the answer.

        Raises:
            UpstreamWrong: where we do not go with what is for this registry.
        """
        await dismiss(answer, self._documents.clock)
        location = answer.header("location")
        if not location and before is not None:
            return Session(repository, before.place, offset)
        try:
            place = answer.place.follow(location)
        except ValueError:
            raise UpstreamWrong(self._name, "takes a blob nowhere") from None
        if place.origin != self._home.origin:
            raise UpstreamWrong(
                self._name, "takes blobs at another server than it was asked at"
            )
        return Session(repository, place, offset)

    async def _refusal(
        self, answer: Answer, session: Session | None = None
    ) -> UpstreamFault:
        if session is not None and answer.status in _LOST:
            await dismiss(answer, self._documents.clock)
            return UpstreamUnavailable(self._name, "has lost half of a blob", 0.0)
        return await refusal(self._name, answer, self._documents)


def _offset(answer: Answer) -> int | None:
    """Read how many bytes a session has; None where it does not say.

    Servers say ``0-0`` of no byte as well as of one: that is none, which costs a byte.
    """
    match = _RANGE.fullmatch(answer.header("range").strip())
    if match is None:
        return None
    last = int(match[1])
    return last + 1 if last else 0
