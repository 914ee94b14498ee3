"""Our programs as processes that are forked from one, so that many of them cost little.

Run as a program, it imports them once, and then runs what each line that it reads says.
"""

import atexit
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.transfer.program import environment
from twisted import internet
from txregistry.commands import main

PROGRAMS: Final = {
    "registryget": "txregistry.commands.registryget",
    "registryput": "txregistry.commands.registryput",
    "txregistry": "txregistry.commands.main",
}
_STANDARD: Final = ("stdin", "stdout", "stderr")


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it wrote."""

    status: int
    out: bytes
    err: str


class Zygote:
    """A process that runs programs, one at a time, until it is discarded."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="txregistry-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.commands.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )

    def run(
        self,
        program: str,
        *arguments: str,
        given: bytes = b"",
        out: str | None = None,
        **variables: str,
    ) -> Ended:
        """Run a program.

        Args:
            program: Its name.
            arguments: What it is given.
            given: What it reads.
            out: A file that it writes to, if not to one of ours.
            variables: Its environment besides.
        """
        paths = [Path(self._folder.name, name) for name in _STANDARD]
        for path in paths:
            path.write_bytes(given if path is paths[0] else b"")
        told = {
            "module": PROGRAMS[program],
            "arguments": arguments,
            "paths": [str(paths[0]), out or str(paths[1]), str(paths[2])],
            "variables": variables,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return Ended(status, paths[1].read_bytes(), paths[2].read_text())

    def discard(self) -> None:
        """End it."""
        self._process.communicate()
        self._folder.cleanup()


@cache
def shared() -> Zygote:
    """Give the one that all tests of this process share."""
    zygote = Zygote()
    atexit.register(zygote.discard)
    return zygote


def _serve() -> None:
    for module in PROGRAMS.values():
        importlib.import_module(module)
    for _, where, _ in main._COMMANDS:  # which it loads only when they are asked for
        importlib.import_module(f"txregistry.commands.{where.split('.')[0]}")
    gc.freeze()  # so that children share the memory
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(told: dict[str, Any]) -> None:
    """Do what a program does, and end as it would."""
    paths: Sequence[str] = told["paths"]
    os.dup2(os.open(paths[0], os.O_RDONLY), 0)
    for number in (1, 2):
        os.dup2(os.open(paths[number], os.O_WRONLY), number)
    os.environ.update(told["variables"])
    # Each installs one of its own, of the kind that it needs.
    sys.modules.pop("twisted.internet.reactor", None)
    vars(internet).pop("reactor", None)
    status: object = 1
    try:
        importlib.import_module(told["module"]).main(told["arguments"])
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


if __name__ == "__main__":
    _serve()
