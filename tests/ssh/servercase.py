"""A test case with a server in memory, and clients that talk to it."""

from typing import Any

from twisted.conch.ssh.keys import Key
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from tests.integration.clients.images import Image, make_image
from tests.ssh.client import HERE, Client
from tests.ssh.keys import ALICE, BOB, HOST, line
from tests.temporary import make_file
from tests.transfer.archives.case import ArchiveTestCase
from txregistry.auth.policy import Rule, RulePolicy
from txregistry.model.access import Action
from txregistry.model.names import RepositoryName, Tag
from txregistry.ssh.commands import Commands
from txregistry.ssh.keyfile import KeyFile
from txregistry.ssh.limits import Limits
from txregistry.ssh.permission import PolicyPermission
from txregistry.ssh.server import SshServer
from txregistry.tasks import at_once

APP = RepositoryName("team/app")
IT = Tag("it")
RULES = (
    Rule(frozenset({"alice"}), ("**",), frozenset({Action.ADMIN})),
    Rule(frozenset({"bob"}), ("team/**",), frozenset({Action.PULL})),
)


class ServerTestCase(ArchiveTestCase):
    """Talk to a server that knows Alice and Bob."""

    limits = Limits(connections=8, unknown=6, channels=2, attempts=3)

    def setUp(self) -> None:
        super().setUp()
        self.path = make_file(self, "keys", line(ALICE, "alice") + line(BOB, "bob"))
        self.known = KeyFile(self.path, self.clock, at_once)
        self.server = self.make_server()
        self.told: list[str] = []
        hear: Any = self._hear
        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)

    def make_server(self) -> SshServer:
        """Make a server."""
        permission = PolicyPermission(self.registry, RulePolicy(RULES))
        commands = Commands(self.registry, at_once, permission)
        server = SshServer(HOST, self.known, commands, self.clock, self.limits)
        server.startFactory()
        return server

    def connect(self, *keys: Key, peer: str = HERE) -> Client:
        """Connect, and log in as far as that goes."""
        client = Client(self.server, self.clock, *keys, peer=peer)
        client.settle()
        return client

    def log_in(self, key: Key = ALICE) -> Client:
        """Connect and log in."""
        client = self.connect(key)
        self.assertTrue(client.conn.started, client.error)
        return client

    def push_app(self, **more: Any) -> Image:
        """Have an image."""
        image = make_image("linux/amd64", **more)
        self.push_image(image, IT, APP)
        return image

    def assertTold(self, part: str) -> None:
        """The log says something."""
        self.assertTrue([text for text in self.told if part in text], self.told)

    def _hear(self, event: LogEvent) -> None:
        if event.get("log_namespace", "").startswith("txregistry.ssh"):
            self.told.append(formatEvent(event))
