"""The official conformance suite, with everything on and with our defaults.

The suite succeeds where it skipped something, and where it ran nothing: so not its exit
decides, but each line of its reports.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.integration.clients import case
from tests.integration.clients.programs import Program
from tests.integration.daemon import ConfiguredDaemon, Daemon

EVERYTHING: Mapping[str, str] = {
    "OCI_VERSION": "dev",
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_BLOBS_MOUNT_ANONYMOUS": "true",
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_TAG_PARAM": "true",
    "OCI_DATA_SHA512": "true",
    "OCI_DATA_SPARSE": "true",
}
SPARSE = "Sparse Manifests"
DISABLED = {SPARSE: "what a manifest names must be there, by default"}
"""What our defaults do not do, and why."""
ALL_CASES = 830
"""Cases that the suite had in August 2026 with everything on; it may only grow."""
DEFAULT_CASES = 793
"""Cases that it had then without what is disabled."""


@dataclass(frozen=True)
class Report:
    """What the suite found.

    Attributes:
        statuses: the outcome of each case; names are repeated.
        counts: how many did not pass, of the cases and of the groups around them.
        settings: what was on: the options by name, nested.
        families: the outcome of each API and of each kind of data.
    """

    statuses: list[tuple[str, str]]
    counts: dict[str, str]
    settings: dict[str, Any]
    families: dict[str, str]


class ConformanceTests(case.ClientCase):
    program = "conformance"

    def make_program(self, *command: str) -> Program:
        self.path = command[0]
        return super().make_program(*command)

    def examine(self, daemon: Daemon, settings: Mapping[str, str]) -> Report:
        """Run the suite against a registry."""
        results = self.directory / "results"
        suite = Program(
            self.path,
            environment={
                **self.environment,
                **settings,
                "OCI_REGISTRY": daemon.host,
                "OCI_TLS": "disabled",
                "OCI_RESULTS_DIR": str(results),
            },
            directory=self.directory,
        )
        suite.run()
        root = ET.parse(results / "junit.xml").getroot()  # noqa: S314 - the suite's own
        found = yaml.safe_load((results / "results.yaml").read_text())
        return Report(
            statuses=[
                (each.attrib["name"], each.attrib["status"])
                for each in root.iter("testcase")
            ],
            counts={
                outcome: root.get(outcome, "0")
                for outcome in ("failures", "errors", "skipped", "disabled")
            },
            settings={**found["config"]["apis"], **found["config"]["data"]},
            families={**found["apis"], **found["data"]},
        )

    def assertPassed(
        self, report: Report, least: int, disabled: Mapping[str, str]
    ) -> None:
        """All cases ran and passed, but for the families named with a reason."""
        others = [each for each in report.statuses if each[1] != "passed"]
        self.assertEqual(others, [])
        self.assertEqual(set(report.counts.values()), {"0"}, report.counts)
        self.assertGreaterEqual(len(report.statuses), least)
        self.assertEqual(
            {name: was for name, was in report.families.items() if was != "Pass"},
            dict.fromkeys(disabled, "Disabled"),
        )
        off = [name for name, on in _flat(report.settings).items() if not on]
        self.assertEqual(off, ["sparse"] if SPARSE in disabled else [])

    def test_passes_with_everything_on(self) -> None:
        settings = {"validation": {"disabled": True}}
        directory = self.directory / "everything"
        daemon = self.serve(ConfiguredDaemon(directory, settings))
        self.assertPassed(self.examine(daemon, EVERYTHING), ALL_CASES, {})

    def test_passes_with_default_settings(self) -> None:
        settings = {**EVERYTHING, "OCI_DATA_SPARSE": "false"}
        report = self.examine(self.daemon, settings)
        self.assertPassed(report, DEFAULT_CASES, DISABLED)


def _flat(settings: Mapping[str, Any]) -> dict[str, bool]:
    """Name each option, without the group that it is in."""
    flat: dict[str, bool] = {}
    for name, value in settings.items():
        for key, on in (value if isinstance(value, dict) else {name: value}).items():
            flat[key if key not in flat else f"{name}.{key}"] = on
    return flat
