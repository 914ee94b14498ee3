"""What an upstream is shown of who asks, and nobody else is."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.auth.basic import parse_basic
from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.breaker import Throttle
from txregistry.client.upstreams.challenges import (
    PULL,
    Challenge,
    pull_of,
    scope_of,
    within,
)
from txregistry.client.upstreams.faults import Failed, Throttled
from txregistry.client.upstreams.interfaces import UpstreamRefused, UpstreamWrong
from txregistry.client.upstreams.limits import USUAL_LIMITS
from txregistry.client.upstreams.logins import Login, LoginSource, ToldLogin
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.tokens import Errand, Token, TokenCache, TokenService
from txregistry.model.errors import Unauthorized
from txregistry.tasks import Flights

_OWN: Final = b""
_OWN_TOKENS: Final = 4096
_SCOPES: Final = 4096
"""Repositories of which it is remembered that their scope is another than usual."""
_CHALLENGES: Final = 1024
"""Repositories of which it is remembered what was wanted for them."""


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf something is asked.

    Attributes:
        key: What stands for them, and tells nobody who they are; empty for ourselves.
        source: Knows what they show.
    """

    key: bytes
    source: LoginSource = field(repr=False)

    @property
    def is_us(self) -> bool:
        """Whether it is ourselves."""
        return self.key == _OWN


