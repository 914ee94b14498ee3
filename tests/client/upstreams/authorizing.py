"""An upstream that wants to know who asks, and those who do."""

import base64
from urllib.parse import parse_qs, urlsplit

from tests.client.upstreams.case import (
    ALPINE,
    UpstreamCase,
)
from tests.storage.playing import Asked
from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
    UpstreamWrong,
)
from txregistry.client.upstreams.logins import Login


def basic(user: str, password: str) -> str:
    """Write a header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def caller(user: str, password: str = "their-secret") -> Credentials:  # noqa: S107 - no secret
    """Make who asks us."""
    return Credentials(basic(user, password))


ALICE, BOB = caller("alice"), caller("bob")


class Changing:
    """Who we are, which changes when it is refused."""

    def __init__(self, *logins: Login | None) -> None:
        self._logins = list(logins)

    async def get(self) -> Login | None:
        """See `LoginSource`."""
        return self._logins[0]

    def forget(self) -> None:
        """See `LoginSource`."""
        if len(self._logins) > 1:
            self._logins.pop(0)


class AuthorizationCase(UpstreamCase):
    """Ask for a manifest."""

    def get(self, who: Credentials | None = None, name: str = ALPINE) -> None:
        """Expect to get a manifest."""
        found = self.result(self.upstream.get_manifest(name, "latest", who))
        self.assertIsNotNone(found)
        self.assert_let_go()

    def refused(self, who: Credentials | None = None) -> str:
        """Expect to be refused."""
        work = self.upstream.get_manifest(ALPINE, "latest", who)
        return self.fault(UpstreamRefused, work).reason

    def wrong(self) -> str:
        """Expect the upstream to be wrong."""
        work = self.upstream.get_manifest(ALPINE, "latest")
        return self.fault(UpstreamWrong, work).reason

    def query(self, asked: Asked) -> dict[str, list[str]]:
        """Give what a token was asked for with."""
        return parse_qs(urlsplit(asked.target).query)
