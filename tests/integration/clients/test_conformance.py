"""The official conformance suite, with everything on and with our defaults.

The suite succeeds where it skipped something, and where it ran nothing: so not its exit
decides, but each line of its reports.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.integration.clients import case
from tests.integration.clients.programs import Program
from tests.integration.daemon import Daemon

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
"""What our defaults do not do: all that a manifest names must be there."""
REDIRECTED: Mapping[str, str] = {"OCI_API_BLOBS_DIGEST_HEADER": "false"}
"""What stores cannot do to which clients are sent: to say a blob's digest with it."""
BACKWARDS = "/range 500-0"
"""What stores answer with the whole, as they may; the suite takes that for skipped."""
LIMIT = 900.0
"""Seconds that the suite may take; with stores on other machines it takes longer."""
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
    redirects = False
    """Whether clients are sent to the store for blobs, by default."""

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
            limit=LIMIT,
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
        self, report: Report, least: int, off: Sequence[str] = (), skipped: str = ""
    ) -> None:
        """All cases ran and passed.

        Args:
            report: What the suite found.
            least: How many cases there are at least.
            off: The options that are off.
            skipped: How the names of cases end that do not run, if there are any.
        """
        others = [each for each in report.statuses if each[1] != "passed"]
        absent = [each for each in others if skipped and each[0].endswith(skipped)]
        self.assertEqual({was for _, was in absent}, {"skipped"} if skipped else set())
        self.assertEqual(others, absent)
        failed = {name: report.counts[name] for name in ("failures", "errors")}
        self.assertEqual(set(failed.values()), {"0"}, report.counts)
        if not skipped:
            self.assertEqual(set(report.counts.values()), {"0"}, report.counts)
        self.assertGreaterEqual(len(report.statuses), least)
        self.assertEqual(
            {name: was for name, was in report.families.items() if was != "Pass"},
            {SPARSE: "Disabled"} if "sparse" in off else {},
        )
        found = [name for name, on in _flat(report.settings).items() if not on]
        self.assertEqual(sorted(found), sorted(off))

    def test_passes_with_everything_on(self) -> None:
        settings: dict[str, Any] = {"validation": {"disabled": True}}
        if self.redirects:
            settings["storage"] = {"redirect": {"disable": True}}
        daemon = self.run_daemon("everything", **settings)
        self.assertPassed(self.examine(daemon, EVERYTHING), ALL_CASES)

    def test_passes_with_default_settings(self) -> None:
        settings = {**EVERYTHING, "OCI_DATA_SPARSE": "false"}
        if not self.redirects:
            report = self.examine(self.daemon, settings)
            self.assertPassed(report, DEFAULT_CASES, ["sparse"])
        else:
            report = self.examine(self.daemon, {**settings, **REDIRECTED})
            off = ["sparse", "digestHeader"]
            self.assertPassed(report, DEFAULT_CASES, off, BACKWARDS)


def _flat(settings: Mapping[str, Any]) -> dict[str, bool]:
    """Name each option, without the group that it is in."""
    flat: dict[str, bool] = {}
    for name, value in settings.items():
        for key, on in (value if isinstance(value, dict) else {name: value}).items():
            flat[key if key not in flat else f"{name}.{key}"] = on
    return flat
