"""A mirror of two registries, all of them processes."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.programs import Program, find
from tests.integration.clients.remote import Remote
from tests.integration.daemon import LOOPBACK, ROOT, Daemon, Peer
from tests.integration.mirror.upstreams import serve_other
from tests.integration.tuned import TunedDaemon, write_htpasswd

HUB: Final = "docker.io"
"""What the first registry is called, which is Distribution's."""
OTHER: Final = "up.example"
"""What the second is called; there is no such host."""
HUB_HOST: Final = "127.0.0.2"
"""Another name of the mirror, by which all names are those of the first."""
ALICE: Final = ("alice", "open sesame")
RECHECK: Final = 0.5
"""Seconds for which the mirror takes a tag for fresh."""
_COMMAND: Final = "from txregistry.commands.main import main; main()"


class MirrorDaemon(TunedDaemon):
    """This registry as a mirror, at two addresses."""

    def _complete(self, port: int) -> dict[str, Any]:
        settings = super()._complete(port)
        settings["http"]["listen"] = [f"tcp:{port}:interface={HUB_HOST}"]
        return settings


class MirrorCase(SynchronousTestCase):
    """Run the registries and the mirror until the end of the test.

    Import the module and inherit as ``case.MirrorCase``.
    """

    rules: Sequence[dict[str, Any]] | None = None
    """Who may do what; None for what is usual for a mirror."""
    patience = "3s"
    """How long a client waits that could have what is there."""

    def setUp(self) -> None:
        self.directory = make_directory(self)
        self.mirror = self.serve(self.upstreams())

    def upstreams(self) -> list[dict[str, Any]]:
        """Run the registries, and describe them as ``mirror.upstreams`` has them."""
        program = find("registry")
        self.hub = self.keep(Peer(program, self.directory / "hub"))
        self.other = self.keep(serve_other(self.directory / "other"))
        return [
            self.entry(HUB, self.hub.url, hosts=[HUB_HOST]),
            self.entry(OTHER, self.other.url),
        ]

    def others(self) -> dict[str, Any]:
        """Give other settings of the mirror."""
        return {}

    def entry(self, name: str, url: str, **others: Any) -> dict[str, Any]:
        """Describe one of them."""
        times = {"recheck": f"{RECHECK * 1000:.0f}ms", "patience": self.patience}
        return {"name": name, "url": url, **times, **others}

    def serve(self, upstreams: list[dict[str, Any]]) -> MirrorDaemon:
        """Run a mirror that knows alice."""
        accounts = write_htpasswd(self.directory / "htpasswd", dict([ALICE]))
        auth: dict[str, Any] = {"htpasswd": {"path": str(accounts)}}
        if self.rules is not None:
            auth["rules"] = self.rules
        settings = {
            "role": "mirror",
            "auth": auth,
            "mirror": {"upstreams": upstreams},
            **self.others(),
        }
        daemon = MirrorDaemon(self.directory / "mirror", settings)
        self.addCleanup(self._finish, daemon)
        return daemon

    def keep(self, registry: Daemon) -> Daemon:
        """Stop a registry at the end of the test."""
        self.addCleanup(registry.discard)
        return registry

    @property
    def remote(self) -> Remote:
        """The mirror, seen by nobody in particular."""
        return Remote(self.mirror.host)

    def at(self, registry: Daemon) -> Remote:
        """Give a registry behind the mirror."""
        return Remote(registry.host)

    def configure(
        self, client: str, host: str = LOOPBACK, scheme: str = "http", *options: str
    ) -> Path:
        """Have the files of a client written.

        Args:
            client: What ``mirror-config`` calls it.
            host: What it shall call the mirror.
            scheme: How it shall speak to it.
            options: Other options.

        Returns:
            The folder that stands for ``/``.
        """
        root = self.directory / f"root-{client}"
        command = Program(
            *(sys.executable, "-c", _COMMAND, "mirror-config", client),
            environment={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
            directory=self.directory,
        )
        command.run(
            *("--config", str(self.mirror.scratch / "config.yml")),
            *("--url", f"{scheme}://{host}:{self.mirror.port}"),
            *("--output", str(root), *options),
        )
        return root

    def _finish(self, daemon: Daemon) -> None:
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)
