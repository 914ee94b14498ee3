"""``txregistry import-v1`` as a process."""

import os
import subprocess
import sys

_PROGRAM = "from txregistry.commands.main import main; main()"
LIMIT = 60.0
"""How long it may take, in seconds."""


def command(*arguments: str) -> list[str]:
    """Spell the command."""
    return [sys.executable, "-c", _PROGRAM, "import-v1", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """Give variables, and nothing that says where data is beside them."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("AWS_", "ST_", "REGISTRY_"))
    }
    return {**kept, **variables}


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
