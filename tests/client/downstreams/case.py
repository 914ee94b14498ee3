"""A registry that takes what it is given, or not, as it was told."""

from typing import Any, Final

from twisted.internet.task import Clock
from twisted.web.iweb import IAgent

from tests.client.upstreams.case import (
    HOME,
    NAME,
    REALM,
    Hosts,
    UpstreamCase,
    error,
)
from tests.storage.playing import Asked, PlayedAgent, Reply
from txregistry.client.downstreams.making import assemble
from txregistry.client.downstreams.registry2 import Registry2Downstream
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.client.upstreams.logins import Login, ToldLogin
from txregistry.client.upstreams.places import parse_home
from txregistry.client.upstreams.resuming import Resumption
from txregistry.client.upstreams.terms import Terms
from txregistry.model.digest import Digest
from txregistry.streams import BytesReader, IReader
from txregistry.tasks import at_once

APP: Final = "vendor/app"
DATA: Final = bytes(range(100))
SIZE: Final = len(DATA)
DIGEST: Final = Digest.of(DATA)
UPLOAD: Final = f"/v2/{APP}/blobs/uploads/u1"
ONCE: Final = Patience(attempts=1)
MANY: Final = Limits(failures=50)


def accepted(location: str = UPLOAD, **headers: str) -> Reply:
    """Begin a session, or take some bytes into one."""
    return error(202, location=location, **headers)


def created(**headers: str) -> Reply:
    """Take something."""
    return error(201, **headers)


def at(offset: int, location: str = UPLOAD) -> Reply:
    """Tell how far a session is."""
    last = max(0, offset - 1)
    return Reply(204, headers={"Location": location, "Range": f"0-{last}"}, length=None)


class Source:
    """Bytes that we have, and who opened them where."""

    def __init__(self, data: bytes = DATA) -> None:
        self.opened: list[int] = []
        self._data = data

    async def open(self, start: int) -> IReader:
        """Open them at a byte."""
        self.opened.append(start)
        return BytesReader(self._data[start:])


class DownstreamCase(UpstreamCase):
    """A test of what is made of some answers."""

    downstream: Registry2Downstream

    def give(
        self,
        *replies: Reply,
        login: Login | None = None,
        patience: Patience = ONCE,
        limits: Limits = MANY,
        home: str = HOME,
        tokens: tuple[Reply, ...] = (),
    ) -> Registry2Downstream:
        """Give a registry that answers so, in this order; see `UpstreamCase.play`."""
        self.clock = Clock()
        self.agent = PlayedAgent(replies)
        self.service = PlayedAgent(tokens)
        agent: IAgent = self.agent
        if tokens:
            hosts = (parse_home(home).host, parse_home(REALM).host)
            both = (self.agent, self.service)
            agent = Hosts(dict(zip(hosts, both, strict=True)))
        self.befriended = []
        self.downstream = assemble(
            Terms(
                NAME,
                home,
                login=ToldLogin(login),
                patience=patience,
                limits=limits,
                chance=lambda: 1.0,
            ),
            agent,
            self.clock,
            at_once,
            befriend=self.befriended.append,
            resumption=Resumption(attempts=3, pause=1.0, longest_pause=3.0),
        )
        self.upstream = self.downstream  # type: ignore[assignment]  # it has turns too
        return self.downstream

    def push(self, source: Source | None = None, digest: Digest = DIGEST) -> Any:
        """Push a blob."""
        opened = (source or Source()).open
        return self.downstream.push_blob(APP, digest, SIZE, opened)

    def pushes(self, *replies: Reply, **others: Any) -> Source:
        """Expect a blob to be pushed, with all answers used up."""
        self.give(*replies, **others)
        source = Source()
        self.result(self.push(source))
        self.assert_let_go()
        self.assertEqual(self.agent.left, 0)
        return source

    def lines(self) -> list[str]:
        """Give what was asked, without our own query."""
        return [
            f"{each.method} {each.target.partition('?')[0]}"
            for each in self.agent.asked
        ]

    def last(self) -> Asked:
        """Give what was asked last."""
        return self.agent.asked[-1]
