"""A picture of ratios as plain SVG: bars that begin where both are as good."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from tests.benchmarks.table import Table, Verdict, show

_LABELS, _AXIS, _MARGIN = 440, 360, 50
#: Room for numbers at bars that go left.
_NUMBERS = 40
_BAR, _GAP, _TOP, _BOTTOM = 9, 6, 64, 34
_TEXT_ABOVE = 8
#: The ends of the axis, as powers of two. What goes beyond is cut off.
_LEAST, _MOST = -2, 4
_COLOURS = ("peer-0", "peer-1", "peer-2")
#: Colours that are read on white and on black.
_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #59636e; }
.title { font-size: 14px; font-weight: 600; }
.small { font-size: 10px; }
.grid { stroke: #8c959f; stroke-opacity: 0.35; }
.even { stroke: #59636e; stroke-width: 1.5; }
.wanted { stroke: #cf222e; stroke-width: 2; }
.peer-0 { fill: #2f81f7; } .peer-1 { fill: #bf8700; } .peer-2 { fill: #8250df; }
@media (prefers-color-scheme: dark) {
text { fill: #c9d1d9; } .even { stroke: #c9d1d9; } .wanted { stroke: #ff7b72; }
}
"""


@dataclass(frozen=True)
class Row:
    """A row of the picture.

    Args:
        name: What was done.
        times: How many times better we are than each peer; None where it is not known.
        wanted: How many times better we want to be than the first.
    """

    name: str
    times: tuple[float | None, ...]
    wanted: float | None = None


def rows(table: Table) -> list[Row]:
    """Give the rows of which something is wanted."""
    found: dict[str, dict[str, Verdict]] = {}
    for peer in table.peers:
        for verdict in table.verdicts(peer):
            if verdict.wanted is not None:
                name = f"{verdict.name}, {verdict.goal.quantity.partition(',')[0]}"
                found.setdefault(name, {})[peer] = verdict
    made = []
    for name, verdicts in found.items():
        first = verdicts.get(table.peers[0])
        times = tuple(
            verdicts[peer].times if peer in verdicts else None for peer in table.peers
        )
        made.append(Row(name, times, first.times_wanted if first else None))
    return made


def draw(rows: Sequence[Row], peers: Sequence[str], title: str) -> str:
    """Draw the picture.

    Args:
        rows: Its rows.
        peers: Who is compared, in the order of what a row has.
        title: What stands above.
    """
    return "\n".join(_lines(rows, peers, title)) + "\n"


def _lines(rows: Sequence[Row], peers: Sequence[str], title: str) -> Iterator[str]:
    step = _BAR * len(peers) + _GAP
    width = _LABELS + _AXIS + _MARGIN
    bottom = _TOP + step * len(rows)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}"'
        f' height="{bottom + _BOTTOM}" viewBox="0 0 {width} {bottom + _BOTTOM}"'
        f' role="img" aria-label="{escape(title)}">'
    )
    yield f"<style>\n{_STYLE}</style>"
    yield f'<text class="title" x="10" y="20">{escape(title)}</text>'
    yield from _legend(peers)
    for power in range(_LEAST, _MOST + 1):
        kind = "even" if power == 0 else "grid"
        x = _place(2.0**power)
        yield f'<line class="{kind}" x1="{x}" y1="{_TOP - 4}" x2="{x}" y2="{bottom}"/>'
        yield (
            f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">'
            f"{2.0**power:g}&#215;</text>"
        )
    for number, row in enumerate(rows):
        yield from _row(row, _TOP + step * number)
    yield "</svg>"


def _legend(peers: Sequence[str]) -> Iterator[str]:
    x = _LABELS
    for colour, peer in zip(_COLOURS, peers, strict=False):
        yield f'<rect class="{colour}" x="{x}" y="34" width="12" height="{_BAR}"/>'
        yield f'<text x="{x + 17}" y="43">beside {escape(peer)}</text>'
        x += 150
    yield f'<line class="wanted" x1="{x}" y1="33" x2="{x}" y2="45"/>'
    yield f'<text x="{x + 7}" y="43">wanted</text>'


def _row(row: Row, top: float) -> Iterator[str]:
    middle = top + _BAR * len(row.times) / 2 + 4
    yield (
        f'<text x="{_LABELS - _NUMBERS}" y="{middle:g}" text-anchor="end">'
        f"{escape(row.name)}</text>"
    )
    even = _place(1.0)
    for number, (colour, times) in enumerate(zip(_COLOURS, row.times, strict=False)):
        if times is None:
            continue
        end, y = _place(times), top + _BAR * number
        left, length = min(even, end), abs(end - even)
        yield (
            f'<rect class="{colour}" x="{left:g}" y="{y:g}" width="{length:g}"'
            f' height="{_BAR - 1}"/>'
        )
        yield _beside(times, row.wanted if number == 0 else None, y + _TEXT_ABOVE)
    if row.wanted is not None:
        x = _place(row.wanted)
        yield (
            f'<line class="wanted" x1="{x:g}" y1="{top - 2:g}" x2="{x:g}"'
            f' y2="{top + _BAR + 1:g}"/>'
        )


def _beside(times: float, wanted: float | None, y: float) -> str:
    """Write the number of a bar at its end, where no mark is."""
    x, anchor = _place(times) - 4, "end"
    if times >= 1.0:
        x, anchor = _place(max(times, wanted or 1.0)) + 4, "start"
    return (
        f'<text class="small" x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
        f"{show(times)}&#215;</text>"
    )


def _place(times: float) -> float:
    """Return where on the axis a ratio lies: as far right as its inverse left."""
    power = math.log2(times) if times > 0 else _LEAST
    part = (min(max(power, _LEAST), _MOST) - _LEAST) / (_MOST - _LEAST)
    return round(_LABELS + part * _AXIS, 1)
