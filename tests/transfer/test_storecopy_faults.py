"""Tests of ``txregistry/transfer/storecopy.py``: failures, and being broken off."""

from collections.abc import Iterable
from uuid import UUID

from twisted.internet.defer import CancelledError, Deferred

from tests.registry.content import LAYER
from tests.transfer import copying
from tests.transfer.copying import IMAGE, INDEX, V1, A, B, contents, pushed
from tests.web.stores import SlowStore
from txregistry.model.digest import Digest
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    Health,
    Key,
    Page,
    Stat,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.transfer.copyreport import Position
from txregistry.transfer.storecopy import CopyStopped


class Partial(MemoryObjectStore):
    """A store of which some objects cannot be read.

    Attributes:
        bad: Their keys.
        gone: Keys of objects that are listed, and not there any more.
        is_dead: Whether nothing can be had from it.
    """

    bad: Iterable[str] = ()
    gone: Iterable[str] = ()
    is_dead = False

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        if key in self.bad:
            raise StorageUnavailable("the disk is bad")
        if key in self.gone:
            await self.delete([key])
        return await super().stat(key)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        await self.stat(key)
        return await super().get(key, limit)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        if self.is_dead:
            raise StorageUnavailable("the disk is dead")
        return await super().list(prefix, after=after, limit=limit, delimiter=delimiter)


class Refusing(MemoryObjectStore):
    """A store that cannot be written from some moment on.

    Attributes:
        left: How many writes there are before.
        failure: What they fail with then.
    """

    left = 0
    failure: Exception = StorageUnavailable("no answer")

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        self._step()
        return await super().put(key, data, if_absent=if_absent)

    async def check(self) -> Health:
        """See `IObjectStore`."""
        self._step()
        return Health(free=None)

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.failure


class UnavailableTests(copying.StoreCopyCase):
    def setUp(self) -> None:
        super().setUp()
        self.partial = self.store = Partial(self.clock)
        self.target.source = self.partial
        self.put_all(pushed(A, INDEX, V1))

    def test_one_object_does_not_stop_the_rest(self) -> None:
        self.put_all(pushed(B, IMAGE, V1))
        key = keys.layer_link(B, Digest.of(LAYER))
        self.partial.bad = {key}
        report = self.copy()
        # The tag would lead to a manifest without a layer that is there.
        wanted = [key, keys.revision_link(B, Digest.of(IMAGE)), keys.tag_link(B, V1)]
        self.assertEqual(
            self.troubles(report), [("unavailable", each) for each in wanted]
        )
        self.assertFalse(report.is_complete)
        self.assertIn("the disk is bad", report.left_out[0].reason)
        past = keys.tag_history_link(B, V1, Digest.of(IMAGE))
        self.expect_all(lambda found: [found.pop(each) for each in (*wanted, past)])
        self.partial.bad = ()
        self.assertTrue(self.copy().is_complete)
        self.expect_all()

    def test_a_repository_whose_privacy_cannot_be_read_is_not_copied(self) -> None:
        self.put_all(pushed(B, IMAGE, V1))
        self.partial.bad = {keys.repository_properties(A)}
        report = self.copy()
        self.assertFalse(report.is_complete)
        found = contents(self.target)
        self.assertEqual([key for key in found if "repositories/a/" in key], [])
        self.assertIn(keys.tag_link(B, V1), found)

    def test_many_that_cannot_be_read_do_not_stop_the_rest(self) -> None:
        digests = [Digest.of(str(number).encode()) for number in range(40)]
        self.partial.bad = {keys.blob(each) for each in digests}
        for number, digest in enumerate(digests):
            self.put(keys.blob(digest), str(number).encode())
        report = self.copy()
        self.assertEqual(report.troubles, {"unavailable": 40})
        self.expect_all(lambda found: [found.pop(each) for each in self.partial.bad])

    def test_a_source_that_dies_stops_it(self) -> None:
        for number in range(20):
            data = str(number).encode()
            self.put(keys.blob(Digest.of(data)), data)

        def die(position: Position) -> None:
            del position
            self.partial.bad, self.partial.is_dead = everything, True

        everything = set(self.keys())
        copy = self.make_copy(hear=die, page=100)
        said = str(self.fails(CopyStopped, copy.run()))
        self.assertIn("10 objects", said)
        self.assertIn("the disk is dead", said)
        self.assertEqual((copy.report.stopped, copy.report.is_complete), (said, False))

    def test_a_source_that_cannot_be_listed(self) -> None:
        self.partial.is_dead = True
        failure = self.fails(CopyStopped, self.make_copy().run())
        self.assertEqual(str(failure), "FROM cannot be read: the disk is dead.")

    def test_a_source_that_can_only_be_listed(self) -> None:
        self.partial.bad = [keys.single_upload(str(UUID(int=self.sessions + 1)))]
        failure = self.fails(CopyStopped, self.make_copy().run())
        self.assertEqual(str(failure), "FROM cannot be read: the disk is bad.")
        self.assertEqual(contents(self.target), {})

    def test_what_is_deleted_while_it_is_copied(self) -> None:
        self.partial.gone = set(self.keys())
        report = self.copy()
        self.assertEqual(report.left_out, [])
        self.expect_all()


