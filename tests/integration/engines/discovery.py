"""How an engine finds out what a host speaks, and with what credentials."""

from contextlib import suppress
from dataclasses import dataclass

from tests.integration.engines.authorization import Credentials, basic
from tests.integration.engines.caller import Ask, Caller
from tests.integration.engines.connection import Header, Reply, Url
from tests.integration.engines.errors import EngineError, SpeaksV2, Unreachable
from tests.integration.engines.gojson import (
    GoError,
    decode,
    fields_of,
    flag_of,
    list_of,
    text_of,
)
from tests.integration.engines.releases import Probe, Release

_FALLS_BACK = ("UNAUTHORIZED", "MANIFEST_UNKNOWN", "NAME_UNKNOWN")
"""The errors of version 2 after which Docker 1.10+ still turns to version 1."""

_ACCEPTED: tuple[Header, ...] = tuple(
    ("Accept", f"application/{kind}")
    for kind in (
        "vnd.docker.distribution.manifest.v1+prettyjws",
        "json",
        "vnd.docker.distribution.manifest.v2+json",
        "vnd.docker.distribution.manifest.list.v2+json",
    )
)


@dataclass(frozen=True)
class Endpoint:
    """A registry that was found.

    Attributes:
        scheme: ``http`` or ``https``.
        host: The host, with its port.
        version: The version of the protocol that its first ping found.
    """

    scheme: str
    host: str
    version: int

    def url(self, path: str) -> Url:
        """Point at a path that does not begin with a slash."""
        return Url(self.scheme, self.host, f"/{path}")


