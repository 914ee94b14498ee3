"""An upstream that gives the answers it was told to."""

import json
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from tests.storage.playing import PlayedAgent, Reply
from txregistry.client.upstreams.interfaces import UpstreamFault
from txregistry.client.upstreams.limits import (
    USUAL_LIMITS,
    USUAL_PATIENCE,
    Limits,
    Patience,
)
from txregistry.client.upstreams.logins import Login, LoginSource, ToldLogin
from txregistry.client.upstreams.making import assemble
from txregistry.client.upstreams.places import Place, parse_home
from txregistry.client.upstreams.registry2 import Registry2Upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.model.descriptors import OCI_INDEX, OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.streams import IReader, read_all
from txregistry.tasks import at_once

T = TypeVar("T")

NAME: Final = "docker.io"
HOME: Final = "https://registry-1.docker.io"
REALM: Final = "https://auth.docker.io/token"
ALPINE: Final = "library/alpine"
SCOPE: Final = f"repository:{ALPINE}:pull"
MANIFEST: Final = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": str(Digest.of(b"{}")),
            "size": 2,
        },
        "layers": [],
    }
).encode()
BLOB: Final = bytes(range(100))
DIGEST: Final = Digest.of(BLOB)
OCTETS: Final = {"Content-Type": "application/octet-stream"}
ALL: Final = 1 << 30
US: Final = Login("us", "our-secret")


def manifest(data: bytes = MANIFEST, **headers: str) -> Reply:
    """Answer with a manifest."""
    return Reply(body=data, headers={"Content-Type": OCI_MANIFEST, **_named(headers)})


def index(data: bytes, **headers: str) -> Reply:
    """Answer with an index."""
    return Reply(body=data, headers={"Content-Type": OCI_INDEX, **_named(headers)})


def blob(
    data: bytes = BLOB,
    status: int = 200,
    *,
    after: str = "end",
    length: int | None = -1,
    **headers: str,
) -> Reply:
    """Answer with a blob, or some of it."""
    fields = {**OCTETS, **_named(headers)}
    return Reply(status, data, fields, after=after, length=length)


def part(start: int, data: bytes, total: object = len(BLOB), **others: Any) -> Reply:
    """Answer with part of a blob."""
    last = start + len(data) - 1
    return blob(data, 206, content_range=f"bytes {start}-{last}/{total}", **others)


def document(data: object, status: int = 200, **headers: str) -> Reply:
    """Answer with some JSON."""
    fields = {"Content-Type": "application/json", **_named(headers)}
    return Reply(status, json.dumps(data).encode(), fields)


def error(status: int, **headers: str) -> Reply:
    """Answer that there is none."""
    return document({"errors": []}, status, **headers)


def redirect(location: str, status: int = 307) -> Reply:
    """Send elsewhere."""
    return error(status, location=location)


def challenge(
    realm: str = REALM, service: str = "registry.docker.io", scope: str = SCOPE
) -> Reply:
    """Ask for a token."""
    text = f'Bearer realm="{realm}",service="{service}",scope="{scope}"'
    return error(401, www_authenticate=text)


def token(text: str = "t1", **others: object) -> Reply:
    """Give a token."""
    return document({"token": text, **others})


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): text for name, text in headers.items()}


BASIC: Final = error(401, www_authenticate='Basic realm="x"')


@implementer(IAgent)
class Hosts:
    """Make requests to several servers, each of which plays what it was told.

    Args:
        agents: Them, by their names.
    """

    def __init__(self, agents: Mapping[str, PlayedAgent]) -> None:
        self._agents = agents

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See ``IAgent``."""
        host = Place.parse(uri.decode()).host
        return self._agents[host].request(method, uri, headers, bodyProducer)


class UpstreamCase(SynchronousTestCase):
    """A test of what is made of some answers."""

    clock: Clock
    agent: PlayedAgent

    def play(
        self,
        *replies: Reply,
        login: LoginSource | Login | None = None,
        patience: Patience = USUAL_PATIENCE,
        limits: Limits = USUAL_LIMITS,
        home: str = HOME,
        tokens: tuple[Reply, ...] = (),
    ) -> Registry2Upstream:
        """Give an upstream that answers so, in this order.

        With ``tokens``, the service with its tokens is another server, which gives
        those.
        """
        self.clock = Clock()
        self.agent = PlayedAgent(replies)
        self.service = PlayedAgent(tokens)
        agent: IAgent = self.agent
        if tokens:
            agent = Hosts(
                {
                    parse_home(home).host: self.agent,
                    parse_home(REALM).host: self.service,
                }
            )
        self.befriended: list[str] = []
        source = (
            ToldLogin(login) if login is None or isinstance(login, Login) else login
        )
        self.upstream = assemble(
            Terms(
                NAME,
                home,
                login=source,
                patience=patience,
                limits=limits,
                chance=lambda: 1.0,
            ),
            agent,
            self.clock,
            at_once,
            befriend=self.befriended.append,
        )
        return self.upstream

    def play_on(self, *replies: Reply) -> None:
        """Give more answers."""
        self.agent._replies.extend(replies)

    def settle(
        self, work: Coroutine[Any, Any, T], seconds: float = 3600
    ) -> Deferred[T]:
        """Let some work go on, and time with it, until it ends."""
        done = Deferred.fromCoroutine(work)
        deadline = self.clock.seconds() + seconds
        while not done.called and self.clock.seconds() < deadline:
            self.agent.flush()
            self.service.flush()
            if not done.called:
                self.clock.advance(0.25)
        return done

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to."""
        return self.successResultOf(self.settle(work))

    def fault(
        self, kind: type[UpstreamFault], work: Coroutine[Any, Any, Any]
    ) -> UpstreamFault:
        """Expect some work to fail, and give how; nothing of it is held any more."""
        fault = self.failureResultOf(self.settle(work), kind).value
        assert isinstance(fault, UpstreamFault)
        self.assertEqual(fault.upstream, NAME)
        self.assert_let_go()
        return fault

    def read(self, reader: IReader) -> bytes:
        """Read everything."""
        data = self.result(read_all(reader, ALL))
        assert data is not None
        return data

    def assert_let_go(self) -> None:
        """Expect that nobody has a turn, and that no timer runs."""
        slots = [self.upstream._blob_slots, self.upstream._slots]
        if hasattr(self.upstream, "_passing_slots"):  # version 1 passes nothing on
            slots.append(self.upstream._passing_slots)
        self.assertEqual({each.taken for each in slots}, {0})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def shown(self) -> list[str]:
        """Give what each request showed of who asks."""
        return [each.header("authorization") for each in self.agent.asked]

    def hosts(self) -> list[str]:
        """Give who was asked."""
        return [each.header("host") for each in self.agent.asked]
