"""Sessions with Swift: how long one is good, and when another is begun."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from twisted.internet.interfaces import IReactorTime
from zope.interface import Attribute, Interface

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.remote import Answer, RemoteServer, Request
from txregistry.tasks import Turns

_ACCEPTED: Final = frozenset({200, 201, 203, 204})
_REFUSED: Final = frozenset({401, 403})
_UNKNOWN: Final = _REFUSED | {400}
_SPARE: Final = 300.0
"""Seconds before its end at which a session is begun anew, where it is long enough."""
_SHARE: Final = 0.1
"""The part of its life for the same where it is not."""


@dataclass(frozen=True, slots=True, eq=False)
class SwiftSession:
    """A time for which an account can be used.

    Attributes:
        url: Where its containers are, without ``/`` at the end.
        token: What proves it.
        life: Seconds for which it is good; None where nobody tells.
    """

    url: str
    token: str = field(repr=False)
    life: float | None = field(default=None, repr=False)


class ISwiftLogin(Interface):
    """A way to log in."""

    place = Attribute("Who is asked, in words.")

    def request() -> Request:
        """Give the request that logs in."""

    async def take(answer: Answer) -> SwiftSession:  # noqa: N805 - zope's have no self
        """Read the answer to it, which is no refusal.

        Raises:
            StorageUnavailable: it is of no use.
        """


class SwiftIdentity:
    """Who we are, and the session that proves it, renewed as it ends.

    Args:
        server: How the service is asked.
        login: What is asked.
        clock: Tells when a session ends.
        advice: What to look at where the service does not know us.
        where: What to look at where it answers anything else: it may be none.
    """

    def __init__(
        self,
        server: RemoteServer,
        login: ISwiftLogin,
        clock: IReactorTime,
        advice: str = "",
        where: str = "",
    ) -> None:
        self._server = server
        self._login = login
        self._clock = clock
        self._advice = advice
        self._where = where
        self._session: SwiftSession | None = None
        self._until = float("inf")
        self._turns = Turns()

    async def session(self, ended: SwiftSession | None = None) -> SwiftSession:
        """Give a session; many may use it.

        Args:
            ended: One that proved to be over: another is begun, unless somebody did so
                meanwhile.

        Raises:
            StorageUnavailable: none is to be had.
        """
        async with self._turns.on("session"):
            late = self._clock.seconds() >= self._until
            if self._session is None or self._session is ended or late:
                begun = self._clock.seconds()
                session = await self._server.ask(self._login.request, self._take)
                self._session = session
                self._until = float("inf")
                if session.life is not None:
                    spare = min(_SPARE, session.life * _SHARE)
                    self._until = begun + session.life - spare
            return self._session

    async def _take(self, answer: Answer) -> SwiftSession:
        if answer.status not in _ACCEPTED:
            await answer.remark()
            said = f"{self._login.place} answered {answer.status}"
            if answer.status in _UNKNOWN and self._advice:
                said = f"{said}: it does not know us; {self._advice}"
            if answer.status not in _REFUSED and self._where:
                said = f"{said}; {self._where}"
            raise StorageUnavailable(said)
        session = await self._login.take(answer)
        if not session.token or not is_url(session.url):
            said = f"{self._login.place} gave no account and token"
            raise StorageUnavailable(f"{said}; {self._where}" if self._where else said)
        asked = self._login.request().url
        if asked.startswith("https:") and not session.url.startswith("https:"):
            raise StorageUnavailable(
                f"{self._login.place} would show the token to everybody"
            )
        return session


def is_url(text: str) -> bool:
    """Whether this is a URL of HTTP, quoted, and with nobody's name in it."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - it is looked at only here
    except ValueError:
        return False
    return (
        text.isascii()
        and text.isprintable()
        and " " not in text
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and not parts.query
        and not parts.fragment
    )
