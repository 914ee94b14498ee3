"""An upstream of version 1 that gives the answers it was told to."""

import json
from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.task import Clock
from twisted.web.iweb import IAgent

from tests.client.upstreams import case
from tests.client.upstreams.case import NAME, Hosts, _named, document
from tests.storage.playing import PlayedAgent, Reply
from txregistry.client.upstreams.limits import (
    USUAL_LIMITS,
    USUAL_PATIENCE,
    Limits,
    Patience,
)
from txregistry.client.upstreams.logins import Login, LoginSource, ToldLogin
from txregistry.client.upstreams.making1 import assemble1
from txregistry.client.upstreams.places import parse_home
from txregistry.client.upstreams.registry1 import Registry1Upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.model.images import ImageId
from txregistry.model.names import Tag
from txregistry.tasks import at_once

HOME: Final = "https://index.example"
REGISTRY: Final = "registry.example"
TEAM: Final = "team/app"
R: Final = f"/v1/repositories/{TEAM}"
B: Final = ImageId("b" * 64)
T: Final = ImageId("7" * 64)
JSON: Final = json.dumps({"id": str(T), "parent": str(B)}).encode() + b"\n"
TOKEN: Final = f'signature=k7Q,repository="{TEAM}",access=read'


def listed(data: object = None, status: int = 200, **headers: str) -> Reply:
    """Answer as an Index does that is asked for the images of a repository."""
    return document([{"id": str(T)}] if data is None else data, status, **headers)


def gives(token: str = TOKEN, endpoints: str = REGISTRY) -> Reply:
    """Answer as an Index does that stands alone."""
    return listed(x_docker_token=token, x_docker_endpoints=endpoints)


def image(data: bytes = JSON, **headers: str) -> Reply:
    """Answer with the JSON of an image."""
    fields = {"Content-Type": "application/json", **_named(headers)}
    return Reply(body=data, headers=fields)


LATEST: Final = Tag("latest")
TAG: Final = document(str(T))
NONE: Final = document({"error": "images not found"}, 404)
REFUSED: Final = document(
    {"error": "Requires authorization"}, 401, www_authenticate="Token"
)


class Version1Case(case.UpstreamCase):
    """A test of what is made of some answers; inherit from the module."""

    upstream1: Registry1Upstream

    def play1(
        self,
        *replies: Reply,
        registry: tuple[Reply, ...] | None = None,
        others: Mapping[str, PlayedAgent] | None = None,
        login: LoginSource | Login | None = None,
        patience: Patience = USUAL_PATIENCE,
        limits: Limits = USUAL_LIMITS,
        home: str = HOME,
    ) -> Registry1Upstream:
        """Give an upstream that answers so, in this order.

        With ``registry``, its content is on another server, which gives those.
        """
        self.clock = Clock()
        self.agent = PlayedAgent(replies)
        self.service = PlayedAgent(registry or ())
        agent: IAgent = self.agent
        if registry is not None or others:
            agents = {parse_home(home).host: self.agent, REGISTRY: self.service}
            agent = Hosts(agents | dict(others or {}))
        self.befriended = []
        source = (
            ToldLogin(login) if login is None or isinstance(login, Login) else login
        )
        self.upstream1 = assemble1(
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
        known: Any = self.upstream1
        self.upstream = known
        return self.upstream1

    def targets(self) -> list[str]:
        """Say what was asked, the Index first."""
        return [each.target for each in (*self.agent.asked, *self.service.asked)]


class SessionsCase(Version1Case):
    """Ask for a tag; inherit from the module."""

    def find(self, repository: str = TEAM) -> ImageId | None:
        """Find out which image a tag names."""
        return self.result(self.upstream1.find_tag(repository, LATEST))

    def fails(self, kind: Any, repository: str = TEAM) -> str:
        """Expect that it cannot be found out, and give why."""
        return self.fault(kind, self.upstream1.find_tag(repository, LATEST)).reason

    def shown_there(self) -> list[str]:
        """Give what each request to the registry showed of who asks."""
        return [each.header("authorization") for each in self.service.asked]
