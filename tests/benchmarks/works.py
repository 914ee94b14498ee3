"""The works that ``goals`` lets all sides do, with what is wanted of each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from tests.benchmarks import smallthings, transfers
from tests.benchmarks.bench import Bench, Scale
from tests.benchmarks.blobs import amount
from tests.benchmarks.contenders import ZOT
from tests.benchmarks.lists import KINDS, Tree
from tests.benchmarks.report import Samples

_BOTH, _TWO = (1, 2), (2,)
_SMALL = {1: 1.5, 2: 2.2}


@dataclass(frozen=True)
class Work:
    """Something that is done on a server of its own.

    Args:
        name: Its name.
        measure: Does it.
        workers: Of how many workers we are, each in turn.
        tls: Whether with client certificates.
        tree: What is served, if it is there before.
        left_out: Who does not take part, and why.
        short: Whether it is done in the short form too, where nothing else is like it.
    """

    name: str
    measure: Callable[[Bench], Samples]
    workers: tuple[int, ...] = _TWO
    tls: bool = False
    tree: Tree | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    short: bool = True


def works(scale: Scale, folder: Path) -> Iterator[Work]:
    """Give all works, in the order of the report.

    Args:
        scale: How much is done.
        folder: A directory for what all sides serve.
    """
    for by in ("tag", "digest"):
        asking = partial(smallthings.manifests, by=by, wanted=_SMALL)
        yield Work(f"manifest by {by}", asking, _BOTH, short=by == "tag")
    yield Work("blob HEAD", partial(smallthings.heads, wanted={2: 2.0}), _BOTH)
    yield Work("beside pulls", partial(smallthings.beside, pushing=False))
    yield Work("beside pushes", partial(smallthings.beside, pushing=True))
    size = amount(scale.size)
    for clients, wanted in ((1, 1.2), (8, 1.2), (64, 1.1)):
        pulling = partial(transfers.pulls, clients=clients, wanted=wanted)
        short = clients == 8
        yield Work(f"pull {size}, {clients}", pulling, short=short)
    first = partial(transfers.first_pulls, clients=64)
    yield Work(f"first pull {size}, 64", first, short=False)
    for clients, wanted in ((1, 1.3), (4, 1.2), (16, 1.1)):
        pushing = partial(transfers.pushes, clients=clients, wanted=wanted)
        short = clients == 4
        yield Work(f"push {size}, {clients}", pushing, short=short)
    known = partial(transfers.pushes, clients=4, wanted=None, chunked=False)
    yield Work(f"push {size} of known length, 4", known, short=False)
    yield Work("image", transfers.images)
    fresh = partial(transfers.images, fresh=True)
    yield Work("image, new connections", fresh, short=False)
    yield Work("memory", transfers.memory)
    yield Work("cold pull", transfers.cold_pulls, short=False)
    yield from _secret(size)
    for kind in KINDS:
        tree = Tree(folder / kind.name, kind, scale.entries)
        listing = partial(smallthings.pages, tree=tree)
        why = "it cannot read what Distribution wrote"
        yield Work(
            f"list {kind.name}",
            listing,
            tree=tree,
            left_out=((ZOT, why),),
            short=kind.name == "tags",
        )


def _secret(size: str) -> Iterator[Work]:
    """Give what is done with client certificates."""
    for clients in (1, 8):
        pulling = partial(transfers.pulls, clients=clients, wanted=1.0, tls=True)
        short = clients == 1
        yield Work(f"mTLS pull {size}, {clients}", pulling, tls=True, short=short)
    for clients in (1, 8):
        pushing = partial(transfers.pushes, clients=clients, wanted=1.1, tls=True)
        short = clients == 1
        yield Work(f"mTLS push {size}, {clients}", pushing, tls=True, short=short)
    for name, resumed in (("in full", False), ("resumed", True)):
        coming = partial(smallthings.handshakes, resumed=resumed)
        yield Work(f"mTLS connections {name}", coming, tls=True)


def merged(chosen: Sequence[Work]) -> Iterator[Work]:
    """Do works on one server where that can be: starts take time."""
    for _, group in groupby(chosen, key=lambda work: (work.tls, work.tree)):
        alike = list(group)
        yield Work(
            "; ".join(work.name for work in alike),
            partial(_one_by_one, alike),
            tls=alike[0].tls,
            tree=alike[0].tree,
            left_out=alike[0].left_out,
        )


def _one_by_one(works: Sequence[Work], bench: Bench) -> Samples:
    for work in works:
        yield from work.measure(bench)
