"""Tests of ``txregistry/registry/withholding.py``."""

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from tests.storage.case import FolderTestCase
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.registry.integrity import Integrity
from txregistry.registry.withholding import Withholding
from txregistry.storage.interfaces import Key, Stat
from txregistry.streams import IFileReader, IWithheldFile

_DATA = bytes(range(256)) * 4096
_KEY = Key("data")


class WithholdingTests(FolderTestCase):
    def setUp(self) -> None:
        self.root = self.make_root()
        self.store = self.open_store(self.root)
        self.jobs: list[Callable[[], None]] = []
        self.integrity = Integrity(self.later)
        self.withholding = Withholding(self.integrity)
        self.digest = Digest.of(_DATA)
        self.result(self.store.put(_KEY, _DATA))

    def later(self, work: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Do blocking work when it is let."""
        result: Deferred[Any] = Deferred()
        self.jobs.append(lambda: result.callback(work(*args, **kwargs)))
        return result

    def let(self) -> int:
        """Let all blocking work be done; say how much there was."""
        count = 0
        while self.jobs:
            self.jobs.pop(0)()
            count += 1
        return count

    def stat(self) -> Stat:
        return self.result(self.store.stat(_KEY))

    def hold(self) -> IWithheldFile:
        reader = self.result(self.store.open(_KEY, 0, len(_DATA)))
        held = self.withholding.withhold(self.digest, self.stat(), IFileReader(reader))
        self.addCleanup(self.result, held.close())
        return held

    def rot(self) -> None:
        """Change a byte, and nothing that a look would show."""
        path = os.path.join(self.root, _KEY)
        before = os.stat(path)
        with open(path, "r+b") as file:
            file.write(b"!")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IWithheldFile, self.hold()))

    def test_most_of_it_can_be_sent_at_once(self) -> None:
        start, stop = self.hold().front()
        self.assertEqual(start, 0)
        self.assertTrue(len(_DATA) - 128 * 1024 < stop < len(_DATA))

    def test_the_rest_comes_when_it_is_proven(self) -> None:
        held = self.hold()
        found = Deferred.fromCoroutine(held.rest())
        self.assertNoResult(found)
        self.let()
        self.assertEqual(self.successResultOf(found), _DATA[held.front()[1] :])
        self.assertIs(self.integrity.verdict(self.digest, self.stat()), True)

    def test_reading_waits_before_the_end(self) -> None:
        held = self.hold()
        pieces = []
        while True:
            found = Deferred.fromCoroutine(held.read(100_000))
            if not found.called:
                break
            pieces.append(self.successResultOf(found))
        self.assertEqual(len(b"".join(pieces)), held.front()[1])
        self.let()
        pieces.append(self.successResultOf(found))
        while data := self.result(held.read(100_000)):
            pieces.append(data)
        self.assertEqual(b"".join(pieces), _DATA)

    def test_the_end_of_what_has_rotted_is_never_given(self) -> None:
        self.rot()
        one, other = self.hold(), self.hold()
        found = Deferred.fromCoroutine(one.rest())
        self.let()
        self.failureResultOf(found, BlobUnknown)
        self.failureResultOf(
            Deferred.fromCoroutine(other.read(9**9)).addCallback(
                lambda _: Deferred.fromCoroutine(other.read(9))
            ),
            BlobUnknown,
        )
        self.assertIs(self.integrity.verdict(self.digest, self.stat()), False)

    def test_what_changes_while_it_is_sent_has_no_end(self) -> None:
        held = self.hold()
        self.let()
        with open(os.path.join(self.root, _KEY), "r+b") as file:
            file.write(b"!")
        os.utime(os.path.join(self.root, _KEY), (1, 1))
        found = Deferred.fromCoroutine(held.rest())
        self.let()
        self.failureResultOf(found, BlobUnknown)

    def test_many_wait_for_one_proof(self) -> None:
        alone = self.hold()
        _ = Deferred.fromCoroutine(alone.rest())
        count = self.let()
        waiting = [Deferred.fromCoroutine(self.hold().rest()) for _ in range(9)]
        self.assertEqual(self.let(), count + 8)  # and each has its own end
        self.assertEqual(len({self.successResultOf(each) for each in waiting}), 1)

    def test_what_took_its_place_is_proven_for_itself(self) -> None:
        before = self.hold()
        self.done(self.store.put(_KEY, b"!" + _DATA[1:]))
        after = self.hold()
        one = Deferred.fromCoroutine(before.rest())
        other = Deferred.fromCoroutine(after.rest())
        self.let()
        self.successResultOf(one)
        self.failureResultOf(other, BlobUnknown)

    def done(self, work: Any) -> None:
        self.successResultOf(Deferred.fromCoroutine(work))

    def test_a_client_that_leaves_takes_nothing_along(self) -> None:
        leaving, staying = self.hold(), self.hold()
        left = Deferred.fromCoroutine(leaving.rest())
        stayed = Deferred.fromCoroutine(staying.rest())
        left.cancel()
        self.failureResultOf(left, CancelledError)
        self.result(leaving.close())
        self.let()
        self.assertEqual(self.successResultOf(stayed), _DATA[staying.front()[1] :])

    def test_nobody_need_wait(self) -> None:
        self.rot()
        self.result(self.hold().close())
        self.let()
        self.assertIs(self.integrity.verdict(self.digest, self.stat()), False)

    def test_no_file_stays_open(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        held = self.hold()
        _ = Deferred.fromCoroutine(held.rest())
        self.let()
        self.result(held.close())
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
