"""``txregistry copy-store`` as a process."""

import subprocess
import sys

from tests.transfer.program import environment

_PROGRAM = "from txregistry.commands.main import main; main()"
LIMIT = 240.0
"""How long it may take, in seconds."""


def command(*arguments: str) -> list[str]:
    """Spell the command."""
    return [sys.executable, "-c", _PROGRAM, "copy-store", *arguments]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        command(*arguments),
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
