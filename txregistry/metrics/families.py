"""Figures of one process, and the sum of several.

A family is what Prometheus has one name for: a counter, a gauge or a histogram, with a
row for each set of labels.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

WORKER: Final = "worker"
"""The label of what is not added up: the number of a worker, ``0`` without any."""


class Kind(StrEnum):
    """What becomes of the figures of several processes.

    Attributes:
        COUNTER: They are added, also those of processes that are no more.
        HISTOGRAM: Likewise.
        SUM: A gauge: those of the processes that there are are added.
        EACH: A gauge that each process has of its own.
        LEAST: A gauge of which the smallest counts.
    """

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    SUM = "sum"
    EACH = "each"
    LEAST = "least"


LASTING: Final = frozenset({Kind.COUNTER, Kind.HISTOGRAM})
"""Kinds whose figures never become less."""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """Figures for one set of labels.

    Attributes:
        labels: Their values, in the order of the family's names.
        values: One; of a histogram how many came into each bucket, the last of which
            has no end, and then the sum of all.
    """

    labels: tuple[str, ...]
    values: tuple[float, ...]


class Family(msgspec.Struct, frozen=True):
    """Figures under one name.

    Attributes:
        name: The name; that of a counter ends in ``_total``.
        kind: What they are.
        help: What they mean.
        labels: The names of the labels.
        rows: The figures.
        bounds: Of a histogram, where its buckets end, but for the last.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    bounds: tuple[float, ...] = ()


def one(name: str, kind: Kind, what: str, value: float) -> Family:
    """Make a family of one figure without labels.

    Args:
        name: Its name.
        kind: What it is.
        what: What it means.
        value: The figure.
    """
    return Family(name, kind, what, rows=(Row((), (value,)),))


def add_up(processes: Mapping[str, Iterable[Family]]) -> list[Family]:
    """Make one family of all that have the same name.

    Args:
        processes: The families of each process, by the number of the worker.

    Returns:
        The families, in the order in which they first came.
    """
    heads: dict[str, Family] = {}
    sums: dict[str, dict[tuple[str, ...], tuple[float, ...]]] = {}
    for worker, families in processes.items():
        for each in families:
            head = heads.setdefault(each.name, each)
            if (each.kind, each.labels, each.bounds) != _form(head):
                continue  # of another release, while one takes the place of the other
            rows = sums.setdefault(each.name, {})
            for row in each.rows:
                own = each.kind is Kind.EACH
                labels = (worker, *row.labels) if own else row.labels
                rows[labels] = _join(each.kind, rows.get(labels), row.values)
    return [_with_rows(head, sums[name]) for name, head in heads.items()]


def lasting(families: Iterable[Family]) -> list[Family]:
    """Choose what counts still when its process is no more."""
    return [each for each in families if each.kind in LASTING]


def _form(family: Family) -> tuple[object, ...]:
    return family.kind, family.labels, family.bounds


def _join(
    kind: Kind, before: Sequence[float] | None, values: tuple[float, ...]
) -> tuple[float, ...]:
    if before is None:
        return values
    if kind is Kind.LEAST:
        return tuple(map(min, before, values))
    return tuple(map(sum, zip(before, values, strict=True)))


def _with_rows(
    head: Family, rows: Mapping[tuple[str, ...], tuple[float, ...]]
) -> Family:
    own = head.kind is Kind.EACH
    labels = (WORKER, *head.labels) if own else head.labels
    return Family(
        head.name,
        head.kind,
        head.help,
        labels,
        tuple(Row(*each) for each in rows.items()),
        head.bounds,
    )
