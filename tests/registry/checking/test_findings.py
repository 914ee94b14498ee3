"""Tests of ``txregistry/registry/checking/findings.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.registry.checking.findings import (
    Count,
    Finding,
    Findings,
    Mend,
    Sort,
    State,
)
from txregistry.storage.interfaces import StorageUnavailable


class FindingsTests(SynchronousTestCase):
    def tell(
        self, mend: Mend | None, *, mending: bool, sort: Sort = "lost-tag"
    ) -> tuple[State, Count, int]:
        told: list[Finding] = []
        findings = Findings(told.append, mending=mending)
        self.successResultOf(findings.tell(sort, "key", "text", "advice", mend))
        (finding,) = told
        self.assertEqual(finding.is_fault, bool(findings.faults))
        return finding.state, findings.counts[sort], findings.faults

    @staticmethod
    async def mend() -> bool:
        return True

    @staticmethod
    async def come_too_late() -> bool:
        return False

    @staticmethod
    async def find_no_room() -> bool:
        raise StorageUnavailable("full")

    def test_what_cannot_be_mended(self) -> None:
        wanted = ("told", Count(1, 0, 0, 1), 1)
        self.assertEqual(self.tell(None, mending=True), wanted)

    def test_what_can_be_mended(self) -> None:
        wanted = ("mendable", Count(1, 1, 0, 1), 1)
        self.assertEqual(self.tell(self.mend, mending=False), wanted)

    def test_what_was_mended(self) -> None:
        wanted = ("mended", Count(1, 0, 1, 0), 0)
        self.assertEqual(self.tell(self.mend, mending=True), wanted)

    def test_what_is_no_longer_so(self) -> None:
        wanted = ("changed", Count(1, 0, 0, 0), 0)
        self.assertEqual(self.tell(self.come_too_late, mending=True), wanted)

    def test_what_could_not_be_mended(self) -> None:
        wanted = ("failed", Count(1, 1, 0, 1), 1)
        self.assertEqual(self.tell(self.find_no_room, mending=True), wanted)

    def test_what_does_no_harm(self) -> None:
        wanted = ("mendable", Count(1, 1, 0, 0), 0)
        self.assertEqual(self.tell(self.mend, mending=False, sort="leftover"), wanted)
