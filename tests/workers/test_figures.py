"""Tests of asking workers for their figures: ``txregistry/workers/crew.py``."""

from twisted.internet.defer import Deferred

from tests.workers.crewcase import KILLED, CrewTestCase
from txregistry.metrics.families import Family, Kind, add_up, one
from txregistry.workers.crew import Crew
from txregistry.workers.process import STATUS
from txregistry.workers.setup import (
    read_order,
    write_figures,
)


class FiguresTests(CrewTestCase):
    def ask(self, crew: Crew) -> Deferred[dict[str, list[Family]]]:
        return Deferred.fromCoroutine(crew.figures())

    def asked(self, number: int) -> int:
        """Count how often a worker was asked."""
        orders = map(read_order, self.machine.begun[number - 1].messages()[1:])
        return sum(each.figures for each in orders)

    def tell(self, number: int, count: float) -> None:
        """Have one of those that were begun tell what it has counted: in two pieces."""
        line = write_figures(
            [one("n_total", Kind.COUNTER, "", count), one("g", Kind.SUM, "", 1)]
        )
        for piece in (line[:10], line[10:]):
            self.machine.begun[number - 1].protocol.childDataReceived(STATUS, piece)

    def sums(self, found: dict[str, list[Family]]) -> dict[str, float]:
        """Add up what was told."""
        return {each.name: each.rows[0].values[0] for each in add_up(found)}

    def test_all_are_asked_and_waited_for(self) -> None:
        asked = self.ask(self.begin())
        self.assertEqual([self.asked(1), self.asked(2)], [1, 1])
        self.tell(1, 3)
        self.assertNoResult(asked)
        self.tell(2, 4)
        found = self.successResultOf(asked)
        self.assertEqual(self.sums(found), {"n_total": 7, "g": 2})
        self.assertEqual(self.machine.getDelayedCalls(), [])

    def test_who_does_not_serve_yet_is_not_asked(self) -> None:
        crew = self.begin(serve=False)
        self.assertEqual(self.sums(self.successResultOf(self.ask(crew))), {})

    def test_who_does_not_answer_is_waited_for_a_second(self) -> None:
        crew = self.begin()
        asked = self.ask(crew)
        self.tell(1, 3)
        self.tell(2, 4)
        self.successResultOf(asked)
        asked = self.ask(crew)
        self.tell(1, 5)
        self.machine.advance(0.9)
        self.assertNoResult(asked)
        self.machine.advance(0.1)
        # What it counted counts; how it is now nobody knows.
        found = self.successResultOf(asked)
        self.assertEqual(self.sums(found), {"n_total": 9, "g": 1})
        self.assertIn("Worker 2 (process 101) has not told its figures", self.told())
        self.assertEqual(crew.away(), [2])

    def test_who_hangs_is_asked_no_more_and_counts_again_when_it_goes_on(self) -> None:
        crew = self.begin()
        for _ in range(3):
            asked = self.ask(crew)
            self.tell(1, 3)
            self.machine.advance(1)
            self.successResultOf(asked)
        self.assertEqual([self.asked(1), self.asked(2)], [3, 1])
        self.tell(2, 4)
        self.assertEqual(crew.away(), [])
        asked = self.ask(crew)
        self.tell(1, 3)
        self.tell(2, 5)
        found = self.successResultOf(asked)
        self.assertEqual(self.sums(found), {"n_total": 8, "g": 2})

    def test_several_who_ask_at_once_have_the_same(self) -> None:
        crew = self.begin()
        asked = [self.ask(crew) for _ in range(3)]
        self.tell(1, 3)
        self.tell(2, 4)
        found = [self.sums(self.successResultOf(each)) for each in asked]
        self.assertEqual(found, [{"n_total": 7, "g": 2}] * 3)
        self.assertEqual([self.asked(1), self.asked(2)], [1, 1])

    def test_what_was_counted_lasts_when_its_worker_does_not(self) -> None:
        crew = self.begin()
        asked = self.ask(crew)
        self.tell(1, 3)
        self.tell(2, 4)
        self.successResultOf(asked)
        for count in (1, 2):
            self.machine.begun[-1 if count > 1 else 0].end(KILLED)
            self.machine.advance(2)
            self.machine.begun[-1].serve()
            asked = self.ask(crew)
            self.tell(2, 4)
            self.tell(len(self.machine.begun), 10)
            found = self.successResultOf(asked)
            self.assertEqual(self.sums(found), {"n_total": 7 + 10 * count, "g": 2})

    def test_who_dies_is_waited_for_no_longer(self) -> None:
        crew = self.begin()
        asked = self.ask(crew)
        self.tell(1, 3)
        self.machine.begun[1].end(KILLED)
        found = self.successResultOf(asked)
        self.assertEqual(self.sums(found)["n_total"], 3)
