"""Tests of how much moves between nodes and their store when a blob is large.

It is what ``python -m tests.benchmarks.volume`` does, in small.
"""

from pathlib import Path
from typing import Any

from tests.benchmarks.backends import BACKENDS, Store
from tests.benchmarks.meter import total
from tests.benchmarks.volume import pass_through
from tests.benchmarks.ways import WAYS, Way
from tests.integration.stores import service
from tests.temporary import make_folder

MIB = 1 << 20
SIZE = 24 * MIB
S3, SWIFT = BACKENDS
STREAM, PUT, POST, RANGES = WAYS
SETTINGS: dict[str, dict[str, Any]] = {
    # All that is long comes in parts, and is copied in parts.
    "s3": {
        "chunksize": 5 * MIB,
        "multipartcopychunksize": 5 * MIB,
        "multipartcopythresholdsize": 5 * MIB,
    },
    "swift": {"chunksize": 5 * MIB},
}


class VolumeCase(service.ServiceCase):
    """Push a blob through two nodes, each request to the other one, and pull it."""

    backend = S3

    def passes(self, way: Way, *, copied: int = 0) -> None:
        """Expect that no byte moves without need.

        Args:
            way: How it is pushed.
            copied: Bytes that the service copies itself.
        """
        store = Store(self.backend, self.service)
        settings = SETTINGS[self.backend.name]
        place = Path(make_folder(self))
        passage = pass_through(store, way, SIZE, place, settings)
        self.assertEqual(passage.faults(), [])
        pushed, pulled = total(passage.push.counts), total(passage.pull.counts)
        # What moves is seen at all.
        self.assertGreaterEqual(pushed.written, SIZE)
        self.assertGreaterEqual(pulled.read, SIZE)
        self.assertEqual(pushed.copied, copied)


class S3VolumeTests(VolumeCase):
    def test_a_stream_is_copied_by_the_service(self) -> None:
        self.passes(STREAM, copied=SIZE)

    def test_what_has_its_digest_first_is_written_where_it_will_lie(self) -> None:
        for way in (PUT, POST):
            self.passes(way)

    def test_ranges_are_copied_by_the_service(self) -> None:
        self.passes(RANGES, copied=SIZE)


class SwiftVolumeTests(VolumeCase):
    backend = SWIFT

    def test_a_stream_is_not_copied(self) -> None:
        self.passes(STREAM)

    def test_what_has_its_digest_first_is_written_where_it_will_lie(self) -> None:
        for way in (PUT, POST):
            self.passes(way)

    def test_ranges_are_not_copied(self) -> None:
        self.passes(RANGES)
