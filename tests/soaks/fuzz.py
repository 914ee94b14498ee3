"""Hostile archives and command lines, for as long as one likes.

``python -m tests.soaks.fuzz`` goes on for 10 minutes; ``--quick`` for some seconds.
Good archives and lines are damaged by chance, which ``--seed`` repeats, and what comes
of it is read as everybody's is: it is taken or refused in a sentence, and nothing is
left of what was refused. It fails at anything else, and where memory grows.
"""

import argparse
import gzip
import lzma
import os
import random
import resource
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from backports import zstd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.integration.clients.images import make_image, make_index
from tests.ssh.keys import ALICE, BOB, line, make_ecdsa, make_rsa
from tests.ssh.test_requests import REFUSALS, REQUESTS, WORDS
from tests.transfer.archives.building import layout, pack, saved
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.repositories import Registry
from txregistry.ssh.keys import KeysError, parse_keys
from txregistry.ssh.requests import RequestInvalid, parse_request
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import BytesReader
from txregistry.tasks import at_once
from txregistry.transfer.archives.reading import ArchiveReader
from txregistry.transfer.archives.refusals import ArchiveRefused

_SECONDS, _QUICK_SECONDS = 600.0, 8.0
_LINES = 50
"""Lines for each archive: they take so much less."""
_GROWTH: Final = 48 << 20
"""Bytes of memory that may be taken beyond those after the first while."""
_WARM: Final = 0.2
"""The part of the time after which memory is expected to grow no more."""
_TURNS: Final = 200_000
_NAME, _TAG = RepositoryName("fuzz/app"), Tag("it")
_INTERESTING: Final = (
    *(b"\0", b"\xff", b"..", b"../", b"/", b"7777777777777", b"\x80" + bytes(11)),
    *(b"x", b"L", b"K", b"g", b"1", b"2", b"ustar\0" + b"00", b"GNU.sparse.map"),
    *(b"{", b"}", b"[", b"]", b'"', b"null", b"1e999", b"-1", b"sha256:", b"blobs/"),
)


