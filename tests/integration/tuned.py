"""This registry with settings, options and variables of a test's choice."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bcrypt import gensalt, hashpw

from tests.integration.daemon import LOOPBACK, ConfiguredDaemon, write_settings

PATIENCE = 30.0
"""Seconds within which whatever is waited for has happened, on any machine."""
_GLANCE = 0.01
"""Seconds between two looks at what gives no notice of itself."""


class TunedDaemon(ConfiguredDaemon):
    """This registry under twistd; it listens where the tests say, whatever is set.

    Args:
        directory: Where it keeps content.
        settings: More settings; of ``http`` all but where it listens.
        options: What twistd is told besides.
        variables: Its environment, over that of the tests.
        also: Addresses at which it listens besides the usual one, by TLS.

    Attributes:
        settings: The settings; others count from the next start on, or `rewrite`.
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, Any],
        *,
        options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        also: Sequence[str] = (),
    ) -> None:
        self.settings = settings
        self._options = options
        self._variables = dict(variables or {})
        self._also = also
        super().__init__(directory, settings)

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        self._settings = self._complete(port)
        variables = [f"{name}={value}" for name, value in self._variables.items()]
        return ["env", *variables, *super().command(port), *self._options]

    def rewrite(self, settings: Mapping[str, Any]) -> None:
        """Replace its file of settings, at one stroke, while it runs."""
        self.settings = settings
        self.rewrite_text(self._text())

    def rewrite_text(self, text: str) -> None:
        """Replace its file of settings by any text."""
        replace_file(self.scratch / "config.yml", text)

    def hang_up(self) -> None:
        """Have it read its files at once."""
        os.kill(self.pid, signal.SIGHUP)

    def _text(self) -> str:
        aside = self.scratch / "aside"
        aside.mkdir(exist_ok=True)
        path = write_settings(
            aside, self.directory, self.port, self._complete(self.port)
        )
        return path.read_text()

    def _complete(self, port: int) -> dict[str, Any]:
        http: dict[str, Any] = {
            **self.settings.get("http", {}),
            "addr": f"{LOOPBACK}:{port}",
        }
        if self._also:
            apis = http.get("apis", ["v1", "v2"])
            http["listen"] = [
                {"endpoint": f"tcp:{port}:interface={each}", "apis": apis, "tls": True}
                for each in self._also
            ]
        return {**self.settings, "http": http}


def replace_file(path: Path, text: str) -> None:
    """Replace a file so that nobody reads half of it."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.replace(path)


def write_htpasswd(path: Path, passwords: Mapping[str, str]) -> Path:
    """Replace a file of accounts by one as of ``htpasswd -B``, at its least cost."""
    lines = (
        f"{name}:{hashpw(password.encode(), gensalt(4)).decode()}\n"
        for name, password in passwords.items()
    )
    replace_file(path, "".join(lines))
    return path


def wait_for(
    condition: Callable[[], object],
    what: str,
    seconds: float = PATIENCE,
    glance: float = _GLANCE,
) -> None:
    """Look at something until it has come about.

    Args:
        condition: What is looked at.
        what: The same in words.
        seconds: How long it may take.
        glance: Seconds between two looks; more where looking is work.

    Raises:
        AssertionError: it has not in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        threading.Event().wait(glance)


def read_audit(path: Path) -> list[dict[str, Any]]:
    """Read records: each line is whole, and is one of them."""
    text = path.read_text()
    assert text.endswith("\n") or not text, text[-1000:]
    return [json.loads(line) for line in text.splitlines()]
