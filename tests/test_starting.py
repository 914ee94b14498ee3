"""Tests of what is loaded at the start: what takes time that nobody gets anything for.

They count modules, as a clock would tell another time on each machine.
"""

import json
import subprocess
import sys
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_folder
from tests.transfer.program import environment

_BUILD: Final = """\
import json, sys
from txregistry.starting import Options
from twisted.internet.testing import MemoryReactorClock
from txregistry.assembly.serving import Part
from txregistry.assembly.version1 import COOKIES, PASSING, TOKENS
from txregistry.service import build
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem, Storage
from txregistry.workers.setup import Setup

settings = Settings(storage=Storage(filesystem=Filesystem(sys.argv[1])))
secrets = dict.fromkeys((COOKIES, PASSING, TOKENS), bytes(32))
parts = {"daemon": Part(), "worker": Part(Setup({}, settings, secrets, [], 1, [0]))}
build(settings, MemoryReactorClock(), part=parts[sys.argv[2]])
print(json.dumps(list(sys.modules)))
"""
_SELDOM: Final = {
    "backports.zstd",
    "botocore",
    "jwt",
    "treq",
    "twisted.conch",
    "twisted.protocols.haproxy",
    "txregistry.assembly.mirrorschedule",
    "txregistry.certs",
    "txregistry.client.index",
    "txregistry.commands",
    "txregistry.ssh",
    "txregistry.storage.layoutstore",
    "txregistry.storage.s3",
    "txregistry.storage.swift",
    "txregistry.transfer",
    "txregistry.workers.crew",
    "yaml",
}
"""What only a few settings need."""
_FOR_ALL: Final = {
    "txregistry.assembly.rounds",
    "txregistry.registry.collection.collector",
    "txregistry.registry.quotas.tally",
    "txregistry.registry.scrubbing.schedule",
}
"""What one process does for all."""


class LoadedTests(SynchronousTestCase):
    def loaded(self, part: str) -> set[str]:
        """Name what is loaded when a part is built."""
        program = [sys.executable, "-c", _BUILD, make_folder(self), part]
        told = subprocess.run(
            program, env=environment(), capture_output=True, text=True, check=True
        ).stdout
        return set(json.loads(told))

    def test_a_daemon_loads_what_it_does(self) -> None:
        loaded = self.loaded("daemon")
        self.assertEqual(loaded & _SELDOM, set())
        self.assertLess(_FOR_ALL, loaded)

    def test_a_worker_does_not_load_what_one_does_for_all(self) -> None:
        loaded = self.loaded("worker")
        self.assertEqual(loaded & (_SELDOM | _FOR_ALL), set())
        self.assertIn("txregistry.web.fastpath", loaded)
