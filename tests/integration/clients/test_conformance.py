"""The official conformance suite, with everything on and with our defaults."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.clients import case
from tests.integration.clients.programs import Program
from tests.integration.daemon import ConfiguredDaemon, Daemon

EVERYTHING: Mapping[str, str] = {
    "OCI_VERSION": "dev",
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_TAG_PARAM": "true",
    "OCI_DATA_SPARSE": "true",
}
CASES = 750
"""Cases that the suite has at least: it succeeds, too, where it runs none."""


class ConformanceTests(case.ClientCase):
    program = "conformance"

    def examine(self, daemon: Daemon, settings: Mapping[str, str]) -> list[Any]:
        """Run the suite against a registry.

        Returns:
            Its cases, as elements of a JUnit report.
        """
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
        return list(ET.parse(results / "junit.xml").iter("testcase"))  # noqa: S314 - ours

    def make_program(self, *command: str) -> Program:
        self.path = command[0]
        return super().make_program(*command)

    def assertAllPassed(self, cases: list[Any]) -> None:
        """Every case ran, and none failed."""
        self.assertGreater(len(cases), CASES)
        for outcome in ("failure", "error", "skipped"):
            found = [
                each.get("name") for each in cases if each.find(outcome) is not None
            ]
            self.assertEqual(found, [], outcome)

    def test_passes_with_everything_on(self) -> None:
        settings = {"validation": {"disabled": True}}
        directory = Path(self.directory, "everything")
        daemon = self.serve(ConfiguredDaemon(directory, settings))
        self.assertAllPassed(self.examine(daemon, EVERYTHING))

    def test_passes_with_default_settings(self) -> None:
        settings = {**EVERYTHING, "OCI_DATA_SPARSE": "false"}
        cases = self.examine(self.daemon, settings)
        self.assertAllPassed(
            [each for each in cases if "Sparse" not in str(each.get("name"))]
        )
