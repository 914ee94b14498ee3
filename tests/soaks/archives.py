"""Archives that are damaged in all ways, for long.

``python -m tests.soaks.archives --minutes 10``; ``--quick`` for a few seconds. It fails
where anything but a refusal comes of one, where something is seen of what was refused,
where who checks and who reads do not agree, or where memory grows.
"""

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.soaks.spoiling import Spoiling
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.repositories import Registry
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import BytesReader, read_all
from txregistry.tasks import at_once
from txregistry.transfer.archives.bundles import parse_bundle
from txregistry.transfer.archives.checking import ArchiveChecker, Checked
from txregistry.transfer.archives.head import read_head
from txregistry.transfer.archives.limits import ArchiveLimits
from txregistry.transfer.archives.places import BUNDLE
from txregistry.transfer.archives.reading import ArchiveReader
from txregistry.transfer.archives.refusals import ArchiveRefused

T = TypeVar("T")

_LIMITS: Final = ArchiveLimits(
    members=60,
    extended=4000,
    document=20_000,
    manifests=12,
    size=1 << 20,
    unpacked=1 << 20,
    trailing=20_000,
)
_NAME: Final = RepositoryName("team/app")
_TAG: Final = Tag("1")
_GROWTH: Final = 96
"""MiB that are no sign of a leak."""
_SLOW: Final = 20.0
"""Seconds of this process that no archive of a few kilobytes may take."""


class Trying:
    """Read archives, and look what comes of them."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest = 0.0

    def attempt(self, number: int, data: bytes) -> None:
        """Read one in both ways."""
        began = time.process_time()
        clock = Clock()
        store = MemoryObjectStore(clock)
        registry = Registry(store, clock, at_once)
        read = self._outcome(number, clock, self._read(registry, data))
        checker = ArchiveChecker(clock, at_once, limits=_LIMITS)
        check = checker.check(BytesReader(data))
        checked = self._outcome(number, clock, check)
        head = read_head(BytesReader(data), {BUNDLE}, clock, at_once)
        found = self._outcome(number, clock, head)
        if isinstance(found, dict) and BUNDLE in found:
            self._parse(number, found[BUNDLE])
        self._compare(number, read, checked)
        left = _finish(clock, store.list("docker/", limit=99))
        if isinstance(read, ArchiveRefused) and left.names:
            self.wrong.append(f"{number}: {left.names[0]} of what was refused")
        if isinstance(read, Digest):
            self._look(number, clock, registry, read)
        self.done[type(read).__name__] += 1
        self.slowest = max(self.slowest, time.process_time() - began)
        if self.slowest > _SLOW:
            self.wrong.append(f"{number}: it took {self.slowest:.0f} s")

    async def _read(self, registry: Registry, data: bytes) -> Digest:
        reader = ArchiveReader(registry, at_once, limits=_LIMITS)
        async with reader.open(BytesReader(data)) as archive:
            image = archive.images[0]
            return await archive.publish(_NAME, [_TAG], image)

    def _outcome(
        self, number: int, clock: Clock, work: Coroutine[Any, Any, object]
    ) -> object:
        """Give what something comes to, if it is to come to that."""
        try:
            return _finish(clock, work)
        except ArchiveRefused as refused:
            text = refused.message
            if "\n" in text or not text.isprintable() or len(text) > 2000:
                self.wrong.append(f"{number}: a message that cannot be shown")
            return refused
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self.wrong.append(f"{number}: {type(error).__name__}: {error}"[:300])
            return error

    def _parse(self, number: int, data: bytes) -> None:
        try:
            parse_bundle(data)
        except ArchiveRefused:
            pass
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self.wrong.append(f"{number}: a bundle: {type(error).__name__}: {error}")

    def _compare(self, number: int, read: object, checked: object) -> None:
        """See that a reader and a checker say the same, but for what is missing."""
        if isinstance(checked, Checked) and isinstance(read, ArchiveRefused):
            # Only who publishes sees what is in the repository, or does not want it.
            if not checked.missing and "refused" not in read.message:
                self.wrong.append(f"{number}: only the reader minds: {read}")
        elif isinstance(checked, ArchiveRefused) and isinstance(read, Digest):
            self.wrong.append(f"{number}: only the checker minds: {checked}")

    def _look(
        self, number: int, clock: Clock, registry: Registry, digest: Digest
    ) -> None:
        """See that what was taken is there, whole, to its last byte."""
        found = _finish(clock, registry.manifests.find(_NAME, _TAG))
        if found.digest != digest or Digest.of(found.data) != digest:
            self.wrong.append(f"{number}: the tag is of something else")
        for each in found.parse().blobs:
            try:
                blob = _finish(clock, registry.blobs.find(_NAME, each.digest))
            except BlobUnknown:
                if not each.is_nondistributable:
                    self.wrong.append(f"{number}: {each.digest} is missing")
                continue
            reader = _finish(clock, registry.blobs.open(blob, 0, blob.size))
            data = _finish(clock, read_all(reader, 1 << 20)) or b""
            same = Digest.of(data, each.digest.algorithm) == each.digest
            if not same or len(data) != each.size:
                self.wrong.append(f"{number}: {each.digest} is something else")


def _finish(clock: Clock, work: Coroutine[Any, Any, T]) -> T:
    """Let some work go on to its end."""
    results: list[Any] = []
    done = Deferred.fromCoroutine(work)
    _ = done.addBoth(results.append)
    while not results:
        clock.advance(0)
    if isinstance(results[0], Failure):
        results[0].raiseException()
    result: T = results[0]
    return result


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Let it work.

    Returns:
        The exit status: 1 where something was found.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="for a few seconds")
    options = parser.parse_args(arguments)
    seconds = 5.0 if options.quick else options.minutes * 60
    spoiling, trying = Spoiling(options.seed), Trying()
    until, number, settled = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < until and len(trying.wrong) < 20:
        trying.attempt(number, spoiling.make())
        number += 1
        if number == 200:
            settled = _memory()
    if settled and _memory() > settled + _GROWTH:
        trying.wrong.append(f"memory grew from {settled:.0f} to {_memory():.0f} MiB")
    print(f"{number} archives in {seconds:.0f} s:", dict(trying.done.most_common()))
    print(f"memory: {settled:.0f} MiB, {_memory():.0f} MiB at the end")
    print(f"the slowest took {trying.slowest:.2f} s")
    for each in trying.wrong:
        print("WRONG:", each)
    print(f"{len(trying.wrong)} things were wrong")
    return 1 if trying.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
