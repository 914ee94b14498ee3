"""``/auth/token``: tokens of our own, for what the policy allows.

Source: Distribution, "Token Authentication Specification".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from twisted.internet.interfaces import IReactorTime

from txregistry.auth.interfaces import Caller
from txregistry.auth.passing import LIFETIME as PASSED_LIFETIME
from txregistry.model.access import Identity
from txregistry.model.errors import Denied, RegistryError, Unauthorized
from txregistry.model.names import RepositoryName
from txregistry.model.tokenscopes import TokenScopes
from txregistry.web.access import READING, Access
from txregistry.web.authorization import authorization
from txregistry.web.login import TOKENS_AT
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.v2.answers import json_answer


@dataclass(frozen=True, slots=True)
class TokenRoute:
    """Give tokens.

    Attributes:
        access: Who asks, and what they may do.
        issue: Makes a token, for whom and for what; None where all are for others to
            judge who asks.
        lifetime: Seconds for which it is good.
        clock: Tells the time.
    """

    access: Access
    issue: Callable[[Identity, TokenScopes], str] | None
    lifetime: float
    clock: IReactorTime

    async def token(self, request: RegistryRequest) -> tuple[str, float]:
        """Give a token, and say for how many seconds it is good.

        It is one for another registry where that decides about what is asked for; and
        where nothing is asked for by somebody whom we do not know.

        Raises:
            Unauthorized: it cannot be told who asks, or they show a token for a token.
            Unavailable: it cannot be found out at present.
            Denied: they are in too many groups.
        """
        if self.issue is None or self._is_passed(request):
            return self._seal(request)
        scopes = request.queries(b"scope")
        try:
            caller = await self.caller(request)
        except Unauthorized:
            if scopes or self.access.passed is None:
                raise
            return self._seal(request)
        try:
            granted = self.granted(caller, scopes, _host(request))
            token = self.issue(caller.identity, granted)
        except ValueError:
            raise Denied("You are in more groups than a token can name.") from None
        return token, self.lifetime

    def _seal(self, request: RegistryRequest) -> tuple[str, float]:
        assert self.access.passed is not None  # noqa: S101 - it gives no tokens else
        request.challenges = [b'Basic realm="txregistry"']
        return self.access.passed.seal(authorization(request)), PASSED_LIFETIME

    def _is_passed(self, request: RegistryRequest) -> bool:
        """Say whether another registry decides about what is asked for."""
        mirror, host = self.access.registry.mirror, _host(request)
        for text in TokenScopes.parse(*request.queries(b"scope")).repositories:
            try:
                name = mirror.rules.localize(RepositoryName.parse(text), "", host)
            except RegistryError:
                continue
            if mirror.passes(name):
                return True
        return False

    async def caller(self, request: RegistryRequest) -> Caller:
        """Find out who asks for a token.

        Raises:
            Unauthorized: it cannot be told, or they show a token for a token.
            Unavailable: it cannot be found out at present.
        """
        realm = self.access.log_in.basic_realm or "txregistry"
        request.challenges = [f'Basic realm="{realm}"'.encode("latin-1")]
        caller = await self.access.caller(request)
        if caller.scopes is not None:
            raise Unauthorized("A token is given for a name and a password.")
        return caller

    def granted(self, caller: Caller, texts: Sequence[str], host: str) -> TokenScopes:
        """Say what of the scopes that somebody asks for they may have.

        Args:
            caller: Who asks.
            texts: The scopes.
            host: What they call us, by which they may mean another registry. Docker
                asks by the names of that, whatever the challenge says.
        """
        wanted = TokenScopes.parse(*texts)
        wanted |= self._localize(wanted, host)
        granted = wanted.granted(partial(self.access.may, caller))
        # Other than by the rules, who may list at all is shown what they may see.
        catalog = wanted.catalog and self.access.may_list(caller)
        return TokenScopes(granted.repositories, catalog)

    def _localize(self, wanted: TokenScopes, host: str) -> TokenScopes:
        """Give what is to be read, by the names that it has here."""
        found = TokenScopes({})
        for text, actions in wanted.repositories.items():
            try:
                name = self.access.registry.mirror.rules.localize(
                    RepositoryName(text), "", host
                )
            except RegistryError:
                continue
            if name.text != text:
                found |= TokenScopes({name.text: actions & READING})
        return found


class TokenGuard:
    """Give a token to who may have one.

    Args:
        tokens: Gives it.
    """

    needs = "log-in"

    def __init__(self, tokens: TokenRoute) -> None:
        self._tokens = tokens

    async def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> None:
        """See `Guard`; the route is told the token, and how long it is good."""
        token, lifetime = await self._tokens.token(request)
        arguments.update(token=token, lifetime=lifetime)


def _host(request: RegistryRequest) -> str:
    return (request.header(b"host") or "").lower()


def add_token_routes(app: App, tokens: TokenRoute) -> None:
    """Add ``/auth/token``."""

    @app.route(TOKENS_AT, methods=["GET"], guard=TokenGuard(tokens))
    async def get_token(request: RegistryRequest, token: str, lifetime: float) -> bytes:
        issued = datetime.fromtimestamp(int(tokens.clock.seconds()), UTC)
        request.responseHeaders.setRawHeaders("cache-control", ["no-store"])
        return json_answer(
            request,
            {
                "token": token,
                "access_token": token,
                "expires_in": int(lifetime),
                "issued_at": issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        )