class RefusedTests(copying.StoreCopyCase):
    def setUp(self) -> None:
        super().setUp()
        self.put_all(pushed(A, INDEX, V1))
        self.refusing = Refusing(self.clock)

    def stop(self) -> str:
        """Expect a copy to stop, and give what it says."""
        copy = self.make_copy(target=self.refusing)
        return str(self.fails(CopyStopped, copy.run()))

    def test_one_that_cannot_be_written(self) -> None:
        self.assertEqual(self.stop(), "TO cannot be written: no answer.")

    def test_one_that_cannot_be_written_any_more(self) -> None:
        for number in range(20):
            self.put(keys.secret(f"number-{number}"), b"x")
        self.refusing.left = 2
        self.assertIn("no answer", self.stop())

    def test_one_that_is_full(self) -> None:
        self.put(keys.secret("cookies"), b"x")
        self.refusing.left = 2
        self.refusing.failure = StorageFull("3 bytes are free")
        self.assertEqual(self.stop(), "TO is full: 3 bytes are free.")


class BrokenOffTests(copying.StoreCopyCase):
    def setUp(self) -> None:
        super().setUp()
        self.slow = self.store = SlowStore(self.clock)
        self.target.source = self.slow
        self.put_all(pushed(A, INDEX, V1))

    def test_by_who_hears_how_far_it_is(self) -> None:
        heard: list[Position] = []

        def hear(position: Position) -> None:
            heard.append(position)
            if len(heard) > 7:
                raise CancelledError

        self.fails(CancelledError, self.make_copy(hear=hear).run())
        self.assertEqual(self.target._staged, {})
        self.assertEqual(self.slow.readers, set())

    def test_while_it_waits(self) -> None:
        heard: list[Position] = []

        def hear(position: Position) -> None:
            if not heard:
                self.slow.hold()
            heard.append(position)

        copy = self.make_copy(parallel=3, hear=hear)
        done = Deferred.fromCoroutine(copy.run())
        done.cancel()
        self.assertNoResult(done)  # threads cannot be stopped
        self.slow.release()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.slow.readers, set())
        self.assertEqual(self.target._staged, {})
        self.assertLess(len(contents(self.target)), 6)


class HeardTests(copying.StoreCopyCase):
    def setUp(self) -> None:
        super().setUp()
        self.heard: list[Position] = []
        for number in range(100):
            data = str(number).encode()
            self.put(keys.blob(Digest.of(data)), data)

    def hear(self, **switches: bool) -> list[Position]:
        """Give what is heard of a copy."""
        self.heard.clear()
        self.copy(hear=self.heard.append, **switches)
        return self.heard

    def test_how_far_the_blobs_are(self) -> None:
        told = [each.fraction or 0.0 for each in self.hear() if each.stage == "blobs"]
        self.assertEqual(told, sorted(told))
        self.assertLess(told[0], 0.1)
        self.assertGreater(told[-1], 0.9)

    def test_objects_and_bytes(self) -> None:
        last = [each for each in self.hear() if each.stage == "blobs"][-1]
        size = sum(len(str(number)) for number in range(100))
        self.assertEqual((last.objects, last.passed), (100, size))

    def test_bytes_that_are_verified(self) -> None:
        self.copy()
        self.assertEqual(self.hear()[-1].passed, 0)
        self.assertEqual(self.hear(verify=True)[-1].passed, 190)

    def test_what_is_copied(self) -> None:
        self.put_all(pushed(A, IMAGE, V1))
        self.put(keys.secret("cookies"), b"x")
        stages = dict.fromkeys(each.stage for each in self.hear())
        self.assertEqual([*stages], ["blobs", "documents", "repositories"])
