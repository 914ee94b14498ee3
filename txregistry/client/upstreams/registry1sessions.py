"""Where the content of a repository of version 1 is, and what is shown there.

An Index is asked first: it gives a token, and says which registries have the content. A
registry that stands alone is its own Index, or has none at all.

Source: Docker Registry API v1, "The index API" and "Authorization".
"""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from twisted.internet.interfaces import IReactorTime

from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.asking import Asking, Question
from txregistry.client.upstreams.interfaces import (
    Budget,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.logins import LoginSource, ToldLogin
from txregistry.client.upstreams.manifests import ABSENT
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.readers import Documents, dismiss
from txregistry.client.upstreams.registry1documents import Documents1
from txregistry.client.upstreams.showing import Showing, Upfront
from txregistry.model.checksums import Checksum
from txregistry.model.images import ImageId
from txregistry.tasks import Flights

T = TypeVar("T")

_LIFETIME: Final = 600.0
"""Seconds for which a token is used: nobody says for how long it is good."""
_KEPT: Final = 64
"""Repositories of which it is known where they are."""
_MOST: Final = 5
"""Registries of an Index that are asked, one after the other."""
_OK: Final = 200
_TOKEN: Final = re.compile(r"[ -~]{1,4096}", re.ASCII)
_WORD: Final = "Token "


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """How the content of a repository is asked for.

    Attributes:
        askings: Ask the registries that have it, in their order.
        checksums: Those of images that the Index knows.
        until: When it ends.
    """

    askings: tuple[Asking, ...]
    checksums: Mapping[ImageId, Checksum]
    until: float

    async def ask(
        self, question: Question, take: Callable[[Answer], Awaitable[T]]
    ) -> T:
        """Ask one registry after the other, as long as they cannot be asked.

        See `Asking.ask` for the rest.
        """
        *others, last = self.askings
        for asking in others:
            try:
                return await asking.ask(question, take)
            except UpstreamUnavailable:
                continue
        return await last.ask(question, take)


@dataclass(frozen=True, slots=True)
class _Told:
    """What an Index says."""

    token: str = field(default="", repr=False)
    places: tuple[Place, ...] = ()
    checksums: Mapping[ImageId, Checksum] = field(default_factory=dict)


class Sessions:
    """Ask an Index where repositories are, and remember it for a while.

    Args:
        name: What the upstream is called.
        home: Where the Index is, or the registry that stands alone.
        make_asking: Makes what asks a server, which is shown something.
        login: Knows who we are there.
        documents: Reads answers.
        documents1: Understands them.
        befriend: Is told on which hosts the upstream has its content.
        clock: What measures the time.
    """

    def __init__(
        self,
        name: str,
        home: Place,
        make_asking: Callable[[Place, Showing], Asking],
        login: LoginSource,
        documents: Documents,
        documents1: Documents1,
        befriend: Callable[[str], object],
        clock: IReactorTime,
    ) -> None:
        self._name = name
        self._home = home
        self._make_asking = make_asking
        self._login = login
        self._documents = documents
        self._documents1 = documents1
        self._befriend = befriend
        self._clock = clock
        self._index = make_asking(home, Upfront(login))
        self._kept: OrderedDict[str, Session] = OrderedDict()
        self._flights = Flights()

    @property
    def budget(self) -> Budget | None:
        """What the Index last said of how much we may ask."""
        return self._index.budget

    def known(self, repository: str) -> Session | None:
        """Give what is known of a repository; None where that is nothing, or old."""
        session = self._kept.get(repository)
        if session is None or self._clock.seconds() >= session.until:
            return None
        self._kept.move_to_end(repository)
        return session

    def forget(self, repository: str, session: Session) -> None:
        """Take it that something is not good any more."""
        if self._kept.get(repository) is session:
            del self._kept[repository]

    async def begin(self, repository: str) -> Session:
        """Ask where a repository is.

        Args:
            repository: Its whole name there: ``library/ubuntu``.

        Raises:
            UpstreamFault: that cannot be found out.
        """
        return await self._flights.join(repository, lambda: self._begin(repository))

    async def _begin(self, repository: str) -> Session:
        headers = {"Accept": "application/json", "X-Docker-Token": "true"}
        target = f"/v1/repositories/{repository}/images"
        question = Question("GET", target, repository, headers)
        told = await self._index.ask(question, self._read)
        askings = tuple(self._to(each, told.token) for each in told.places)
        until = self._clock.seconds() + _LIFETIME
        session = Session(askings, told.checksums, until)
        self._kept[repository] = session
        self._kept.move_to_end(repository)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return session

    def _to(self, place: Place, token: str) -> Asking:
        """Make what asks a registry; who we are is told to the upstream itself only."""
        at_home = place.origin == self._home.origin
        if not at_home:
            self._befriend(place.host)
        login = self._login if at_home else ToldLogin()
        return self._make_asking(
            self._home if at_home else place, Upfront(login, token)
        )

    async def _read(self, answer: Answer) -> _Told:
        if answer.status in ABSENT:  # it has no such list, but maybe the repository
            await dismiss(answer, self._documents.clock)
            return _Told(places=(self._home,))
        if answer.status != _OK:
            raise UpstreamWrong(self._name, f"answered {answer.status}")
        data = await self._documents.read(answer, self._documents1.largest)
        return _Told(
            self._token(answer.values("x-docker-token")),
            tuple(self._places(answer.values("x-docker-endpoints"))) or (self._home,),
            await self._documents1.checksums(data),
        )

    def _token(self, values: list[str]) -> str:
        """Read a token. Some servers have the word before it that we put there."""
        text = ",".join(values).strip()
        while f"{text} ".startswith(_WORD):
            text = text[len(_WORD) :].strip()
        if not text:
            return ""
        if _TOKEN.fullmatch(text) is None:
            raise UpstreamWrong(self._name, "gives a token that is none")
        return _WORD + text

    def _places(self, values: list[str]) -> list[Place]:
        """Read where the registries are, whose scheme is that of the Index."""
        texts = [text.strip() for text in ",".join(values).split(",")]
        places: dict[Place, None] = {}
        for text in texts:
            if not text:
                continue
            try:
                place = Place.parse(f"{self._home.scheme}://{text}")
            except ValueError:
                place = None
            if place is None or place.target != "/":
                raise UpstreamWrong(
                    self._name, "says that its content is where nothing can be"
                )
            places[place] = None
        return list(places)[:_MOST]
