"""This registry and Distribution on the same real service, by S3 and by Swift's API.

``python -m tests.benchmarks.stores`` prints the ratios; ``--quick`` in small.

S3 is compared with the ``registry`` on the PATH, Swift with Debian's Distribution 2,
``docker-registry``: later ones have no driver for it. The service is one process, and
takes more CPU than either; so their CPU says more of them than the bytes in a second.
"""

import argparse
import re
import shlex
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from tests.benchmarks.backends import BACKENDS, Backend, Store
from tests.benchmarks.blobs import amount, pull_all, push_all
from tests.benchmarks.connections import Connection, head
from tests.benchmarks.contents import MIB, Blob, Contents, push, push_chunks
from tests.benchmarks.costs import cost, memory, together, transfer
from tests.benchmarks.families import Family
from tests.benchmarks.lists import Kind, Tree, measure_lists
from tests.benchmarks.load import measure_requests
from tests.benchmarks.report import MeasureError, Report, Samples
from tests.benchmarks.rounds import (
    INTERRUPTED,
    conditions,
    hear_interrupts,
    run,
    version_of,
)
from tests.benchmarks.servers import Server, Side, twistd_command
from tests.benchmarks.trees import catalog_objects

_NAME = "benchmarks/blobs"
_ROUNDS, _QUICK_ROUNDS = 3, 1
_BUFFER = MIB
_REDIRECT = 307
#: The most that Distribution gives at once, as it is configured by default.
_PAGE = 1000


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Args:
        size: Bytes of a blob.
        chunked: Whether blobs are pushed in chunks, each of which is tried.
        clients: Numbers of clients for blobs.
        least: Blobs in a cell, where there are not more clients.
        connections: Numbers of connections for manifests.
        seconds: How long manifests and pages are asked for.
        repositories: How many are listed.
    """

    size: int
    chunked: tuple[bool, ...]
    clients: tuple[int, ...]
    least: int
    connections: tuple[int, ...]
    seconds: float
    repositories: int

    def count(self, clients: int) -> int:
        """Return how many blobs are transferred: for each client as many."""
        return -(-max(clients, self.least) // clients) * clients

    def cell(self, how: str, clients: int) -> str:
        """Name a cell; with no clients, all of them together."""
        plural = "s" if clients > 1 else ""
        who = f"{clients} client{plural}" if clients else "all of these"
        return f"{amount(self.size)}, {how}, {who}"


_FULL = Scale(100 * MIB, (False, True), (1, 16), 4, (1, 16), 3.0, 10_000)
#: Most of it is starting programs; of 300 repositories alone, Distribution 2 would take
#: longer than everything else.
_QUICK = Scale(12 * MIB, (True,), (2,), 2, (2,), 0.2, 30)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison.

    Returns:
        The exit status: 1 if this registry failed, whatever the numbers are.
    """
    options = _parse(arguments)
    hear_interrupts()
    scale = _QUICK if options.quick else _FULL
    if options.repositories:
        scale = replace(scale, repositories=options.repositories)
    good, some = True, False
    for backend in BACKENDS:
        with ExitStack() as stack:
            work = Path(stack.enter_context(TemporaryDirectory(prefix="stores-")))
            chosen = [
                family
                for family in _families(backend, scale, work, stack)
                if re.search(options.only, family.name)
            ]
            if not chosen:
                continue
            some = True
            sides = list(_sides(backend))
            report = _report(backend, sides, options.rounds)
            good &= run(chosen, sides, options.rounds, report, work)
        print(report.markdown(), flush=True)
        if options.json:
            path = options.json.with_suffix(f".{backend.name}.json")
            path.write_text(report.json())
        if INTERRUPTED in report.notes:
            break
    if not some:
        print("No family has such a name.", file=sys.stderr)
        return 2
    return 0 if good else 1


def measure_traffic(
    backend: Backend, contents: Contents, scale: Scale, *, side: Side, place: Path
) -> Samples:
    """Push and pull blobs, and pull a manifest, with a store that is empty before."""
    with Store(backend) as store:
        through = replace(side, storage=store.storage())
        blobs: list[Blob] = []
        for chunked, clients in product(scale.chunked, scale.clients):
            blobs = [contents.blob(scale.size) for _ in range(scale.count(clients))]
            cell = scale.cell("chunked" if chunked else "known length", clients)
            pushing = partial(push_all, push_chunks if chunked else push)
            with through.start(place) as server:
                yield from _pushes(
                    cell, server, store, pushing, clients, contents, blobs
                )
        redirected = replace(side, storage=store.storage(redirects=True))
        for pulling, how in ((through, "through it"), (redirected, "redirected")):
            with pulling.start(place) as server:
                for clients in scale.clients:
                    cell = scale.cell(how, clients)
                    wanted = blobs[: scale.count(clients)]
                    direct = store if pulling is redirected else None
                    yield from _pulls(cell, server, store, direct, clients, wanted)
                yield memory("pull", scale.cell(how, 0), server)
        yield from measure_requests(
            contents,
            "manifest by tag",
            scale.connections,
            scale.seconds,
            side=through,
            place=place,
        )


