"""What was measured, as a Markdown table and as JSON."""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from statistics import median

#: Rows with smaller numbers than this are not worth a ratio.
_NOTHING = 1e-9


class MeasureError(Exception):
    """Something that must not become a number: a wrong status, length or count."""


@dataclass(frozen=True)
class Measure:
    """One row: what was done, what of it was measured, and in which unit.

    Args:
        group: The heading it stands below.
        cell: What was done.
        quantity: What was measured, with its unit.
        good: Which ratios are good for this registry: ``">1"``, ``"<1"``, or ``""`` if
            there is nothing to compare.
    """

    group: str
    cell: str
    quantity: str
    good: str


@dataclass(frozen=True)
class Sample:
    """One number for one row."""

    measure: Measure
    value: float


#: What a family yields as it goes: closing it stops the server.
Samples = Generator[Sample, None, None]


@dataclass
class Report:
    """Collect the samples of both sides, by round.

    Args:
        this: The name of our side.
        peer: The name of the other, if there is one.
        facts: What a reader must know to judge the numbers.
    """

    this: str
    peer: str | None
    facts: dict[str, str]
    notes: list[str] = field(default_factory=list)
    _values: dict[Measure, dict[str, dict[int, float]]] = field(default_factory=dict)

    def add(self, side: str, number: int, sample: Sample) -> None:
        """Keep what a side did in a round."""
        sides = self._values.setdefault(sample.measure, {})
        sides.setdefault(side, {})[number] = sample.value

    def note(self, text: str) -> None:
        """Keep a remark to print below the tables, once."""
        if text not in self.notes:
            self.notes.append(text)

    def ratios(self, measure: Measure) -> tuple[float, list[float]] | None:
        """Divide our side by the peer.

        Returns:
            The ratio of the medians and those of each round, or nothing if they cannot
            be compared.
        """
        this, peer = self._side(measure, self.this), self._side(measure, self.peer)
        if not measure.good or not this or not peer:
            return None
        least = min(peer.values())
        if least < _NOTHING:
            return None
        both = sorted(this[number] / peer[number] for number in this if number in peer)
        if not both:
            return None
        return median(this.values()) / median(peer.values()), both

    def markdown(self) -> str:
        """Write headings, tables and notes."""
        return "\n".join(self._lines()) + "\n"

    def json(self) -> str:
        """Write every number of every round."""
        rows = []
        for measure, sides in self._values.items():
            ratios = self.ratios(measure)
            rows.append(
                {
                    "group": measure.group,
                    "cell": measure.cell,
                    "quantity": measure.quantity,
                    "good": measure.good,
                    "values": {side: list(by.values()) for side, by in sides.items()},
                    "ratio": ratios[0] if ratios else None,
                    "ratios": ratios[1] if ratios else [],
                }
            )
        whole = {"facts": self.facts, "notes": self.notes, "rows": rows}
        return json.dumps(whole, indent=1) + "\n"

    def _side(self, measure: Measure, side: str | None) -> dict[int, float]:
        return self._values[measure].get(side, {}) if side is not None else {}

    def _lines(self) -> Iterator[str]:
        yield f"# {self.this} and {self.peer or 'no peer'}"
        yield ""
        for name, fact in self.facts.items():
            yield f"- {name}: {fact}"
        peer = self.peer or "no peer"
        group = ""
        for measure in self._values:
            if measure.group != group:
                group = measure.group
                yield from ("", f"## {group}", "")
                columns = "what", "measure", self.this, peer, "ratio", "good", "rounds"
                yield f"| {' | '.join(columns)} |"
                yield "| --- | --- | ---: | ---: | ---: | --- | --- |"
            yield self._row(measure)
        if self.notes:
            yield from ("", "## Notes", "")
            yield from (f"- {note}" for note in self.notes)

    def _row(self, measure: Measure) -> str:
        this = _median(self._side(measure, self.this))
        peer = _median(self._side(measure, self.peer))
        ratio = spread = "-"
        if ratios := self.ratios(measure):
            ratio = f"**{ratios[0]:.2f}**"
            spread = f"{ratios[1][0]:.2f} to {ratios[1][-1]:.2f}"
        row = (measure.cell, measure.quantity, this, peer, ratio, measure.good, spread)
        return f"| {' | '.join(row)} |"


def _median(values: dict[int, float]) -> str:
    """Show three digits that count, and never an exponent."""
    if not values:
        return "-"
    value = median(values.values())
    if value >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"
