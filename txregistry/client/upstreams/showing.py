"""What a server is shown of who asks, by whatever rules it has for that."""

from typing import Protocol

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.authorization import Asker
from txregistry.client.upstreams.challenges import Challenge
from txregistry.client.upstreams.logins import LoginSource

_OURSELVES = b""


class Showing(Protocol):
    """What knows what to show; see ``Authorization``, which does it for version 2."""

    def asker(self, caller: Credentials | None) -> Asker:
        """Say on whose behalf something is asked."""

    async def show(self, asker: Asker, repository: str) -> str:
        """Give what to show before anything is asked for; empty for nothing."""

    async def answer(
        self, asker: Asker, repository: str, challenges: list[Challenge], shown: str
    ) -> str | None:
        """Give what to show to who was not content; None where there is nothing."""


class Upfront:
    """Show what was chosen in advance, as clients of version 1 do.

    That is a token, where there is one. Who takes none is told who we are: a registry
    may give tokens that nobody looks at, behind a server that wants passwords.

    Args:
        login: Knows who we are there.
        token: The whole of ``Authorization``; empty for none.
    """

    def __init__(self, login: LoginSource, token: str = "") -> None:
        self._us = Asker(_OURSELVES, login)
        self._token = token

    def asker(self, caller: Credentials | None) -> Asker:
        """See `Showing`: it is always ourselves."""
        del caller
        return self._us

    async def show(self, asker: Asker, repository: str) -> str:
        """See `Showing`."""
        del repository
        return self._token or await _basic(asker)

    async def answer(
        self, asker: Asker, repository: str, challenges: list[Challenge], shown: str
    ) -> str | None:
        """See `Showing`: challenges are for people there."""
        del repository, challenges
        basic = await _basic(asker)
        if basic and basic == shown:
            asker.source.forget()
            basic = await _basic(asker)
        if basic in {"", shown}:
            return None
        self._token = ""  # the next question begins with what is shown now
        return basic


async def _basic(asker: Asker) -> str:
    login = await asker.source.get()
    return "" if login is None or login.is_token else login.basic