class Catalog:
    """A store of many repositories: made when first needed, listed by both sides.

    Args:
        backend: How it is used.
        count: How many repositories there are.
        work: A directory for what is kept nowhere else.
        stack: Ends the store.
    """

    def __init__(
        self, backend: Backend, count: int, work: Path, stack: ExitStack
    ) -> None:
        self._backend = backend
        self._stack = stack
        self._store: Store | None = None
        kind = Kind(
            "catalog", "/v2/_catalog", "repositories", f"?n={_PAGE}", self._write
        )
        self._tree = Tree(work / "catalog", kind, count)

    def measure(self, seconds: float, *, side: Side, place: Path) -> Samples:
        """List a first page, a page from the middle, everything."""
        if self._store is None:
            self._store = self._stack.enter_context(Store(self._backend))
        side = replace(side, storage=self._store.storage())
        yield from measure_lists(self._tree, seconds, side=side, place=place)

    def _write(self, _: Path, count: int) -> list[str]:
        assert self._store is not None
        names, objects = catalog_objects(count)
        self._store.keep(objects)
        return names


def _families(
    backend: Backend, scale: Scale, work: Path, stack: ExitStack
) -> Iterator[Family]:
    traffic = partial(measure_traffic, backend, Contents(), scale)
    yield Family(f"{backend.title} traffic", traffic)
    catalog = Catalog(backend, scale.repositories, work, stack)
    listing = partial(catalog.measure, scale.seconds)
    yield Family(f"{backend.title} catalog", listing)


def _pushes(
    cell: str,
    server: Server,
    store: Store,
    pushing: Callable[[Connection, Contents, deque[Blob]], None],
    clients: int,
    contents: Contents,
    blobs: Sequence[Blob],
) -> Samples:
    left = deque(blobs)
    total = sum(blob.size for blob in blobs)
    with ExitStack() as stack:
        work = [
            partial(pushing, stack.enter_context(Connection(server)), contents, left)
            for _ in range(clients)
        ]
        yield from _transfer("push", cell, total, server, store, work)
    yield memory("push", cell, server)


def _pulls(
    cell: str,
    server: Server,
    store: Store,
    direct: Store | None,
    clients: int,
    blobs: Sequence[Blob],
) -> Samples:
    left = deque(blobs)
    total = sum(blob.size for blob in blobs)
    with ExitStack() as stack:
        work = []
        for _ in range(clients):
            connection = stack.enter_context(Connection(server))
            pull: Callable[[Blob], None] = partial(_pull, connection)
            if direct is not None:
                other = stack.enter_context(Connection(direct))
                pull = partial(_pull_redirected, connection, other)
            work.append(partial(_pull_each, pull, left))
        yield from _transfer("pull", cell, total, server, store, work)


def _transfer(
    group: str,
    cell: str,
    total: int,
    server: Server,
    store: Store,
    work: Sequence[Callable[[], None]],
) -> Samples:
    """Let clients work at the same time, and give what that cost."""
    before = store.cpu()
    spent = cost(server, partial(together, work))
    yield from transfer(group, cell, total, spent, store.cpu() - before)


def _pull_each(pull: Callable[[Blob], None], blobs: deque[Blob]) -> None:
    while blobs:
        try:
            blob = blobs.popleft()
        except IndexError:
            return
        pull(blob)


def _pull(connection: Connection, blob: Blob) -> None:
    pull_all(connection, blob, None, deque((0,)))


def _pull_redirected(connection: Connection, direct: Connection, blob: Blob) -> None:
    """Ask the registry for a blob, and the service at the place that it names."""
    connection.send("GET", f"/v2/{_NAME}/blobs/{blob.digest}")
    place = urlsplit(connection.expect(_REDIRECT).destination())
    request = head("GET", f"{place.path}?{place.query}", host=place.netloc)
    direct.socket.sendall(request)
    response = direct.receive()
    got = direct.discard(response, bytearray(_BUFFER))
    if (response.status, got) != (200, blob.size):
        raise MeasureError(f"the service answered {response.status}, {got} bytes")


def _sides(backend: Backend) -> Iterator[Side]:
    yield Side("txregistry", twistd_command("--config {config}"))
    if program := shutil.which(backend.peer):
        yield Side("peer", f"{shlex.quote(program)} serve {{config}}")
    else:
        print(f"No peer: `{backend.peer}` is not on the PATH.", file=sys.stderr)


def _report(backend: Backend, sides: Sequence[Side], rounds: int) -> Report:
    facts = {side.name: f"`{side.command}`" for side in sides}
    peer = sides[1].name if len(sides) > 1 else None
    if peer is not None:
        facts[peer] += f", {version_of(sides[1])}"
    facts["store"] = f"a real Swift, by {backend.title}; another one in each round"
    return Report(sides[0].name, peer, facts | conditions(rounds))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.stores",
        description="Measure both sides on S3 and on Swift.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="each kind of measurement in small")
    add("--rounds", type=int, metavar="N", help="how often each side has its turn")
    add("--only", metavar="PATTERN", default="", help="families whose name matches")
    add("--repositories", type=int, metavar="N", help="how many the catalog lists")
    add("--json", type=Path, metavar="FILE", help="write all numbers beside it")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    return options


if __name__ == "__main__":
    sys.exit(main())
