"""Programs under test: found, run with a time-out, and heard out when they fail."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from twisted.trial.unittest import SkipTest

REQUIRE = "TXREGISTRY_REQUIRE_CLIENTS"
"""Set to 1 where every client must be there: a skipped test is a failure then."""
TIMEOUT = 180.0
"""The longest that one command may take, in seconds, unless somebody says otherwise."""
SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where daemons are installed, which a user's search path may lack."""


class ProgramError(AssertionError):
    """A program did not do what it was asked, or did what it should refuse."""


def skip(reason: str) -> NoReturn:
    """Leave out the running test, or fail it where nothing may be left out."""
    if os.environ.get(REQUIRE) == "1":
        raise AssertionError(f"{reason}, and {REQUIRE} is set")
    raise SkipTest(reason)


def find(*names: str) -> str:
    """Find a program that has one of these names, or skip the running test."""
    for name in names:
        found = shutil.which(name, path=search_path())
        if found is not None:
            return found
    skip(f"{' or '.join(names)} is not installed")


def search_path() -> str:
    """Where programs are looked for."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM))


def make_environment(home: Path) -> dict[str, str]:
    """Make a home for clients and point them to it, away from the user's own files.

    Returns:
        All the environment that a client needs.
    """
    containers = home / ".config" / "containers"
    runtime, temporary = home / "run", home / "tmp"
    for directory in (containers, temporary):
        directory.mkdir(parents=True)
    runtime.mkdir(mode=0o700)
    policy = {"default": [{"type": "insecureAcceptAnything"}]}
    (containers / "policy.json").write_text(json.dumps(policy))
    (containers / "registries.conf").write_text("unqualified-search-registries = []\n")
    (containers / "auth.json").write_text('{"auths": {}}')
    return {
        "PATH": search_path(),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_RUNTIME_DIR": str(runtime),
        "CONTAINERS_REGISTRIES_CONF": str(containers / "registries.conf"),
        "REGISTRY_AUTH_FILE": str(containers / "auth.json"),
        "DOCKER_CONFIG": str(home / ".docker"),
        "REGCTL_CONFIG": str(home / "regctl.json"),
    }


class Program:
    """One program, with the arguments that all its commands share."""

    def __init__(
        self,
        *command: str,
        environment: Mapping[str, str],
        directory: Path,
        limit: float = TIMEOUT,
    ) -> None:
        self._command = command
        self._environment = environment
        self._directory = directory
        self._limit = limit

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run a command which must succeed.

        Args:
            arguments: what follows the shared arguments.
            given: what it reads from its standard input.

        Returns:
            What it wrote to its standard output.

        Raises:
            ProgramError: with all it wrote.
        """
        done = self._run(arguments, given)
        if done.returncode:
            raise ProgramError(_report(done))
        return done.stdout

    def text(self, *arguments: str, given: bytes = b"") -> str:
        """Run a command which must succeed; what it wrote, without the last newline."""
        return self.run(*arguments, given=given).decode().strip()

    def json(self, *arguments: str, given: bytes = b"") -> Any:
        """Run a command which must succeed and write JSON."""
        return json.loads(self.run(*arguments, given=given))

    def refuse(self, *arguments: str, given: bytes = b"") -> str:
        """Run a command which must fail.

        Returns:
            What it complained of.

        Raises:
            ProgramError: it succeeded.
        """
        done = self._run(arguments, given)
        if not done.returncode:
            raise ProgramError(_report(done))
        return done.stderr.decode(errors="replace")

    def _run(
        self, arguments: tuple[str, ...], given: bytes
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [*self._command, *arguments],
                input=given,
                capture_output=True,
                env=self._environment,
                cwd=self._directory,
                timeout=self._limit,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise ProgramError(
                f"{late}\n{_text(late.stdout)}{_text(late.stderr)}"
            ) from None


def _report(done: subprocess.CompletedProcess[bytes]) -> str:
    return (
        f"{' '.join(done.args)} returned {done.returncode}\n"
        f"{_text(done.stdout)}{_text(done.stderr)}"
    )


def _text(output: bytes | None) -> str:
    return (output or b"")[-8000:].decode(errors="replace")
