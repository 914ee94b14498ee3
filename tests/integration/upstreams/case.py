"""Tests that ask an upstream over real sockets."""

import os
import random
import shutil
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from tests.integration.daemon import Peer
from txregistry.client.upstreams.interfaces import IUpstream, Opened, UpstreamFault
from txregistry.client.upstreams.limits import Patience
from txregistry.client.upstreams.making import make_upstream
from txregistry.client.upstreams.registry2 import Registry2Upstream
from txregistry.client.upstreams.slots import Slots
from txregistry.client.upstreams.terms import Terms
from txregistry.model.digest import Digest
from txregistry.streams import read_all
from txregistry.tasks import in_threads

PATIENCE: Final = Patience(attempts=2, pause=0.05)
ALL: Final = 1 << 30
DEADLINE: Final = 60.0
"""Seconds within which whatever is waited for has happened, on any machine."""
_GLANCE: Final = 0.01
_reactor: Any = reactor


class UpstreamCase(TestCase):
    """Ask upstreams; none of them leaves a connection, a turn or a file behind."""

    timeout = 4 * DEADLINE

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="txu-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.reactor = _reactor
        pool = ThreadPool(1, 4)
        pool.start()
        self.addCleanup(pool.stop)
        self.blocking = in_threads(_reactor, pool)

    def ask(self, url: str, name: str = "upstream", **others: Any) -> Registry2Upstream:
        """Make what asks an upstream until the end of the test."""
        upstream = make_upstream(
            _reactor,
            self.blocking,
            Terms(name, url, **{"patience": PATIENCE, **others}),
        )
        self.addCleanup(self._finish, upstream)
        return upstream

    async def _finish(self, upstream: Registry2Upstream) -> None:
        found = [each for each in vars(upstream).values() if isinstance(each, Slots)]
        self.assertGreater(len(found), 1)
        for slots in found:
            self.assertEqual(slots.taken, 0)
        await upstream.close()
        self.assertEqual(connections(upstream), 0)

    def run_awaiting(self, work: Any) -> "Deferred[Any]":
        """Begin some work."""
        return Deferred.fromCoroutine(work)

    async def fault(self, kind: type[UpstreamFault], work: Any) -> UpstreamFault:
        """Expect some work to fail."""
        try:
            found = await self.run_awaiting(work).addTimeout(DEADLINE, _reactor)
        except kind as fault:
            return fault
        raise AssertionError(f"no failure, but {found!r}")

    async def eventually(self, condition: Callable[[], object]) -> None:
        """Wait for what gives no notice of itself."""
        limit = _reactor.seconds() + DEADLINE
        while not condition():
            if _reactor.seconds() > limit:
                self.fail("it did not happen in time")
            await deferLater(_reactor, _GLANCE)

    async def read(self, opened: Opened | None) -> bytes:
        """Read a blob whole."""
        assert opened is not None
        data = await read_all(opened.reader, ALL)
        assert data is not None
        return data


def connections(upstream: IUpstream) -> int:
    """Count the connections that are open."""
    end: Any = upstream._end  # type: ignore[attr-defined]  # of ours
    return len(end.__self__.connections)


def sockets() -> int:
    """Count the sockets that this process has open."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
        except FileNotFoundError:
            continue
    return found


class Pushing:
    """Put content into a registry of Distribution's, before it asks who pushes.

    Args:
        program: Distribution.
        directory: Where it keeps content.
    """

    def __init__(self, program: str, directory: Path) -> None:
        self._peer = Peer(program, directory)

    def blob(self, name: str, data: bytes) -> Digest:
        """Push a blob."""
        digest = Digest.of(data)
        begun = self._send("POST", f"/v2/{name}/blobs/uploads/", b"")
        self._send("PUT", f"{begun}&digest={digest}", data)
        return digest

    def manifest(self, name: str, reference: str, data: bytes, kind: str) -> Digest:
        """Push a manifest."""
        self._send("PUT", f"/v2/{name}/manifests/{reference}", data, kind)
        return Digest.of(data)

    def end(self) -> None:
        """Stop the registry."""
        self._peer.discard()

    def _send(
        self,
        method: str,
        target: str,
        data: bytes,
        kind: str = "application/octet-stream",
    ) -> str:
        url = target if "://" in target else self._peer.url + target
        headers = {"Content-Type": kind}
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - of ours
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - of ours
            location: str = answer.headers["Location"]
            return location


def noise(size: int) -> bytes:
    """Make bytes that are the same each time."""
    return random.Random(size).randbytes(size)  # noqa: S311 - no secret