class Fuzzer:
    """Damage what is good, and read it.

    Args:
        chance: Decides what is damaged.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._archives = _make_archives()
        self._lines = [*REQUESTS, *REFUSALS]
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def read_archive(self) -> None:
        """Read one archive."""
        most = self._chance.choice((1, 2, 4, 12))
        data = self._damage(self._chance.choice(self._archives), most)
        if self._chance.random() < 0.3:
            data = self._damage(self._chance.choice(_PACKERS)(data), 3)
        self.counts["archives"] += 1
        try:
            outcome = read_archive(data)
        except Exception as error:  # noqa: BLE001 - which is what is looked for
            self._fault(f"archive: {error!r}", data)
        else:
            self.counts[f"archives {outcome}"] += 1

    def read_line(self) -> None:
        """Read one command line, and one file of keys."""
        data = self._damage(self._chance.choice(self._lines), 6)
        self.counts["lines"] += 1
        try:
            parse_request(data)
            self.counts["lines understood"] += 1
        except RequestInvalid as error:
            if not str(error).isprintable():
                self._fault(f"line: {error!r}", data)
        except Exception as error:  # noqa: BLE001 - likewise
            self._fault(f"line: {error!r}", data)

    def read_keys(self) -> None:
        """Read one file of keys."""
        data = self._damage(self._chance.choice(_KEYS), 4)
        self.counts["files of keys"] += 1
        try:
            parse_keys("keys", data)
        except KeysError as error:
            if not str(error).isprintable():
                self._fault(f"keys: {error!r}", data)
        except Exception as error:  # noqa: BLE001 - likewise
            self._fault(f"keys: {error!r}", data)

    def read_words(self, number: int) -> None:
        """Let hypothesis make lines of words, with a seed of its own."""

        @seeded(number)
        @settings(
            max_examples=200,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(WORDS | st.text(max_size=20), max_size=12))
        def read(words: list[str]) -> None:
            self.counts["lines of hypothesis"] += 1
            try:
                parse_request(" ".join(words).encode("utf-8", "surrogatepass"))
            except RequestInvalid as error:
                if not str(error).isprintable():
                    raise

        try:
            read()
        except Exception as error:  # noqa: BLE001 - likewise
            self._fault(f"words: {error!r}", b"")

    def _damage(self, data: bytes, most: int) -> bytes:
        """Change something, here and there."""
        damaged = bytearray(data)
        for _ in range(self._chance.randint(0, most)):
            self._chance.choice(_DAMAGES)(self._chance, damaged)
        return bytes(damaged[: 4 << 20])

    def _fault(self, what: str, data: bytes) -> None:
        self.faults.append(f"{what[:500]} of {data[:200]!r}")


def read_archive(data: bytes) -> str:
    """Read an archive into an empty registry, and publish what is in it.

    Returns:
        What became of it.

    Raises:
        AssertionError: something is left of what was refused.
    """
    clock = Clock()
    store = MemoryObjectStore(clock)
    sessions = iter(range(1, 1 << 20))
    registry = Registry(store, clock, at_once)
    reader = ArchiveReader(
        registry, at_once, new_session=lambda: str(UUID(int=next(sessions)))
    )

    async def bring() -> None:
        async with reader.open(BytesReader(data)) as archive:
            await archive.publish(_NAME, [_TAG], archive.images[0])

    try:
        _finish(bring(), clock)
        outcome = "taken"
    except ArchiveRefused as error:
        if not (error.message.isprintable() and error.message.endswith(".")):
            raise AssertionError(error.message) from error
        outcome = "refused"
    left = _finish(store.list("docker/", limit=10_000), clock).names
    staged = [key for key in left if "uploads/" in key]
    if staged or (outcome == "refused" and any("/tags/" in key for key in left)):
        raise AssertionError(f"left are {left[:5]}")
    return outcome


def _finish(work: Coroutine[Any, Any, Any], clock: Clock) -> Any:
    outcomes: list[Any] = []
    done = Deferred.fromCoroutine(work).addBoth(outcomes.append)
    for _ in range(_TURNS):
        if done.called:
            break
        clock.advance(0)
    if not outcomes:
        raise AssertionError("it does not come to an end")
    if isinstance(outcomes[0], Failure):
        outcomes[0].raiseException()
    return outcomes[0]


def _flip(chance: random.Random, data: bytearray) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _put(chance: random.Random, data: bytearray) -> None:
    place, piece = chance.randint(0, len(data)), chance.choice(_INTERESTING)
    data[place : place + (len(piece) if chance.random() < 0.7 else 0)] = piece


def _put_in_header(chance: random.Random, data: bytearray) -> None:
    """Change a field of what may be a header, and let its checksum be right again."""
    start = 512 * chance.randint(0, len(data) // 512)
    block = data[start : start + 512]
    if len(block) < 512:
        return
    field, size = chance.choice(((0, 100), (124, 12), (156, 1), (157, 100), (345, 155)))
    piece = (chance.choice(_INTERESTING) * 20)[:size]
    block[field : field + len(piece)] = piece
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    data[start : start + 512] = block


def _cut(chance: random.Random, data: bytearray) -> None:
    if chance.random() < 0.3:
        del data[chance.randint(0, len(data)) :]


def _drop(chance: random.Random, data: bytearray) -> None:
    start = chance.randint(0, len(data))
    del data[start : start + chance.choice((1, 2, 512, 1024))]


def _repeat(chance: random.Random, data: bytearray) -> None:
    start = 512 * chance.randint(0, len(data) // 512)
    piece = data[start : start + chance.choice((3, 512, 1024, 4096))]
    place = 512 * chance.randint(0, len(data) // 512)
    data[place:place] = piece


_DAMAGES: Final[tuple[Callable[[random.Random, bytearray], None], ...]] = (
    _flip,
    _put,
    _put_in_header,
    _put_in_header,
    _cut,
    _drop,
    _repeat,
)
_PACKERS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda data: gzip.compress(data, 1),
    lambda data: zstd.compress(data, 1),
    lambda data: lzma.compress(data, preset=0),
    zlib.compress,
)


def _make_keys() -> list[bytes]:
    return [
        line(ALICE, "alice") + line(BOB, "bob", 'identity="bob"'),
        line(make_rsa(2048), "carol"),
        line(make_ecdsa(), "dave"),
    ]


_KEYS: Final = _make_keys()


def _make_archives() -> list[bytes]:
    image, index = make_image("fuzz"), make_index("fuzz")
    return [
        pack(layout({"it": image})),
        pack(layout({"it": index})),
        pack(saved({"app:1": image})),
        pack(saved({"app:1": image}, first=True)),
    ]


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main(arguments: Sequence[str] | None = None) -> int:
    """Go on until the time is over.

    Returns:
        The exit status: 1 if something was neither taken nor refused, or memory grew.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soaks.fuzz")
    parser.add_argument("--quick", action="store_true", help="for some seconds")
    parser.add_argument("--seconds", type=float, help="for how long")
    parser.add_argument("--seed", type=int, help="what decides about chance")
    options = parser.parse_args(arguments)
    seconds = options.seconds or (_QUICK_SECONDS if options.quick else _SECONDS)
    seed = options.seed
    if seed is None:
        seed = int.from_bytes(os.urandom(4))
    fuzzer = Fuzzer(random.Random(seed))
    began = time.monotonic()
    first = before = 0
    number = seed
    while (passed := time.monotonic() - began) < seconds and not fuzzer.faults:
        first = first or _resident()
        if not before and passed > seconds * _WARM:
            before = _resident()
        fuzzer.read_archive()
        for _ in range(_LINES):
            fuzzer.read_line()
        fuzzer.read_keys()
        if not fuzzer.counts["archives"] % 10:
            number += 1
            fuzzer.read_words(number)
    after = _resident()
    print(f"seed {seed}, {time.monotonic() - began:.0f} s")
    for what, count in sorted(fuzzer.counts.items()):
        print(f"{what}: {count}")
    print(f"faults: {len(fuzzer.faults)}")
    mebibyte = 1 << 20
    print(
        f"memory: {first // mebibyte} MiB at first, {before // mebibyte} MiB after "
        f"{_WARM:.0%} of the time, {after // mebibyte} MiB at the end"
    )
    for fault in fuzzer.faults:
        print(fault, file=sys.stderr)
    grew = before and after - before > _GROWTH
    return 1 if fuzzer.faults or grew else 0


if __name__ == "__main__":
    raise SystemExit(main())
