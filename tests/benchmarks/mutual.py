"""This registry and Distribution, both with client certificates, side by side.

``python -m tests.benchmarks.mutual`` prints the ratios; ``--quick`` in small.

Both speak HTTP/1.1 over TLS by the same certificates, of P-256, and let nobody in
without one. All clients are Python's ``ssl``, in threads: of the same transfers curl
took half as much CPU again, and in processes of their own they cost no less.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.blobs import Traffic, amount, measure_pulls, measure_pushes
from tests.benchmarks.certificates import Certificates
from tests.benchmarks.contents import MIB, Contents
from tests.benchmarks.families import Family, Scale
from tests.benchmarks.handshakes import measure_handshakes
from tests.benchmarks.load import measure_requests
from tests.benchmarks.report import Report
from tests.benchmarks.rounds import conditions, hear_interrupts, run, version_of
from tests.benchmarks.servers import Side, peer_command, twistd_command

_ROUNDS, _QUICK_ROUNDS = 5, 1
_CLIENTS = (1, 8)
_ENOUGH = 200

_FULL = Scale(
    sizes=(100 * MIB, MIB),
    clients=_CLIENTS,
    connections=(1, 32),
    entries=(),
    seconds=2.0,
    traffic=Traffic(usual=800 * MIB, most=800 * MIB),
)
_QUICK = Scale(
    sizes=(16 * MIB,),
    clients=_CLIENTS,
    connections=(1, 32),
    entries=(),
    seconds=0.2,
    traffic=Traffic(usual=16 * MIB, most=128 * MIB),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison.

    Returns:
        The exit status: 1 if this registry failed, whatever the numbers are.
    """
    options = _parse(arguments)
    hear_interrupts()
    with TemporaryDirectory(prefix="mutual-") as name:
        work = Path(name)
        certificates = Certificates(work)
        scale = _QUICK if options.quick else _FULL
        chosen = [
            family
            for family in _families(scale, certificates)
            if re.search(options.only, family.name)
        ]
        if not chosen:
            print("No family has such a name.", file=sys.stderr)
            return 2
        sides = list(_sides(certificates))
        peer = sides[1] if len(sides) > 1 else None
        facts = {side.name: f"`{side.command}`" for side in sides}
        if peer is not None:
            facts[peer.name] += f", {version_of(peer)}"
        report = Report(
            sides[0].name,
            peer.name if peer is not None else None,
            facts | conditions(options.rounds),
        )
        good = run(chosen, sides, options.rounds, report, work)
    print(report.markdown(), end="")
    if options.json:
        options.json.write_text(report.json())
    return 0 if good else 1


def _families(scale: Scale, certificates: Certificates) -> Iterator[Family]:
    contents = Contents()
    for size in scale.sizes:
        traffic = _traffic(scale, size)
        pulls = partial(measure_pulls, contents, size, scale.clients, traffic)
        yield Family(f"pull {amount(size)}", pulls)
    for size in scale.sizes:
        for clients in scale.clients:
            pushes = partial(
                measure_pushes,
                contents,
                size,
                clients,
                _traffic(scale, size),
                chunked=False,
            )
            yield Family(f"push {amount(size)} {clients}", pushes)
    kind = "manifest by tag"
    requests = partial(
        measure_requests, contents, kind, scale.connections, scale.seconds
    )
    yield Family(f"requests {kind}", requests)
    handshakes = partial(measure_handshakes, certificates, scale.clients, scale.seconds)
    yield Family("handshakes", handshakes)


def _traffic(scale: Scale, size: int) -> Traffic:
    """Return what blobs of a size transfer: of small ones there need not be many."""
    whole = scale.traffic
    return Traffic(min(whole.usual, _ENOUGH * size), whole.most)


def _sides(certificates: Certificates) -> Iterator[Side]:
    ours = twistd_command("--config {config}")
    yield Side("txregistry", ours, certificates=certificates)
    if command := peer_command():
        yield Side("peer", command, certificates=certificates)
    else:
        print("No peer: `registry` is not on the PATH.", file=sys.stderr)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.mutual",
        description="Measure both sides with client certificates.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="each kind of measurement in small")
    add("--rounds", type=int, metavar="N", help="how often each side has its turn")
    add("--only", metavar="PATTERN", default="", help="families whose name matches")
    add("--json", type=Path, metavar="FILE", help="write all numbers there")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    return options


if __name__ == "__main__":
    sys.exit(main())
