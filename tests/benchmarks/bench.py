"""A side at work, and how much it has to do."""

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.contents import MIB
from tests.benchmarks.driver import Driver


@dataclass(frozen=True)
class Scale:
    """How much is done.

    Args:
        seconds: How long small things go on.
        size: The bytes of a blob.
        large: The bytes of a large one.
        volume: How many blobs a few clients pull; a quarter of them is pushed.
        images: How many images are pushed and pulled.
        entries: How long lists are.
        load: For how many seconds there are as many clients as ever.
    """

    seconds: float
    size: int
    large: int
    volume: int
    images: int
    entries: int
    load: float


FULL = Scale(
    seconds=2.0,
    size=100 * MIB,
    large=1024 * MIB,
    volume=48,
    images=10,
    entries=100_000,
    load=15.0,
)
QUICK = Scale(
    seconds=0.1,
    size=4 * MIB,
    large=16 * MIB,
    volume=4,
    images=1,
    entries=200,
    load=0.2,
)


@dataclass(frozen=True)
class Bench:
    """One side at work.

    Args:
        driver: Its client.
        scale: How much it does.
        data: The directory that it serves.
    """

    driver: Driver
    scale: Scale
    data: Path


def push_image(bench: Bench, repository: str, layers: int) -> str:
    """Push an image of small layers, with the tag ``v0``.

    Returns:
        The digest of its manifest.
    """
    pushed = bench.driver.run(
        "pushimage", repository=repository, layers=layers, size=1024, parallel=1
    )
    return pushed.digests[0]
