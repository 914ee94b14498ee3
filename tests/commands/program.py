"""``txregistry`` as a process."""

import subprocess
import sys

from tests.transfer.program import environment

_PROGRAM = "from txregistry.commands.main import main; main()"
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
