"""Asking an upstream, with all that stands between a question and an answer.

That is: who asks, how often that may be, where the upstream sends us, and whether it is
worth to ask at all.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.authorization import Asker
from txregistry.client.upstreams.breaker import Breaker, Throttle
from txregistry.client.upstreams.budgets import read_budget, retry_after
from txregistry.client.upstreams.challenges import parse_challenges
from txregistry.client.upstreams.faults import Failed, Faltered, Throttled
from txregistry.client.upstreams.interfaces import (
    Budget,
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.persistence import Persistence
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.readers import dismiss
from txregistry.client.upstreams.showing import Showing
from txregistry.client.upstreams.slots import Rate
from txregistry.client.upstreams.wire import Body, Wire

T = TypeVar("T")

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST: Final = 5
"""Redirects that are followed."""
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_TIMEOUT: Final = 408
_THROTTLED: Final = 429
_FAULTY: Final = 500
_ELSEWHERE: Final = frozenset({400, 401, 403, 429})
"""What servers say to which we were sent, when a URL that was signed for us is not good
any more: who has signed it may do so again. To ``HEAD`` they say it also where it was
signed for ``GET``."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an upstream is asked.

    Attributes:
        method: ``GET``, ``HEAD``, or one that changes something there.
        target: Path and query, below where the upstream is.
        repository: Which repository it is about.
        headers: Header fields that go to whoever answers.
        caller: On whose behalf; None for ourselves.
        place: Where exactly, at the upstream itself; ``target`` is for logs then.
        body: Gives what goes with it, anew for each attempt; None where nothing does.
        once: Whether it can be asked only once, whatever comes of it.
        works: Whether the upstream moves many bytes before it answers.
    """

    method: str
    target: str
    repository: str
    headers: Mapping[str, str]
    caller: Credentials | None = field(default=None, repr=False)
    place: Place | None = field(default=None, repr=False)
    body: Callable[[], Body] | None = None
    once: bool = False
    works: bool = False

    @property
    def changes(self) -> bool:
        """Whether it changes something."""
        return self.method not in {"GET", "HEAD"}


class Asking:
    """Ask an upstream.

    Args:
        name: What it is called.
        home: Where it is.
        wire: Makes requests.
        authorization: Knows what it is shown.
        persistence: Asks again where that may help.
        breaker: Knows whether it is worth to ask.
        throttle: Knows until when it may not be asked.
        rate: Knows how often it may be.
        clock: What measures the time.

    Attributes:
        budget: What it last said of how much we may ask.
        closed: Whether nothing is asked any more.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        home: Place,
        wire: Wire,
        authorization: Showing,
        persistence: Persistence,
        breaker: Breaker,
        throttle: Throttle,
        rate: Rate,
        clock: IReactorTime,
    ) -> None:
        self.budget: Budget | None = None
        self.closed = False
        self._name = name
        self._home = home
        self._wire = wire
        self._authorization = authorization
        self._persistence = persistence
        self._breaker = breaker
        self._throttle = throttle
        self._rate = rate
        self._clock = clock

    async def ask(
        self, question: Question, take: Callable[[Answer], Awaitable[T]]
    ) -> T:
        """Ask until something comes of it.

        Args:
            question: What.
            take: Makes what is wanted of an answer, of whatever status it is below 500,
                and leaves the body if it does not want it. Where it raises `Faltered`,
                the question is asked again; where it raises, the body is closed.

        Returns:
            What ``take`` made.

        Raises:
            UpstreamFault: nothing came of it.
        """
        asker = self._authorization.asker(question.caller)
        try:
            if question.once:
                return await self._attempt(question, asker, take)
            return await self._persistence.on(
                partial(self._attempt, question, asker, take),
                lambda: not self._breaker.is_open and not self.closed,
            )
        except UpstreamFault as fault:
            self._log.info(
                "{method} {target}: {reason}",
                method=question.method,
                target=question.target,
                reason=fault.reason,
            )
            raise

    async def _attempt(
        self, question: Question, asker: Asker, take: Callable[[Answer], Awaitable[T]]
    ) -> T:
        if self.closed:
            raise UpstreamUnavailable(self._name, "is not asked any more")
        self._throttle.check(asker.key)
        await self._rate.pass_()
        try:
            with self._breaker.trial(question.repository):
                answer = await self._authorized(question, asker)
                try:
                    return await take(answer)
                except BaseException as fault:
                    await answer.body.close()
                    if isinstance(fault, Failed) and not self._is_home(answer.place):
                        fault.narrow = True
                    raise
        except Throttled as fault:
            if fault.elsewhere:
                raise
            raise self._throttle.close(asker.key, fault.retry_after) from None

    async def _authorized(self, question: Question, asker: Asker) -> Answer:
        """Ask, and once more with what the upstream wants to see."""
        shown = await self._authorization.show(asker, question.repository)
        answer = await self._follow(question, asker, shown)
        if answer.status == _UNAUTHORIZED:
            challenges = parse_challenges(answer.values("www-authenticate"))
            await dismiss(answer, self._clock)
            other = await self._authorization.answer(
                asker, question.repository, challenges, shown
            )
            if other is not None and question.once:
                raise UpstreamUnavailable(
                    self._name, "wants to know once more who we are", 0.0
                )
            if other is not None:
                answer = await self._follow(question, asker, other)
        at_home = self._is_home(answer.place)
        if answer.status in {_UNAUTHORIZED, _FORBIDDEN} and at_home:
            await dismiss(answer, self._clock)
            raise UpstreamRefused(self._name, "does not let us have this")
        return answer

    async def _follow(self, question: Question, asker: Asker, shown: str) -> Answer:
        """Ask, and whoever the upstream sends us to."""
        place = question.place
        if place is None:
            place = self._home.at(self._home.target.rstrip("/") + question.target)
        seen = {str(place)}
        at_home = True
        for _ in range(_MOST + 1):
            headers = dict(question.headers)
            if at_home and shown:
                headers["Authorization"] = shown
            try:
                answer = await self._wire.send(
                    question.method,
                    place,
                    headers,
                    body=question.body() if question.body is not None else None,
                    works=question.works,
                )
            except Failed as fault:
                fault.narrow = not self._is_home(place)
                raise
            if answer.status not in _REDIRECTS:
                await self._judge(answer, asker, at_home=at_home)
                return answer
            location = answer.header("location")
            await dismiss(answer, self._clock)
            if question.changes:
                raise UpstreamWrong(self._name, "sends us on with what is for itself")
            place = self._next(place, location)
            if str(place) in seen:
                raise UpstreamWrong(self._name, "sends us in circles")
            seen.add(str(place))
            # Who was once sent elsewhere comes back as a stranger: others could have us
            # ask in our own name otherwise.
            at_home = at_home and self._is_home(place)
        raise UpstreamWrong(self._name, "sends us on without an end")

    def _is_home(self, place: Place) -> bool:
        """Whether it is the upstream itself that is asked there."""
        return place.origin == self._home.origin

    def _next(self, place: Place, location: str) -> Place:
        try:
            found = place.follow(location)
        except ValueError:
            raise UpstreamWrong(self._name, "sends us where nothing can be") from None
        if self._home.scheme == "https" and found.scheme != "https":
            raise UpstreamWrong(self._name, "sends us where nothing is kept secret")
        return found

    async def _judge(self, answer: Answer, asker: Asker, *, at_home: bool) -> None:
        """Raise what the status of an answer says, where that is the same for all."""
        status = answer.status
        fault: UpstreamFault | None = None
        what = f"answered {status}"
        if at_home and asker.is_us:
            now = self._clock.seconds()
            self.budget = read_budget(answer, now) or self.budget
        if status >= _FAULTY or status == _TIMEOUT:
            fault = Faltered(self._name, what, retry_after(answer)).narrowed()
        elif not at_home and (
            status == _THROTTLED or (status in _ELSEWHERE and answer.method != "HEAD")
        ):
            fault = Faltered(self._name, "sent us where nobody lets us in").narrowed()
        elif status == _THROTTLED:
            fault = Throttled(self._name, what, retry_after(answer))
        if fault is not None:
            await dismiss(answer, self._clock)
            raise fault
