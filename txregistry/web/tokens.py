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
from txregistry.model.access import Identity
from txregistry.model.errors import Denied, Unauthorized
from txregistry.model.tokenscopes import TokenScopes
from txregistry.web.access import Access
from txregistry.web.login import TOKENS_AT
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.v2.answers import json_answer


@dataclass(frozen=True, slots=True)
class TokenRoute:
    """Give tokens.

    Attributes:
        access: Who asks, and what they may do.
        issue: Makes a token, for whom and for what.
        lifetime: Seconds for which it is good.
        clock: Tells the time.
    """

    access: Access
    issue: Callable[[Identity, TokenScopes], str]
    lifetime: float
    clock: IReactorTime

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

    def granted(self, caller: Caller, texts: Sequence[str]) -> TokenScopes:
        """Say what of the scopes that somebody asks for they may have."""
        wanted = TokenScopes.parse(*texts)
        granted = wanted.granted(partial(self.access.may, caller))
        # Other than by the rules, who may list at all is shown what they may see.
        catalog = wanted.catalog and self.access.may_list(caller)
        return TokenScopes(granted.repositories, catalog)


class TokenGuard:
    """Ask who wants a token.

    Args:
        tokens: Finds out.
    """

    needs = "log-in"

    def __init__(self, tokens: TokenRoute) -> None:
        self._tokens = tokens

    async def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> None:
        """See `Guard`; the route is told who it is, as ``caller``."""
        arguments["caller"] = await self._tokens.caller(request)


def add_token_routes(app: App, tokens: TokenRoute) -> None:
    """Add ``/auth/token``."""

    @app.route(TOKENS_AT, methods=["GET"], guard=TokenGuard(tokens))
    async def get_token(request: RegistryRequest, caller: Caller) -> bytes:
        scopes = tokens.granted(caller, request.queries(b"scope"))
        try:
            token = tokens.issue(caller.identity, scopes)
        except ValueError:
            raise Denied("You are in more groups than a token can name.") from None
        issued = datetime.fromtimestamp(int(tokens.clock.seconds()), UTC)
        request.responseHeaders.setRawHeaders("cache-control", ["no-store"])
        return json_answer(
            request,
            {
                "token": token,
                "access_token": token,
                "expires_in": int(tokens.lifetime),
                "issued_at": issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        )
