"""The units of ``docs/deploy``, as systemd understands them."""

import re
import subprocess
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.programs import find
from tests.integration.daemon import ROOT, twistd
from tests.temporary import make_folder
from txregistry.settings.sections import Http

_FOLDER: Final = ROOT / "docs" / "deploy"
_UNITS: Final = ("txregistry.service", "txregistry.socket")
_PROGRAM: Final = "/opt/txregistry/bin/twistd"
_EXPOSED: Final = "20"
"""What systemd may find exposed, in tenths of ten."""
_WORKERS_END: Final = 10
"""Seconds after which workers are killed that have not ended in time."""


class UnitTests(SynchronousTestCase):
    def analyze(self, *arguments: str) -> str:
        """Have systemd look at something, and give its complaints."""
        done = subprocess.run(
            [find("systemd-analyze"), "--no-pager", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stderr

    def test_they_are_understood(self) -> None:
        folder = Path(make_folder(self))
        for name in _UNITS:
            text = (_FOLDER / name).read_text()
            (folder / name).write_text(text.replace(_PROGRAM, twistd()[0]))
        for name in _UNITS:
            told = self.analyze("verify", "--man=no", str(folder / name))
            self.assertEqual(told, "")

    def test_little_is_exposed(self) -> None:
        path = str(_FOLDER / _UNITS[0])
        self.analyze("security", "--offline=true", f"--threshold={_EXPOSED}", path)

    def test_requests_have_their_time_to_end(self) -> None:
        text = (_FOLDER / _UNITS[0]).read_text()
        (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
        self.assertGreater(int(seconds), Http().draintimeout + _WORKERS_END)
