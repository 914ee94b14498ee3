"""The place where a client's test happens."""

import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.images import Image, Index, contents_of, read_layout
from tests.integration.clients.programs import Program, find, make_environment
from tests.integration.clients.remote import Remote
from tests.integration.daemon import ConfiguredDaemon, Daemon


class ClientCase(SynchronousTestCase):
    """A directory, a home for clients and a running registry, all thrown away.

    Import the module and inherit as ``case.ClientCase``. Tests of a client are tests of
    another store, too, in a subclass that says where that is.
    """

    program = ""
    """The client that the tests need, if any: they are skipped without it."""
    begins = True
    """Whether a registry runs when a test begins."""

    def setUp(self) -> None:
        path = find(self.program) if self.program else ""
        self.directory = make_directory(self)
        self.environment = make_environment(self.directory / "home")
        self.client = self.make_program(path)
        if self.begins:
            self.daemon = self.run_daemon("registry")
            self.remote = Remote(self.daemon.host)

    def make_program(self, *command: str) -> Program:
        """Run a program here, away from the user's own files."""
        return Program(*command, environment=self.environment, directory=self.directory)

    def storage(self) -> dict[str, Any]:
        """Give the setting that says where a registry keeps its content.

        Returns:
            The setting ``storage`` for a place that no other registry uses; nothing for
            a folder of the test's own.
        """
        return {}

    def run_daemon(self, name: str, **settings: Any) -> Daemon:
        """Run this registry until the end of the test.

        Args:
            name: Its folder.
            settings: What is not as usual.
        """
        directory = self.directory / name
        storage = {**self.storage(), **settings.get("storage", {})}
        if storage:
            settings["storage"] = storage
        if settings:
            return self.serve(ConfiguredDaemon(directory, settings))
        return self.serve(Daemon(directory))

    def serve(self, daemon: Daemon) -> Daemon:
        """Stop a registry at the end of the test, and look whether all went well."""
        self.addCleanup(self._finish, daemon)
        return daemon

    def assertHolds(self, name: str, reference: str, target: Image | Index) -> None:
        """The registry serves an image, all its parts byte for byte and no others."""
        pulled = self.remote.fetch(name, reference)
        self.assertEqual(self.remote.digest(name, reference), target.digest)
        self.assertSameBytes(pulled, contents_of(target))

    def assertLayoutHolds(self, layout: Path, target: Image | Index) -> None:
        """A layout that a client wrote has the parts of an image and no others."""
        self.assertSameBytes(read_layout(layout), contents_of(target))

    def assertSameBytes(
        self, first: dict[str, bytes], second: dict[str, bytes]
    ) -> None:
        """Two sets of contents are the same, byte for byte; neither is printed."""
        self.assertEqual(sorted(first), sorted(second))
        differing = [digest for digest, data in first.items() if data != second[digest]]
        self.assertEqual(differing, [])

    def _finish(self, daemon: Daemon) -> None:
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)


def make_directory(case: SynchronousTestCase) -> Path:
    """Make a directory which is removed after the test.

    Its path is short, as sockets want it, and Podman takes it for the name of an image.
    """
    directory = Path(tempfile.gettempdir(), f"txc-{secrets.token_hex(4)}")
    directory.mkdir(mode=0o700)
    case.addCleanup(shutil.rmtree, directory)
    return directory
