"""Tests of how ``tests/benchmarks/goals.py`` judges, writes down and draws."""

import json
from xml.etree import ElementTree as ET

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks.bars import Row, draw, rows
from tests.benchmarks.report import Measure, Sample
from tests.benchmarks.table import Goal, Table

SPEED = Goal("push", "4 clients", "MB/s", ">1", {1: 1.5, 2: 2.0})
CPU = Goal("push", "4 clients", "server CPU, s/GB", "<1", {2: 0.8})
BOUND = Goal("memory", "the largest", "MB", "<1", most=80.0)
ASIDE = Measure("push", "4 clients", "client CPU, s/GB", "")
FIRST, SECOND = "first peer", "second peer"
TITLE = "Is <this> drawn & read?"
SVG = "{http://www.w3.org/2000/svg}"


def make_table(
    *samples: tuple[str, Measure, list[float]], facts: dict[str, str] | None = None
) -> Table:
    """Make a table of what sides did, round by round."""
    table = Table({"one": 1, "two": 2}, (FIRST, SECOND), facts or {})
    for side, measure, values in samples:
        for number, value in enumerate(values):
            table.add(side, number, Sample(measure, value))
    return table


class VerdictTests(SynchronousTestCase):
    def met(self, goal: Goal, side: str, ours: float, theirs: float) -> bool | None:
        """Compare one number of ours with one of the first peer."""
        table = make_table((side, goal, [ours]), (FIRST, goal, [theirs]))
        (verdict,) = table.verdicts(FIRST)
        return verdict.met

    def test_more_is_better(self) -> None:
        self.assertIs(self.met(SPEED, "two", 20.0, 10.0), True)
        self.assertIs(self.met(SPEED, "two", 19.9, 10.0), False)

    def test_less_is_better(self) -> None:
        self.assertIs(self.met(CPU, "two", 0.8, 1.0), True)
        self.assertIs(self.met(CPU, "two", 0.81, 1.0), False)

    def test_what_is_wanted_depends_on_workers(self) -> None:
        self.assertIs(self.met(SPEED, "one", 16.0, 10.0), True)
        self.assertIs(self.met(SPEED, "two", 16.0, 10.0), False)

    def test_nothing_is_wanted(self) -> None:
        self.assertIsNone(self.met(CPU, "one", 5.0, 1.0))

    def test_as_good_is_enough_beside_other_peers(self) -> None:
        table = make_table(("two", SPEED, [10.0]), (SECOND, SPEED, [10.0]))
        (verdict,) = table.verdicts(SECOND)
        self.assertEqual(verdict.wanted, 1.0)
        self.assertIs(verdict.met, True)

    def test_medians_are_compared_and_rounds_are_told(self) -> None:
        table = make_table(
            ("two", SPEED, [10.0, 40.0, 30.0]), (FIRST, SPEED, [10.0, 10.0, 20.0])
        )
        (verdict,) = table.verdicts(FIRST)
        self.assertEqual((verdict.ours, verdict.theirs), (30.0, 10.0))
        self.assertEqual(verdict.ratio, 3.0)
        self.assertEqual(verdict.rounds, (1.0, 1.5, 4.0))

    def test_rounds_that_both_took_part_in_are_compared(self) -> None:
        table = make_table(("two", SPEED, [10.0, 40.0]), (FIRST, SPEED, [5.0]))
        (verdict,) = table.verdicts(FIRST)
        self.assertEqual(verdict.rounds, (2.0,))
        self.assertEqual(verdict.ratio, 2.0)

    def test_half_of_the_cost_is_twice_as_good(self) -> None:
        table = make_table(("two", CPU, [1.0]), (FIRST, CPU, [2.0]))
        (verdict,) = table.verdicts(FIRST)
        self.assertEqual(verdict.times, 2.0)
        self.assertEqual(verdict.times_wanted, 1.25)

    def test_a_bound_needs_no_peer(self) -> None:
        for most, met in ((80.0, True), (81.0, False)):
            (verdict,) = make_table(("two", BOUND, [most])).bounds()
            self.assertIs(verdict.met, met)


class TableTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = make_table(
            ("two", SPEED, [30.0]),
            (FIRST, SPEED, [10.0]),
            ("two", CPU, [0.9]),
            (FIRST, CPU, [1.0]),
            ("two", ASIDE, [0.125]),
            ("two", BOUND, [60.0]),
            facts={"machine": "a small one"},
        )

    def test_rows(self) -> None:
        lines = self.table.markdown().splitlines()
        self.assertIn("- machine: a small one", lines)
        bound = "memory: the largest | MB"
        speed, cpu = "push: 4 clients | MB/s", "push: 4 clients | server CPU, s/GB"
        for row in (
            f"{speed} | ≥ 2 | 30.0 | 10.0 | **3** | 3 to 3 | yes",
            f"{cpu} | ≤ 0.8 | 0.9 | 1 | **0.9** | 0.9 to 0.9 | **no**",
            "push: 4 clients | client CPU, s/GB | - | 0.125 | - | -",
            f"{bound} | ≤ 1 | 60.0 | 80.0 | **0.75** | 0.75 to 0.75 | yes",
        ):
            self.assertIn(f"| {row} |", lines)

    def test_notes_are_told_once(self) -> None:
        self.table.note("left out")
        self.table.note("left out")
        self.assertEqual(self.table.markdown().count("left out"), 1)

    def test_json_has_every_number(self) -> None:
        told = json.loads(self.table.json())
        self.assertEqual(told["facts"], {"machine": "a small one"})
        self.assertEqual(told["rows"][0]["values"], {"two": [30.0], FIRST: [10.0]})
        self.assertEqual(told["rows"][0]["wanted"], {"1": 1.5, "2": 2.0})
        ratios = {each["quantity"]: each["met"] for each in told["ratios"]}
        self.assertEqual(ratios, {"MB/s": True, "server CPU, s/GB": False})

    def test_what_was_written_is_read(self) -> None:
        self.table.note("left out")
        joined = make_table(("two", SPEED, [1.0, 2.0]), (SECOND, SPEED, [4.0]))
        joined.join(self.table.json())
        self.assertEqual(joined.markdown(), self.table.markdown())
        self.assertEqual(joined.json(), self.table.json())


class BarsTests(SynchronousTestCase):
    def draw(self, *drawn: Row) -> ET.Element:
        """Draw rows, and read the picture."""
        return ET.fromstring(draw(drawn, (FIRST, SECOND), TITLE))  # noqa: S314 - ours

    def bars(self, *times: float | None) -> list[tuple[float, float]]:
        """Draw a row, and give where its bars are, and how wide."""
        picture = self.draw(Row("a row", times))
        return [
            (float(bar.attrib["x"]), float(bar.attrib["width"]))
            for bar in picture.iter(f"{SVG}rect")
        ][2:]  # those of the legend are the first

    def test_rows_are_those_of_which_something_is_wanted(self) -> None:
        table = make_table(
            ("two", CPU, [0.5]),
            (FIRST, CPU, [1.0]),
            (SECOND, CPU, [0.25]),
            ("two", BOUND, [60.0]),
            (FIRST, BOUND, [60.0]),
        )
        expected = Row("push: 4 clients, server CPU", (2.0, 0.5), 1.25)
        self.assertEqual(rows(table), [expected])

    def test_text_is_text(self) -> None:
        picture = self.draw(Row('a "row" <of> names & more', (1.5, None), 1.2))
        texts = [text.text for text in picture.iter(f"{SVG}text")]
        self.assertIn(TITLE, texts)
        self.assertIn('a "row" <of> names & more', texts)
        self.assertIn("1.5\N{MULTIPLICATION SIGN}", texts)

    def test_better_goes_right_and_worse_goes_left(self) -> None:
        (right, width), (left, other) = self.bars(2.0, 0.5)
        self.assertEqual(width, other)
        self.assertEqual(left + other, right)

    def test_what_is_not_known_has_no_bar(self) -> None:
        self.assertEqual(len(self.bars(2.0, None)), 1)

    def test_bars_end_where_the_picture_does(self) -> None:
        (start, width), (left, _) = self.bars(1e6, 0.0)
        size = float(self.draw().attrib["width"])
        self.assertLess(start + width, size)
        self.assertGreater(left, 0.0)

    def test_even_is_no_bar(self) -> None:
        self.assertEqual([width for _, width in self.bars(1.0)], [0.0])

    def test_the_picture_has_room_for_every_row(self) -> None:
        drawn = [Row(f"row {number}", (2.0, 2.0)) for number in range(30)]
        picture = self.draw(*drawn)
        lowest = max(float(bar.attrib["y"]) for bar in picture.iter(f"{SVG}rect"))
        self.assertLess(lowest, float(picture.attrib["height"]))
