"""Registries that are not Distribution's, to be mirrored."""

import json
import shutil
from pathlib import Path

from tests.integration.clients.programs import find, search_path
from tests.integration.daemon import LOOPBACK, Daemon


class Zot(Daemon):
    """The registry zot, without its extensions."""

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        settings = {
            "distSpecVersion": "1.1.1",
            "storage": {"rootDirectory": str(self.directory), "gc": False},
            "http": {"address": LOOPBACK, "port": str(port)},
            "log": {"level": "warn"},
        }
        path = self.scratch / "config.json"
        path.write_text(json.dumps(settings))
        return [find("zot"), "serve", str(path)]


class CraneRegistry(Daemon):
    """The registry that crane has in it."""

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        where = ("--address", f"{LOOPBACK}:{port}", "--disk", str(self.directory))
        return [find("crane"), "registry", "serve", *where]


def serve_other(directory: Path) -> Daemon:
    """Run a registry that is not Distribution's: zot, if it is there."""
    has_zot = shutil.which("zot", path=search_path()) is not None
    return Zot(directory) if has_zot else CraneRegistry(directory)
