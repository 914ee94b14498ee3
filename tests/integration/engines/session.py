"""One push, pull or search: requests with cookies and authorization of their own."""

import ssl
import time
from dataclasses import dataclass, field

from tests.integration.engines.authorization import Authorization, Credentials, Route
from tests.integration.engines.caller import Ask, Caller
from tests.integration.engines.connection import Header, Reply, Url
from tests.integration.engines.cookies import CookieJar
from tests.integration.engines.discovery import Endpoint
from tests.integration.engines.errors import EngineError, Unreachable
from tests.integration.engines.gojson import quote
from tests.integration.engines.releases import Release
from tests.integration.engines.trace import Step


@dataclass(frozen=True)
class Setting:
    """What an engine is, and what was given to it.

    Attributes:
        release: Its traits.
        address: The registry, as host and port.
        tls: What TLS is spoken with; None for an insecure registry.
        credentials: Whom it is logged in as.
        patience: How much of its waiting it really does: 0 for none, 1 for all.
        trace: Where requests are written down.
    """

    release: Release
    address: str
    tls: ssl.SSLContext | None = None
    credentials: Credentials | None = None
    patience: float = 0.0
    trace: list[Step] = field(default_factory=list)

    def caller(self, *, jar: CookieJar | None = None) -> Caller:
        """Make an HTTP client."""
        return Caller(self.release, self.tls, self.trace, jar=jar)

    def wait(self, seconds: float) -> None:
        """Wait as the engine does between two attempts, or a part of that."""
        if self.patience:
            time.sleep(seconds * self.patience)

    def shown(self, body: bytes) -> str:
        """Show the body of an error as the engine does."""
        return quote(body) if self.release.quotes else body.decode(errors="replace")


class Session:
    """Requests to an index and to the registries that it names.

    Args:
        setting: The engine.
        endpoint: The index.
        always: Whether everything carries Basic.
    """

    def __init__(self, setting: Setting, endpoint: Endpoint, *, always: bool) -> None:
        self.setting = setting
        self.endpoint = endpoint
        self.authorization = Authorization(
            setting.release, setting.credentials, always=always
        )
        self._caller = setting.caller(jar=CookieJar())

    def ask(
        self,
        method: str,
        url: Url,
        route: Route = Route.REGISTRY,
        *,
        headers: tuple[Header, ...] = (),
        body: bytes | None = None,
        chunks: tuple[bytes, ...] | None = None,
    ) -> Reply:
        """Ask, with the authorization that the route has.

        Raises:
            Unreachable: there was no answer.
        """
        ask = Ask(
            method,
            url,
            headers,
            authorization=self.authorization.header(route),
            body=body,
            chunks=chunks,
        )
        return self._caller.call(ask, self.authorization.hear)

    def must(
        self,
        method: str,
        url: Url,
        *,
        headers: tuple[Header, ...] = (),
        body: bytes | None = None,
        chunks: tuple[bytes, ...] | None = None,
    ) -> Reply:
        """Ask a registry what ends everything if there is no answer."""
        try:
            return self.ask(method, url, headers=headers, body=body, chunks=chunks)
        except Unreachable as error:
            raise EngineError(f"{method} {url}: {error}") from error

    def registries(self, reply: Reply) -> list[str]:
        """Read the endpoints that the index names, as URLs that end in ``/v1/``."""
        if not reply.header("X-Docker-Endpoints"):
            return []
        lines = reply.values("X-Docker-Endpoints")
        if self.setting.release.splits_endpoints:
            lines = [host.strip() for line in lines for host in line.split(",")]
        return [f"{self.endpoint.scheme}://{host}/v1/" for host in lines]
