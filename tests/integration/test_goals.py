"""Tests of ``python -m tests.benchmarks.goals``, with its client and a daemon."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks import driver
from tests.benchmarks.contenders import OURS
from tests.integration.clients import programs
from tests.temporary import make_folder

CHECKOUT = Path(__file__).resolve().parents[2]


class GoalsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(make_folder(self))

    def run_goals(
        self, *arguments: str, path: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the program.

        Args:
            arguments: Its arguments.
            path: The only folder where programs are looked for.
        """
        more = {} if path is None else {"PATH": str(path)}
        return subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.goals", *arguments],
            cwd=CHECKOUT,
            env=os.environ | more,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_measures_us_alone(self) -> None:
        go = Path(programs.find("go")).parent
        told, drawn = self.folder / "told.json", self.folder / "drawn.svg"
        ran = self.run_goals(
            *("--quick", "--only", "^(push 4 MiB, 4|pull 4 MiB, 8|image)$"),
            *("--json", str(told), "--svg", str(drawn)),
            path=go,
        )
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("Distribution 3: left out", ran.stdout)
        rows = json.loads(told.read_text())["rows"]
        speeds = {
            (row["group"], row["cell"]): row["values"][OURS[2]][0]
            for row in rows
            if row["quantity"] in {"MB/s", "images/s"}
        }
        self.assertTrue(all(value > 0 for value in speeds.values()))
        image = "image of 40 layers of 100 KiB"
        for row in (
            ("push 4 MiB in chunks", "4 Go clients"),
            ("pull 4 MiB", "8 Go clients"),
            (image, "push"),
            (image, "pull"),
        ):
            self.assertIn(row, speeds)
        ET.fromstring(drawn.read_text())  # noqa: S314 - it is ours

    def test_without_go(self) -> None:
        ran = self.run_goals("--quick", "--only", "image", path=self.folder)
        self.assertEqual(ran.returncode, 2)
        self.assertIn("`go`", ran.stderr)

    def test_unknown_work(self) -> None:
        self.assertEqual(self.run_goals("--only", "no such").returncode, 2)

    def test_all_works_are_listed(self) -> None:
        ran = self.run_goals("--list")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("mTLS push 100 MiB, 8\n", ran.stdout)

    def test_client(self) -> None:
        go = programs.find("go")
        tested = subprocess.run(
            [go, "test", "./..."],
            cwd=driver.SOURCE,
            env=os.environ | driver.OFFLINE,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
