"""Figures as who collects them reads them."""

from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from txregistry.metrics.families import Family
from txregistry.metrics.text import write

Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]


def labels(**values: str) -> Labels:
    """Spell a set of labels; ``le`` is that of a bucket."""
    return tuple(sorted(values.items()))


def read(text: str) -> Samples:
    """Read a text: what each name with its labels comes to, which is said once.

    Raises:
        ValueError: it is no such text.
    """
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, labels(**sample.labels)
            if key in found:
                raise ValueError(f"{key} is there twice")
            found[key] = sample.value
    return found


def samples(families: Iterable[Family]) -> Samples:
    """Write some figures, and read them."""
    return read(b"".join(write(families)).decode())
