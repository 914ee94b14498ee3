"""Tests of ``txregistry/registry/collection/buckets.py``."""

import os
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_folder
from txregistry.registry.collection import buckets
from txregistry.registry.collection.buckets import DigestBuckets
from txregistry.tasks import at_once


class BucketsTests(SynchronousTestCase):
    def found(self, datas: list[bytes]) -> dict[int, set[bytes]]:
        """Put digests in, and give what the buckets have."""
        made: dict[int, set[bytes]] = {}

        async def work() -> None:
            async with DigestBuckets(at_once) as digests:
                for data in datas:
                    await digests.add(sha256(data).digest())
                for number in digests.numbers:
                    made[number] = set(await digests.bucket(number))

        self.successResultOf(Deferred.fromCoroutine(work()))
        return made

    @given(st.lists(st.binary(max_size=4), max_size=50), st.integers(32, 200))
    def test_all_are_there_once_each_in_its_bucket(
        self, datas: list[bytes], held: int
    ) -> None:
        self.patch(buckets, "_HELD", held)
        wanted: dict[int, set[bytes]] = {}
        for data in datas:
            number = sha256(data).digest()
            wanted.setdefault(number[0], set()).add(number)
        self.assertEqual(self.found(datas), wanted)

    def test_nothing_is_left(self) -> None:
        folder = make_folder(self)

        async def work() -> None:
            async with DigestBuckets(at_once, folder) as digests:
                for number in range(100_000):
                    await digests.add(sha256(str(number).encode()).digest())
                assert os.listdir(folder)

        self.successResultOf(Deferred.fromCoroutine(work()))
        self.assertEqual(os.listdir(folder), [])
