"""What is wanted, beside what was measured: as a Markdown table and as JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from tests.benchmarks.report import Measure, Sample

#: What is wanted against a peer that no goal names.
EVEN = 1.0
#: Numbers smaller than this are not worth a ratio.
_NOTHING = 1e-9
#: How many workers we have where nothing is said of it.
_USUAL = 2


@dataclass(frozen=True)
class Goal(Measure):
    """A row, and what is wanted of it.

    Args:
        wanted: The ratio to the first peer that is wanted, by how many workers we
            have. Nothing is wanted of other rows: they help to understand.
        most: What may not be exceeded, whatever others need.
    """

    wanted: Mapping[int, float] = field(default_factory=dict, hash=False)
    most: float | None = None


@dataclass(frozen=True)
class Verdict:
    """How one of our settings compares with a peer in one row.

    Args:
        goal: The row.
        workers: How many workers we had.
        ours: The median of ours.
        theirs: That of the peer; None where only a bound counts.
        ratio: The first divided by the second; of a bound, by that.
        rounds: The ratios of the rounds, the least first.
        wanted: What the ratio should be, if anything is wanted.
    """

    goal: Goal
    workers: int
    ours: float
    theirs: float | None
    ratio: float
    rounds: tuple[float, ...]
    wanted: float | None

    @property
    def name(self) -> str:
        """What was done; with how many workers, if not with two."""
        name = f"{self.goal.group}: {self.goal.cell}"
        return name if self.workers == _USUAL else f"{name}, {self.workers} worker"

    @property
    def times(self) -> float:
        """How many times better we are, whichever way that is."""
        return self._better(self.ratio)

    @property
    def times_wanted(self) -> float | None:
        """How many times better we should be."""
        return None if self.wanted is None else self._better(self.wanted)

    @property
    def met(self) -> bool | None:
        """Whether we are as good as is wanted; None where nothing is."""
        if self.wanted is None:
            return None
        if self.goal.good == ">1":
            return self.ratio >= self.wanted
        return self.ratio <= self.wanted

    def _better(self, ratio: float) -> float:
        return ratio if self.goal.good == ">1" else 1 / max(ratio, _NOTHING)


@dataclass
class Table:
    """Collect the samples of all sides, by round.

    Args:
        ours: The names of our sides, by how many workers they have.
        peers: The names of the others. Goals are ratios to the first; to be as good
            is enough against the rest.
        facts: What a reader must know to judge the numbers.
    """

    ours: Mapping[str, int]
    peers: tuple[str, ...]
    facts: dict[str, str]
    notes: list[str] = field(default_factory=list)
    _values: dict[Goal, dict[str, dict[int, float]]] = field(default_factory=dict)

    def add(self, side: str, number: int, sample: Sample) -> None:
        """Keep what a side did in a round."""
        measure = sample.measure
        goal = (
            measure
            if isinstance(measure, Goal)
            else Goal(measure.group, measure.cell, measure.quantity, measure.good)
        )
        sides = self._values.setdefault(goal, {})
        sides.setdefault(side, {})[number] = sample.value

    def note(self, text: str) -> None:
        """Keep a remark to print below the tables, once."""
        if text not in self.notes:
            self.notes.append(text)

    def join(self, written: str) -> None:
        """Take over what another table wrote as JSON; the same rows are replaced."""
        told = json.loads(written)
        self.facts |= told["facts"]
        for text in told["notes"]:
            self.note(text)
        for row in told["rows"]:
            wanted = {int(workers): ratio for workers, ratio in row["wanted"].items()}
            goal = Goal(
                *(row["group"], row["cell"], row["quantity"], row["good"]),
                wanted,
                row["most"],
            )
            values = row["values"].items()
            self._values[goal] = {side: dict(enumerate(each)) for side, each in values}

    def verdicts(self, peer: str) -> Iterator[Verdict]:
        """Compare all our settings with a peer, row by row."""
        for goal, sides in self._values.items():
            for name, workers in self.ours.items():
                if (ours := sides.get(name)) and goal.good:
                    wanted = goal.wanted.get(workers)
                    if peer != self.peers[0] and wanted is not None:
                        wanted = EVEN
                    theirs = sides.get(peer, {})
                    if ours.keys() & theirs.keys() and min(theirs.values()) > _NOTHING:
                        yield _compare(goal, workers, ours, theirs, wanted)

    def bounds(self) -> Iterator[Verdict]:
        """Compare our settings with what may not be exceeded."""
        for goal, sides in self._values.items():
            for name, workers in self.ours.items():
                if (ours := sides.get(name)) and goal.most is not None:
                    rounds = sorted(value / goal.most for value in ours.values())
                    value = median(ours.values())
                    yield Verdict(
                        *(goal, workers, value, None, value / goal.most),
                        *(tuple(rounds), EVEN),
                    )

    def markdown(self) -> str:
        """Write the tables and notes."""
        return "\n".join(self._lines()) + "\n"

    def json(self) -> str:
        """Write every number of every round, and what came of them."""
        rows = [
            {
                "group": goal.group,
                "cell": goal.cell,
                "quantity": goal.quantity,
                "good": goal.good,
                "wanted": {
                    str(workers): least for workers, least in goal.wanted.items()
                },
                "most": goal.most,
                "values": {side: list(by.values()) for side, by in sides.items()},
            }
            for goal, sides in self._values.items()
        ]
        ratios = [
            {
                "peer": peer,
                "row": verdict.name,
                "quantity": verdict.goal.quantity,
                "ratio": verdict.ratio,
                "rounds": verdict.rounds,
                "wanted": verdict.wanted,
                "met": verdict.met,
            }
            for peer in self.peers
            for verdict in self.verdicts(peer)
        ]
        whole = {
            "facts": self.facts,
            "notes": self.notes,
            "rows": rows,
            "ratios": ratios,
        }
        return json.dumps(whole, indent=1) + "\n"

    def _lines(self) -> Iterator[str]:
        for name, fact in self.facts.items():
            yield f"- {name}: {fact}"
        for peer in self.peers:
            verdicts = list(self.verdicts(peer))
            goals = [each for each in verdicts if each.wanted is not None]
            others = [each for each in verdicts if each.wanted is None]
            if goals:
                yield from ("", f"## Goals, beside {peer}", "")
                yield from _table(goals, peer)
            if others:
                yield from ("", f"## Also measured, beside {peer}", "")
                yield from _table(others, peer)
        if bounds := list(self.bounds()):
            yield from ("", "## Bounds", "")
            yield from _table(bounds, "at most")
        if alone := list(self._alone()):
            yield from ("", "## Clients and others, not compared", "")
            yield from alone
        if self.notes:
            yield from ("", "## Notes", "")
            yield from (f"- {note}" for note in self.notes)

    def _alone(self) -> Iterator[str]:
        names = (*self.ours, *self.peers)
        rows = [
            (goal, sides)
            for goal, sides in self._values.items()
            if not goal.good or not any(peer in sides for peer in self.peers)
        ]
        if rows:
            yield f"| work | unit | {' | '.join(names)} |"
            yield f"| --- | --- |{' ---: |' * len(names)}"
        for goal, sides in rows:
            shown = (
                show(median(sides[name].values())) if name in sides else "-"
                for name in names
            )
            row = (f"{goal.group}: {goal.cell}", goal.quantity, *shown)
            yield f"| {' | '.join(row)} |"


def _compare(
    goal: Goal,
    workers: int,
    ours: Mapping[int, float],
    theirs: Mapping[int, float],
    wanted: float | None,
) -> Verdict:
    """Divide medians, and the numbers of each round that both took part in."""
    both = sorted(ours.keys() & theirs.keys())
    rounds = sorted(ours[number] / theirs[number] for number in both)
    us, them = (median(side[number] for number in both) for side in (ours, theirs))
    return Verdict(goal, workers, us, them, us / them, tuple(rounds), wanted)


def _table(verdicts: list[Verdict], peer: str) -> Iterator[str]:
    columns = ("work", "unit", "wanted", "txregistry", peer, "ratio", "rounds", "met")
    yield f"| {' | '.join(columns)} |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for each in verdicts:
        sign = "≥" if each.goal.good == ">1" else "≤"
        theirs = each.goal.most if each.theirs is None else each.theirs
        row = (
            each.name,
            each.goal.quantity,
            f"{sign} {each.wanted:g}" if each.wanted is not None else "-",
            show(each.ours),
            show(theirs) if theirs is not None else "-",
            f"**{show(each.ratio)}**",
            " to ".join(show(each.rounds[end]) for end in (0, -1)),
            {True: "yes", False: "**no**", None: ""}[each.met],
        )
        yield f"| {' | '.join(row)} |"


def show(value: float) -> str:
    """Show three digits that count, and never an exponent."""
    if value >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"
