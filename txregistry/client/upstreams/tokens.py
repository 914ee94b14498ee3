"""Tokens that an upstream wants to see, and who gives them.

Sources: Distribution, "Token Authentication Specification" and "Token Authentication
Implementation"; "OAuth2 Token Authentication" for identity tokens.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from twisted.internet.interfaces import IReactorTime

from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.budgets import retry_after
from txregistry.client.upstreams.faults import Faltered, Throttled
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamWrong,
)
from txregistry.client.upstreams.logins import Login
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.readers import Documents, dismiss
from txregistry.client.upstreams.wire import Wire

_LARGEST: Final = 64 * 1024
_CLIENT: Final = "txregistry"
_USUAL: Final = 60.0
"""Seconds for which a token is good that does not say for how long."""
_LONGEST: Final = 24 * 3600.0
_MARGIN: Final = 30.0
"""Seconds before its end from which on a token is not used, or a fifth of its life."""

_TOKEN: Final = re.compile(r"[!-~]{1,32768}", re.ASCII)
_OK: Final = 200
_REFUSALS: Final = frozenset({400, 401, 403})
"""What says that who asks is not known; by RFC 6749 it is 400."""
_TOO_MANY: Final = 429
_FAULTY: Final = 500


@dataclass(frozen=True, slots=True)
class Errand:
    """What a token is wanted for.

    Attributes:
        realm: Where tokens are.
        service: What it is to be for.
        scope: What it is to be good for.
    """

    realm: Place
    service: str
    scope: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token.

    Attributes:
        text: What it is.
        life: Seconds for which it is used.
    """

    text: str = field(repr=False)
    life: float

    @property
    def bearer(self) -> str:
        """Write it for ``Authorization``."""
        return f"Bearer {self.text}"


class _Granted(msgspec.Struct):
    token: Any = None
    access_token: Any = None
    expires_in: Any = None


class TokenService:
    """Get tokens, wherever an upstream has them.

    Args:
        name: What the upstream is called.
        wire: Makes requests.
        documents: Reads answers.
        clock: What measures the time.
    """

    def __init__(
        self,
        name: str,
        wire: Wire,
        documents: Documents,
        clock: IReactorTime,
    ) -> None:
        self._name = name
        self._wire = wire
        self._documents = documents
        self._clock = clock

    async def fetch(self, errand: Errand, login: Login | None) -> Token:
        """Get a token.

        Args:
            errand: What for.
            login: Who wants it; None for anybody.

        Raises:
            UpstreamUnavailable: there is none at present.
            UpstreamRefused: there is none for who wants it.
            UpstreamWrong: what is given is no token.
        """
        if login is not None and login.is_token:
            return await self._redeem(errand, login)
        fields = [("service", errand.service)]
        fields += [("scope", each) for each in errand.scope.split()]
        headers = {"Accept": "application/json"}
        if login is not None:
            fields.append(("account", login.username))
            headers["Authorization"] = login.basic
        fields.append(("client_id", _CLIENT))
        realm = errand.realm
        joint = "&" if "?" in realm.target else "?"
        query = urlencode([(name, text) for name, text in fields if text])
        place = realm.at(f"{realm.target}{joint}{query}")
        return await self._take(await self._wire.send("GET", place, headers))

    async def _redeem(self, errand: Errand, login: Login) -> Token:
        """Get one for an identity token."""
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": login.password,
            "service": errand.service,
            "scope": errand.scope,
            "client_id": _CLIENT,
        }
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode(fields).encode("ascii")
        return await self._take(
            await self._wire.send("POST", errand.realm, headers, form)
        )

    async def _take(self, answer: Answer) -> Token:
        try:
            if answer.status != _OK:
                fault = self._refusal(answer)
                await dismiss(answer, self._clock)
                raise fault
            return self._parse(await self._documents.read(answer, _LARGEST))
        finally:
            await answer.body.close()

    def _refusal(self, answer: Answer) -> UpstreamFault:
        status = answer.status
        if status in _REFUSALS:
            return UpstreamRefused(self._name, "gives no token for these credentials")
        if status == _TOO_MANY:
            what = "gives no more tokens at present"
            return Throttled(self._name, what, retry_after(answer))
        what = f"answers {status} where it should give tokens"
        if status >= _FAULTY:
            return Faltered(self._name, what, retry_after(answer))
        return UpstreamWrong(self._name, what)

    def _parse(self, data: bytes) -> Token:
        try:
            found = msgspec.json.decode(data, type=_Granted)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamWrong(self._name, "gives no token that can be read") from None
        text = found.token or found.access_token
        if not isinstance(text, str) or _TOKEN.fullmatch(text) is None:
            raise UpstreamWrong(self._name, "gives no token that can be read")
        life = found.expires_in
        if not isinstance(life, int | float) or life <= 0:
            life = _USUAL
        life = min(float(life), _LONGEST)
        return Token(text, life - min(_MARGIN, life / 5))


class TokenCache:
    """Keep tokens as long as they are good, the last that were used.

    Args:
        clock: What measures the time.
        room: How many are kept.
    """

    def __init__(self, clock: IReactorTime, room: int) -> None:
        self._clock = clock
        self._room = room
        self._kept: OrderedDict[tuple[bytes, Errand], tuple[Token, float]]
        self._kept = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, who: bytes, errand: Errand) -> Token | None:
        """Give a token that is good still; None where there is none."""
        key = (who, errand)
        token, until = self._kept.get(key, (None, 0.0))
        if token is None or self._clock.seconds() >= until:
            self._kept.pop(key, None)
            return None
        self._kept.move_to_end(key)
        return token

    def keep(self, who: bytes, errand: Errand, token: Token) -> None:
        """Keep a token."""
        self._kept[who, errand] = (token, self._clock.seconds() + token.life)
        self._kept.move_to_end((who, errand))
        if len(self._kept) > self._room:
            self._kept.popitem(last=False)

    def forget(self, who: bytes, errand: Errand) -> None:
        """Keep a token no longer."""
        self._kept.pop((who, errand), None)
