"""Tests of what commands load before they begin: what takes time, and few need.

They count modules, as a clock would tell another time on each machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_folder
from tests.transfer.program import environment
from txregistry.commands.main import _COMMANDS

_LOAD: Final = """\
import json, sys
from txregistry.commands.main import Options
{name: make for name, _, make, _ in Options.subCommands}[sys.argv[1]]()
print(json.dumps(list(sys.modules)))
"""
_RUN: Final = """\
import json, os, sys
from txregistry.commands.main import main
sys.stdout = open(os.devnull, "w")
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(list(sys.modules)), file=sys.__stdout__)
"""
_NETWORK: Final = frozenset(
    {"OpenSSL", "botocore", "jwt", "klein", "service_identity", "treq", "werkzeug"}
    | {"twisted.conch", "twisted.internet.tcp", "twisted.web"}
    | {"txregistry.service", "txregistry.tls", "txregistry.web", "txregistry.workers"}
)
"""What only talks to others."""
_CRYPTOGRAPHY: Final = frozenset({"bcrypt", "cryptography"})
_TEXT: Final = frozenset({"yaml"})
_REACTOR: Final = frozenset({"asyncio", "twisted.internet.base"})
_RULES: Final = frozenset(
    {"txregistry.registry.mirror", "txregistry.registry.replication"}
    | {"txregistry.registry.repositories"}
)
"""What is needed where something may be pushed, and by whom."""
_LOADED: Final = {
    "check-config": _CRYPTOGRAPHY | _REACTOR | _RULES | _TEXT,
    "certs": _REACTOR | _RULES,
    "explain": _CRYPTOGRAPHY | _REACTOR | _RULES,
    "copy-store": _CRYPTOGRAPHY | _RULES | _TEXT,
    "bundle": _CRYPTOGRAPHY | _TEXT | {"txregistry.registry.repositories"},
    "import": _CRYPTOGRAPHY | _TEXT | {"txregistry.registry.repositories"},
    "export": _CRYPTOGRAPHY | _TEXT,
    "import-v1": _CRYPTOGRAPHY | _TEXT,
    "mirror-config": _REACTOR | _RULES,
    "ssh-command": _CRYPTOGRAPHY | _TEXT,
    "warm": _CRYPTOGRAPHY | _TEXT,
    "gc": _CRYPTOGRAPHY | _TEXT,
    "quotas": _CRYPTOGRAPHY | _RULES | _TEXT,
    "fsck": _CRYPTOGRAPHY | _TEXT | {"txregistry.registry.repositories"},
    "tags": _CRYPTOGRAPHY | _RULES | _TEXT | {"txregistry.registry.quotas"},
    "undo": _CRYPTOGRAPHY | _TEXT,
    "rm": _CRYPTOGRAPHY | _TEXT,
}
"""For each command what it does not load, beside what only talks to others."""
_LOCAL: Final = {
    "copy-store": ("copy-store", "{store}", "{folder}", "--dry-run"),
    "bundle": ("bundle", "{store}", "{folder}/bundle.tar", "a/b:c"),
    "import": ("import", "{folder}/none.tar", "{store}"),
    "export": ("export", "--oci-layout", "{folder}/layout", "-s", "{store}"),
    "import-v1": ("import-v1", "{folder}", "-s", "{store}", "--dry-run"),
    "ssh-command": ("ssh-command", "--root", "{store}", "--allow", "**:pull"),
    "gc": ("gc", "-s", "{store}", "--dry-run"),
    "quotas": ("quotas", "-s", "{store}"),
    "fsck": ("fsck", "-s", "{store}"),
    "tags": ("tags", "a/b", "-s", "{store}"),
    "undo": ("undo", "a/b:c", "-s", "{store}"),
    "rm": ("rm", "a/b:c", "-s", "{store}"),
}
"""Commands about what is on this machine."""


def _start(program: str, *arguments: str) -> set[str]:
    """Run a program, and name the modules that it says it loaded."""
    told = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return set(json.loads(told.splitlines()[-1]))


def _among(loaded: Iterable[str], names: frozenset[str]) -> set[str]:
    """Give what was loaded of some modules and packages."""
    starts = tuple(f"{name}." for name in names)
    return {each for each in loaded if each in names or each.startswith(starts)}


class LoadedTests(SynchronousTestCase):
    def test_each_command_is_looked_at(self) -> None:
        self.assertEqual(set(_LOADED), {name for name, _, _ in _COMMANDS})

    def test_a_command_loads_what_it_needs(self) -> None:
        network = _NETWORK - {"txregistry.tls"}  # which reads certificates, too
        for command, seldom in _LOADED.items():
            loaded = _start(_LOAD, command)
            self.assertEqual(_among(loaded, network | seldom), set(), command)
            self.assertIn("txregistry.commands.main", loaded)

    def test_work_on_this_machine_needs_no_network(self) -> None:
        for command, words in _LOCAL.items():
            places = {"folder": make_folder(self), "store": make_folder(self)}
            os.makedirs(f"{places['store']}/docker/registry/v2/repositories")
            loaded = _start(_RUN, *(each.format(**places) for each in words))
            self.assertEqual(_among(loaded, _NETWORK), set(), command)
            self.assertIn("twisted.internet.reactor", loaded, command)