class Authorization:
    """Know what to show, as the upstream asked for it; and ask for tokens.

    What was wanted for one repository is shown for another before anybody asks, as long
    as that does good: where no token can be had, nothing is shown, and the upstream
    says what it wants.

    Args:
        name: What the upstream is called.
        home: Where it is.
        own: Knows who we are.
        service: Gets tokens.
        clock: What measures the time.
        room: How many tokens of others are kept.
        befriend: Is told which host the upstream has its tokens from.
        actions: What is done to repositories there; the first of them always.
    """

    def __init__(
        self,
        name: str,
        home: Place,
        own: LoginSource,
        service: TokenService,
        clock: IReactorTime,
        room: int,
        befriend: Callable[[str], object],
        actions: Sequence[str] = PULL,
    ) -> None:
        self._name = name
        self._home = home
        self._us = Asker(_OWN, own)
        self._service = service
        self._befriend = befriend
        self._actions = tuple(actions)
        self._of_us = TokenCache(clock, _OWN_TOKENS)
        self._of_others = TokenCache(clock, room)
        self._throttle = Throttle(name, clock, USUAL_LIMITS)
        self._flights = Flights()
        self._salt = secrets.token_bytes(16)
        self._known: Challenge | None = None  # the last that did good
        self._own: OrderedDict[str, Challenge] = OrderedDict()
        self._scopes: OrderedDict[str, str] = OrderedDict()

    def asker(self, caller: Credentials | None) -> Asker:
        """Say on whose behalf something is asked.

        A caller's name and password are passed on; whatever else they show is for this
        registry, and no upstream's affair. Who shows nothing is anybody.

        Args:
            caller: Who asks us; None for nobody, but ourselves.

        Raises:
            UpstreamRefused: what they show cannot be understood.
        """
        if caller is None:
            return self._us
        try:
            pair = parse_basic(caller.authorization)
        except Unauthorized:
            raise UpstreamRefused(
                self._name, "cannot be shown credentials that are malformed"
            ) from None
        login = None if pair is None else Login(*pair, literal=True)
        shown = "" if login is None else login.basic
        key = hashlib.blake2b(shown.encode(), key=self._salt).digest()
        return Asker(key, ToldLogin(login))

    async def show(self, asker: Asker, repository: str) -> str:
        """Give what to show before anything is asked for.

        Returns:
            A value for ``Authorization``; empty for nothing.

        Raises:
            UpstreamRefused: there is no token for who asks.
            UpstreamUnavailable: it cannot be found out at present who we are.
        """
        own = self._own.get(repository)
        known = own or self._known
        if known is None:
            return ""
        if known.scheme == "basic":
            return await self._basic(asker)
        scope = self._scopes.get(repository, self._usual(repository))
        try:
            return await self._bearer(asker, known, scope, "")
        except UpstreamRefused:
            self._own.pop(repository, None)
            if own is not None:
                raise
        except Throttled:
            if own is not None:
                raise
        except (UpstreamWrong, Failed):
            self._own.pop(repository, None)
            if self._known == known:
                self._known = None
        return ""

    async def answer(
        self, asker: Asker, repository: str, challenges: list[Challenge], shown: str
    ) -> str | None:
        """Give what to show to an upstream that was not content.

        Args:
            asker: On whose behalf.
            repository: Which repository this is about.
            challenges: What it wants.
            shown: What it was shown.

        Returns:
            A value for ``Authorization`` that it was not shown before; None for none.

        Raises:
            UpstreamWrong: it wants us to get tokens where we do not go.
            UpstreamRefused: there is no token for who asks.
            UpstreamUnavailable: there is none at present.
        """
        known = _choose(challenges)
        if known is None:
            return None
        if known.scheme == "basic":
            self._learn(repository, known)
            return await self._basic(asker, shown) or None
        self._realm(known.realm)  # one that is wrong is not remembered
        scope = within(known.scope, self._actions) or self._usual(repository)
        if scope == pull_of(repository):
            scope = self._usual(repository)  # who is going to push reads first
        self._remember(repository, scope)
        self._own.pop(repository, None)
        try:
            found = await self._bearer(asker, known, scope, shown)
        except (UpstreamRefused, Throttled):
            self._learn_own(repository, known)
            raise
        self._learn(repository, known)
        return found

    def widen(self, repository: str, source: str) -> None:
        """Take it that what is asked next about a repository reads another one, too."""
        scope = f"{self._usual(repository)} {pull_of(source)}"
        self._remember(repository, scope)

    def narrow(self, repository: str) -> None:
        """Take it that a repository is asked about for itself again."""
        self._scopes.pop(repository, None)

    def _learn(self, repository: str, known: Challenge) -> None:
        """Take in what does good."""
        self._learn_own(repository, known)
        self._known = self._own[repository]

    def _learn_own(self, repository: str, known: Challenge) -> None:
        """Take in what is wanted for a repository."""
        plain = replace(known, scope="")
        self._own[repository] = self._known if self._known == plain else plain
        self._own.move_to_end(repository)
        if len(self._own) > _CHALLENGES:
            self._own.popitem(last=False)

    def _usual(self, repository: str) -> str:
        return scope_of(repository, self._actions)

    async def _basic(self, asker: Asker, shown: str = "") -> str:
        login = await asker.source.get()
        if login is not None and login.basic == shown:
            asker.source.forget()
            login = await asker.source.get()
        if login is None or login.is_token or login.basic == shown:
            return ""
        return login.basic

    async def _bearer(
        self, asker: Asker, known: Challenge, scope: str, shown: str
    ) -> str:
        errand = Errand(self._realm(known.realm), known.service, scope)
        cache = self._of_us if asker.is_us else self._of_others
        token = cache.get(asker.key, errand)
        if token is not None and token.bearer != shown:
            return token.bearer
        cache.forget(asker.key, errand)
        fetch = partial(self._fetch, asker, errand, cache)
        return await self._flights.join((asker.key, errand), fetch)

    async def _fetch(self, asker: Asker, errand: Errand, cache: TokenCache) -> str:
        self._befriend(errand.realm.host)
        login = await asker.source.get()
        try:
            token = await self._get(asker, errand, login)
        except UpstreamRefused:
            asker.source.forget()
            other = await asker.source.get()
            if other == login:
                raise
            token = await self._get(asker, errand, other)
        cache.keep(asker.key, errand, token)
        return token.bearer

    async def _get(self, asker: Asker, errand: Errand, login: Login | None) -> Token:
        """Get a token from who is not the upstream, and may be another one's."""
        key = asker.key + errand.realm.shown.encode("ascii")
        try:
            self._throttle.check(key)
            return await self._service.fetch(errand, login)
        except Failed as fault:
            fault.narrow = True
            raise
        except Throttled as fault:
            fault = self._throttle.close(key, fault.retry_after)
            fault.elsewhere = True
            raise fault from None

    def _realm(self, text: str) -> Place:
        try:
            realm = Place.parse(text)
        except ValueError:
            realm = None
        if realm is None or (self._home.scheme == "https" != realm.scheme):
            raise UpstreamWrong(
                self._name, "has us get tokens where no secret should be sent"
            )
        return realm

    def _remember(self, repository: str, scope: str) -> None:
        self._scopes.pop(repository, None)
        if scope != self._usual(repository):
            self._scopes[repository] = scope
        if len(self._scopes) > _SCOPES:
            self._scopes.popitem(last=False)


def _choose(challenges: list[Challenge]) -> Challenge | None:
    """Choose what can be answered, tokens first."""
    for scheme in ("bearer", "basic"):
        for each in challenges:
            if each.scheme == scheme:
                return each
    return None
