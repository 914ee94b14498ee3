"""A registry that plays a role, and those who come to it by both versions."""

from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.couriers import Courier, Skopeo
from tests.integration.clients.images import make_image
from tests.integration.clients.remote import Remote
from tests.integration.daemon import Daemon
from tests.integration.engines.authorization import Credentials
from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import EngineError
from tests.integration.engines.images import FakeImage, make_images
from tests.integration.engines.served import assert_same_images
from tests.integration.tuned import TunedDaemon, write_htpasswd

PASSWORDS = {"alice": "open sesame", "bob": "secret"}
ALICE: Credentials = ("alice", PASSWORDS["alice"])
BOB: Credentials = ("bob", PASSWORDS["bob"])
WRONG: Credentials = ("alice", PASSWORDS["bob"])
OLD = ("0.10.0", "1.6.2")
"""Releases that come by version 1, whatever else is at a port."""


class RoleCase(SynchronousTestCase):
    """Import the module and inherit as ``case.RoleCase``."""

    daemon: Daemon
    """What was served last."""

    def setUp(self) -> None:
        self.directory = make_directory(self)
        self.image = make_image("role")

    def serve(self, role: str, place: str = "registry", **settings: Any) -> TunedDaemon:
        """Run a registry until the end of the test.

        Args:
            role: What ``--role`` says.
            place: The name of its folder: what is there already stays.
            settings: Its settings.
        """
        daemon = TunedDaemon(self.directory / place, settings, options=("--role", role))
        self.keep(daemon)
        return daemon

    def keep(self, daemon: Daemon) -> None:
        """Stop a registry at the end of the test, and look whether all went well."""
        self.daemon = daemon
        self.addCleanup(self._finish, daemon)

    def accounts(self) -> dict[str, Any]:
        """Write the accounts to a file; give the setting."""
        path = write_htpasswd(self.directory / "htpasswd", PASSWORDS)
        return {"htpasswd": {"path": str(path)}}

    @property
    def remote(self) -> Remote:
        """What was served last, seen by nobody."""
        return Remote(self.daemon.host)

    # Version 2

    def client(
        self, courier: type[Courier] = Skopeo, user: Credentials | None = None
    ) -> Courier:
        """Make a client of what was served last, with somebody logged in."""
        client = courier(self, self.daemon.host)
        if user is not None:
            client.log_in(*user)
        return client

    def fill(self, *names: str) -> None:
        """Put images where a registry will be served, before it is."""
        daemon = TunedDaemon(self.directory / "registry", {})
        self.keep(daemon)
        for name in names:
            self.remote.push(name, "1", self.image)
        daemon.stop()

    def assertMay(
        self,
        user: Credentials | None,
        *,
        pull: Sequence[str] = (),
        push: Sequence[str] = (),
        courier: type[Courier] = Skopeo,
    ) -> None:
        """Somebody pulls from some repositories, and pushes to some."""
        client = self.client(courier, user)
        for name in push:
            client.push(f"{name}:1", self.image)
        for name in (*push, *pull):
            client.pull(f"{name}:1", self.image)

    def assertMayNot(
        self,
        user: Credentials | None,
        *,
        pull: Sequence[str] = (),
        push: Sequence[str] = (),
        courier: type[Courier] = Skopeo,
    ) -> None:
        """Somebody is refused."""
        client = self.client(courier, user)
        for name in pull:
            self.assertRefused(client.refuse_pull(f"{name}:1"))
        for name in push:
            self.assertRefused(client.refuse_push(f"{name}:2", self.image))

    def assertRefused(self, complaint: str) -> None:
        """A client complains of what it may not, and of nothing else."""
        words = "(?i)unauthorized|denied|forbidden|authentication|credentials|password"
        self.assertRegex(complaint, words)

    # Version 1

    def engine(
        self, release: str, user: Credentials | None = None, *, at: str = ""
    ) -> Engine:
        """Make an engine that is set at what was served last, or elsewhere."""
        return Engine(release, at or self.daemon.host, credentials=user)

    def push_old(
        self, engine: Engine, name: str, release: str
    ) -> tuple[FakeImage, ...]:
        """Push an image of two layers as ``latest``."""
        images = make_images(name, release, depth=2)
        engine.push(name, images, {"latest": images[-1].id})
        return images

    def assertPullsOld(
        self, engine: Engine, name: str, images: Sequence[FakeImage]
    ) -> None:
        """An engine pulls what was pushed, to the byte."""
        assert_same_images(self, engine.pull(name, "latest"), images)

    def assertRefusedOld(self, engine: Engine, name: str, release: str) -> None:
        """An engine can neither pull nor push."""
        self.assertRaises(EngineError, engine.pull, name, "latest")
        self.assertPushRefusedOld(engine, name, release)

    def assertPushRefusedOld(self, engine: Engine, name: str, release: str) -> None:
        """An engine cannot push."""
        error = self.assertRaises(EngineError, self.push_old, engine, name, release)
        self.assertRegex(str(error), "40[13]|[Aa]uthentication|[Ll]ogin")

    def _finish(self, daemon: Daemon) -> None:
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)
