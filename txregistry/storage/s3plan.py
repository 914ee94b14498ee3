"""How the parts of an object are made of objects that are there already."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from txregistry.storage.interfaces import Key

_MIB: Final = 1024 * 1024
LARGEST: Final = 5 * 1024 * _MIB
"""Bytes in a part, or in an object that is copied in one request, at most."""
_LARGEST_READ: Final = 64 * _MIB
"""Bytes in a part that we have to put together, at most."""


@dataclass(frozen=True, slots=True)
class Span:
    """Part of an object.

    Attributes:
        key: The object's.
        start: Where it begins.
        stop: Where it ends.
    """

    key: Key
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.stop - self.start


Plan = Sequence[Sequence[Span]]
"""Parts: one span is copied by the service, several are read and written by us."""


def plan_parts(
    spans: Iterable[Span], least: int, chunk: int, most_parts: int
) -> Plan | None:
    """Divide objects, one after the other, into the parts of another.

    Args:
        spans: What there is to be; none of it is empty.
        least: Bytes that a part has at least, unless it is the last.
        chunk: Bytes that a part has about, where it is copied.
        most_parts: How many parts there may be.

    Returns:
        The parts; None where there would have to be too many.
    """
    spans = list(spans)
    total = sum(span.size for span in spans)
    chunk = max(chunk, least, -(-total * 2 // most_parts))
    while least <= _LARGEST_READ:
        found = _plan(spans, least, max(chunk, least))
        if len(found) <= most_parts:
            return found
        least *= 2  # short pieces are put together to longer parts
    return None


def _plan(spans: Sequence[Span], least: int, chunk: int) -> Plan:
    parts: list[list[Span]] = []
    loose: list[Span] = []
    missing = 0
    for whole in spans:
        span = whole
        if loose:
            # What is loose is too short to be a part: it takes from what follows.
            cut = missing if span.size - missing >= least else span.size
            loose.append(Span(span.key, span.start, span.start + cut))
            missing -= cut
            span = Span(span.key, span.start + cut, span.stop)
            if missing > 0:
                continue
            parts.append(loose)
            loose = []
            if not span.size:
                continue
        if span.size < least:
            loose, missing = [span], least - span.size
        else:
            parts += [[each] for each in _divide(span, chunk)]
    if loose:
        parts.append(loose)
    return parts


def _divide(span: Span, chunk: int) -> Iterable[Span]:
    """Divide a span evenly, so that no part of it is too short."""
    count = max(span.size // chunk, 1)
    edges = [span.start + span.size * place // count for place in range(count + 1)]
    return (Span(span.key, start, stop) for start, stop in pairwise(edges))