class Discovery:
    """The requests before the first that does something.

    Args:
        release: The engine's release.
        caller: Its HTTP client, without cookies.
        host: The host, with its port.
        secure: Whether TLS is a must.
    """

    def __init__(
        self, release: Release, caller: Caller, host: str, *, secure: bool
    ) -> None:
        self._release = release
        self._caller = caller
        self._host = host
        self._schemes = ("https",) if secure else ("https", "http")

    def find(self, *, versions: tuple[int, ...] | None = None) -> Endpoint:
        """Ping until something answers: TLS first, and there version 2 first.

        Args:
            versions: Which versions are pinged; None for those of the release.

        Raises:
            EngineError: nothing does.
        """
        if versions is None:
            old = self._release.probe in (Probe.NEVER, Probe.STUBBORN)
            versions = (1,) if old else (2, 1)
        failures = []
        for scheme in self._schemes:
            for version in versions:
                endpoint = Endpoint(scheme, self._host, version)
                try:
                    self.ping(endpoint)
                except Unreachable as error:
                    failures.append(f"{scheme} attempt: {error}")
                else:
                    return endpoint
        raise EngineError(f"invalid registry endpoint {self._host}: {failures}")

    def ping(self, endpoint: Endpoint) -> bool:
        """Ask an endpoint whether it is there.

        Returns:
            Whether it is standalone.

        Raises:
            Unreachable: it is not, or is not what it was taken for.
        """
        return self._ping_v2(endpoint) if endpoint.version > 1 else self._ping(endpoint)

    def always_basic(self, endpoint: Endpoint) -> bool:
        """Find out, at the start of a session, whether everything carries Basic.

        Over plain http it never does, and nothing is asked.
        """
        return endpoint.scheme == "https" and self.ping(endpoint)

    def open_old(self) -> tuple[Endpoint, bool]:
        """Begin a session as Docker up to 1.6 does: a ping or two decide.

        Returns:
            The endpoint, and whether everything carries Basic.

        Raises:
            SpeaksV2: the ping finds version 2.
        """
        endpoint = self.find()
        always = self.always_basic(endpoint)
        if endpoint.version > 1:
            raise SpeaksV2(f"{endpoint.url('v2/')} has the header of version 2")
        return endpoint, always

    def open_new(
        self, credentials: Credentials | None, method: str, paths: tuple[str, ...]
    ) -> tuple[Endpoint, bool]:
        """Begin a session as Docker 1.9 and newer do: try version 2 first, and fail.

        Args:
            credentials: Whom the engine is logged in as.
            method: How it goes on after the first answer, if it does.
            paths: With what.

        Returns:
            The endpoint of version 1, and whether everything carries Basic.

        Raises:
            SpeaksV2: it does not fail.
        """
        for scheme in self._schemes:
            with suppress(Unreachable):
                self._try_v2(
                    Endpoint(scheme, self._host, 2), credentials, method, paths
                )
        failures = []
        for version in (2, 1) if self._release.probe is Probe.FIRST else (1,):
            endpoint = Endpoint("https", self._host, version)
            try:
                return endpoint, self.ping(endpoint)
            except Unreachable as error:
                failures.append(str(error))
        if "http" in self._schemes:  # where it goes on without a ping
            return Endpoint("http", self._host, 1), False
        raise EngineError(f"no endpoint at {self._host}: {failures}")

    def _try_v2(
        self,
        endpoint: Endpoint,
        credentials: Credentials | None,
        method: str,
        paths: tuple[str, ...],
    ) -> None:
        reply = self._caller.call(Ask("GET", endpoint.url("v2/")))
        reply.close()
        if names_v2(reply):
            raise SpeaksV2(f"{endpoint.url('v2/')} has the header of version 2")
        if self._release.probe is Probe.FIRST:
            return
        authorization = ""
        challenge = reply.header("WWW-Authenticate").lower()
        if reply.status == 401 and challenge.startswith("bearer"):
            raise EngineError("asks for a token of another server, which is not played")
        if reply.status == 401 and challenge.startswith("basic"):
            if credentials is None:
                return
            authorization = basic(credentials)
        headers = _ACCEPTED if "/manifests/" in paths[0] else ()
        if method == "POST":
            headers = (("Content-Type", ""),)
        asks = [
            Ask(method, endpoint.url(path), headers, authorization=authorization)
            for path in paths
        ]
        replies = [self._insist(ask) for ask in asks]
        for status, body in [(reply.status, reply.body()) for reply in replies]:
            _judge(status, body)

    def _insist(self, ask: Ask) -> Reply:
        """Ask; uploads are asked for five times if the server has a fault."""
        reply = self._caller.call(ask)
        for _ in range(4):
            if ask.method != "POST" or reply.status < 500:
                break
            reply.close()
            reply = self._caller.call(ask)
        return reply

    def _ping(self, endpoint: Endpoint) -> bool:
        ask = Ask(
            "GET",
            endpoint.url("v1/_ping"),
            named=self._release.named_pings,
            lasting=self._release.lasting_pings,
        )
        reply = self._caller.call(ask)
        body = reply.body()
        version = reply.header("X-Docker-Registry-Version")
        if self._release.needs_version and not version:
            raise Unreachable("This does not look like a Registry server")
        standalone = reply.header("X-Docker-Registry-Standalone")
        if standalone:
            return standalone.lower() in ("true", "1")
        return self._release.needs_version or _standalone(body)

    def _ping_v2(self, endpoint: Endpoint) -> bool:
        ask = Ask("GET", endpoint.url("v2/"), named=self._release.named_pings)
        reply = self._caller.call(ask)
        reply.close()
        if not names_v2(reply):
            raise Unreachable("does not appear to be a v2 registry endpoint")
        if reply.status not in (200, 401):
            raise Unreachable(f"v2 registry endpoint returned status {reply.status}")
        return reply.status == 200


def _judge(status: int, body: bytes) -> None:
    """Decide by an answer of version 2 whether version 1 is tried."""
    if status < 400:
        raise SpeaksV2(f"version 2 answers {status}")
    if status >= 500:
        return
    try:
        fields = fields_of(decode(body, whole=True))
        errors = list_of(fields.get("errors"))
        codes = [text_of(fields_of(error).get("code")) for error in errors]
    except GoError:
        return
    details = fields.get("details")
    if isinstance(details, str) and details:
        codes = ["UNAUTHORIZED" if status == 401 else "UNKNOWN"]
    if codes and codes[0] not in _FALLS_BACK:
        raise EngineError(f"{codes[0]} of version 2: no turn to version 1")


def names_v2(reply: Reply) -> bool:
    """Say whether an answer has the header of version 2."""
    lines = reply.values("Docker-Distribution-Api-Version")
    return "registry/2.0" in " ".join(lines).split()


def _standalone(body: bytes) -> bool:
    """Read the body of a ping: what is not as it should be is not there."""
    try:
        standalone = fields_of(decode(body, whole=True)).get("standalone")
        return standalone is None or flag_of(standalone)
    except GoError:
        return True
