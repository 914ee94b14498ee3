"""Three registries on one store, behind a balancer."""

import atexit
import functools
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.integration.clients.images import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Content,
    Image,
)
from tests.integration.clients.programs import find
from tests.integration.clients.remote import Answer, Remote
from tests.integration.daemon import LOOPBACK
from tests.integration.nodes.haproxy import Balancer, listen, port_of
from tests.integration.stores import service
from tests.integration.stores.service import SwiftService
from tests.integration.tuned import TunedDaemon, wait_for

COUNT = 3
MIB = 1024 * 1024
FIXED = "fixed"
"""Where tags stay where they are: the repositories whose names begin so."""

Storage = Callable[[SwiftService, str], Mapping[str, Any]]
"""Gives what stands under ``storage``, for a container of the service."""


class Nodes:
    """Nodes that share nothing but their store, and the balancer before them.

    They begin at the same time, on a store that has nothing in it.

    Args:
        storage: Their ``storage``.
        settings: More of their settings, but for where they listen.
        pem: As for `Balancer`, and so are the others.
        changes: Likewise.

    Attributes:
        daemons: The nodes.
        balancer: The balancer.
        discard: Ends them all.
    """

    def __init__(
        self,
        storage: Mapping[str, Any],
        settings: Mapping[str, Any] | None = None,
        pem: Path | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        find("haproxy")
        with ExitStack() as undoing:
            listener = undoing.enter_context(listen())
            folder = undoing.enter_context(TemporaryDirectory(prefix="txr-nodes-"))
            host = f"http://{LOOPBACK}:{port_of(listener)}"
            wanted: dict[str, Any] = {
                "http": {"host": host, "proxies": [LOOPBACK]},
                "auth": {"immutable": [{"repositories": [FIXED, f"{FIXED}/**"]}]},
                **(settings or {}),
                # What a node serves is to be seen failing with it.
                "storage": {**storage, "redirect": {"disable": True}},
            }

            def run(number: int) -> TunedDaemon:
                daemon = TunedDaemon(Path(folder, f"{number}"), wanted)
                undoing.callback(daemon.discard)
                return daemon

            with ThreadPoolExecutor(COUNT) as pool:
                self.daemons = list(pool.map(run, range(COUNT)))
            hosts = [each.host for each in self.daemons]
            self.balancer = Balancer(listener, hosts, pem, changes)
            undoing.callback(self.balancer.stop)
            self.discard = undoing.pop_all().close

    @property
    def named(self) -> Mapping[str, TunedDaemon]:
        """The nodes, by what the balancer calls them."""
        return {f"node{n}": each for n, each in enumerate(self.daemons, 1)}

    @property
    def logs(self) -> list[str]:
        """What each node has written."""
        return [each.log for each in self.daemons]

    def await_turns(self) -> None:
        """Wait until each node has its turn."""
        remote = Remote(self.balancer.host)

        def have_turns() -> bool:
            answers = [remote.ask("GET", "/v2/") for _ in range(COUNT)]
            return {served_by(each) for each in answers} == set(self.named)

        wait_for(have_turns, "each node has its turn")


@functools.cache
def _share(storage: Storage, of: SwiftService) -> Nodes:
    """Give nodes that all tests use: each has repositories of its own."""
    nodes = Nodes(storage(of, of.make_container()))
    atexit.register(nodes.discard)
    return nodes


class Turning(Remote):
    """A client of the balancer, which notes the node that served each request.

    Attributes:
        turns: The nodes, in order.
    """

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.turns: list[str] = []

    def ask(self, *arguments: Any, **more: Any) -> Answer:
        """See `Remote`."""
        answer = super().ask(*arguments, **more)
        self.turns.append(served_by(answer))
        return answer


class NodesCase(service.ServiceCase):
    """Nodes that all tests share; a test's repositories have names of their own.

    Import the module and inherit as ``case.NodesCase``, after `OnS3` or `OnSwift`.
    """

    @staticmethod
    def storage(of: SwiftService, container: str) -> Mapping[str, Any]:
        """Give what stands under ``storage``, for a container of the service."""
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.nodes = _share(self.storage, self.service)
        self._seen = list(map(len, self.nodes.logs))
        self.addCleanup(self._look)
        self.remote = Turning(self.nodes.balancer.host)
        self.each = [Remote(daemon.host) for daemon in self.nodes.daemons]
        self.name = f"{type(self).__name__}/{self._testMethodName}".lower()

    def assertTookTurns(self, count: int) -> None:
        """Each of the last requests was served by another node than that before."""
        turns = self.remote.turns[-count:]
        self.assertEqual(len(turns), count)
        for place in range(count - COUNT + 1):
            served = set(turns[place : place + COUNT])
            self.assertEqual(served, set(self.nodes.named), turns)

    def _look(self) -> None:
        """See that nothing went wrong, whatever the clients were told."""
        for log, seen in zip(self.nodes.logs, self._seen, strict=True):
            self.assertNotIn("Traceback", log[seen:])


class OnS3:
    """The store is a bucket."""

    @staticmethod
    def storage(of: SwiftService, container: str) -> Mapping[str, Any]:
        """See `NodesCase`."""
        return {
            "s3": {
                "accesskey": service.USER,
                "secretkey": service.KEY,
                "regionendpoint": of.url,
                "bucket": container,
                "chunksize": 5 * MIB,
                "multipartcopychunksize": 5 * MIB,
                "multipartcopythresholdsize": MIB,
            }
        }


class OnSwift:
    """The store is a container."""

    @staticmethod
    def storage(of: SwiftService, container: str) -> Mapping[str, Any]:
        """See `NodesCase`."""
        return {
            "swift": {
                "authurl": of.login,
                "username": service.USER,
                "password": service.KEY,
                "container": container,
                "chunksize": MIB,
            }
        }


def make_small(name: str, layer: bytes | None = None) -> Image:
    """Make an image of few bytes, which its name decides about.

    Args:
        name: The name.
        layer: Its only layer, where that is to be something.
    """
    content = Content(
        OCI_LAYER, f"The layer of {name}".encode() if layer is None else layer
    )
    config = Content(OCI_CONFIG, json.dumps({"name": name}).encode())
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor(),
        "layers": [content.descriptor()],
    }
    manifest = Content(OCI_MANIFEST, json.dumps(document).encode())
    return Image(manifest, config, (content,), "amd64")


def served_by(answer: Answer) -> str:
    """Say which node served a request."""
    return str(answer.headers["X-Served-By"])
