"""``txregistry`` as a process."""

import subprocess
import sys

from tests.transfer.program import environment

_PROGRAM = "from txregistry.commands.main import main; main()"
_INTERRUPTED = """
import os, sys
from txregistry.commands.imageoptions import TransferLine
left = [int(sys.argv.pop(1))]
def show(line, came, size):
    if left:
        os.kill(os.getpid(), left.pop())
TransferLine.show = show
from {module} import main
main()
"""
LIMIT = 240.0
"""How long it may take, in seconds."""


def command(*arguments: str) -> list[str]:
    """Spell a command."""
    return [sys.executable, "-c", _PROGRAM, *arguments]


def run(
    *arguments: str, given: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command.

    Args:
        arguments: The command, and what it is given.
        given: What is piped in.
        variables: Its environment besides.
    """
    return subprocess.run(
        command(*arguments),
        env=environment(**variables),
        input=given,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def interrupt(
    number: int, module: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that moves images, which gets a signal when the first bytes came.

    Args:
        number: The signal.
        module: Where its ``main`` is.
        arguments: What it is given.
    """
    program = _INTERRUPTED.format(module=module)
    return subprocess.run(
        [sys.executable, "-c", program, str(number), *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
