"""Tests of ``txregistry/registry/mirror/blobs.py``."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs, formatEvent

from tests.registry.content import image
from tests.registry.mirror import case
from tests.registry.mirror.case import NAME, REMOTE
from tests.registry.mirror.played import HeldReader
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    Denied,
    UpstreamInvalid,
    UpstreamSilent,
)
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.mirror import blobs
from txregistry.storage import keys
from txregistry.storage.interfaces import StorageFull
from txregistry.storage.passing import PassingArea
from txregistry.streams import BytesReader, IReader, read_all

DATA = b"0123456789" * 5
DOWN = UpstreamUnavailable("other.example", "is down")
SECOND = RepositoryName("other/team/second")


class BlobsCase(case.MirrorCase):
    def setUp(self) -> None:
        super().setUp()
        self.digest = self.upstream.add_blob(REMOTE, DATA)

    async def pull(
        self,
        digest: Digest | None = None,
        name: RepositoryName = NAME,
        start: int = 0,
        stop: int | None = None,
    ) -> bytes | None:
        """Pull a blob, or part of one."""
        whole = start == 0 and stop is None
        blob = await self.registry.mirror.find_blob(
            name, digest or self.digest, whole=whole
        )
        reader = await blob.open(start, blob.size if stop is None else stop)
        return await read_all(reader, 1000)

    def begin(self, **more: Any) -> Deferred[bytes | None]:
        """Begin to pull a blob."""
        return Deferred.fromCoroutine(self.pull(**more))

    def hold(self, first: int) -> HeldReader:
        """Let no more than some bytes come at first."""
        reader = self.upstream.readers[self.digest] = HeldReader(DATA, first)
        return reader

    def asked(self) -> list[str]:
        """Say what the other registry was asked."""
        return [each[0] for each in self.upstream.take()]

    def kept(self) -> bool:
        """Say whether the repository has the blob, and nothing else is there."""
        links = {keys.layer_link(NAME, self.digest), keys.blob(self.digest)}
        return set(self.keys()) == links


class WholeTests(BlobsCase):
    def test_is_fetched_and_kept(self) -> None:
        for _ in range(2):
            self.assertEqual(self.result(self.pull()), DATA)
        self.assertEqual(self.asked(), ["open"])
        self.assertTrue(self.kept())

    def test_comes_while_it_is_fetched(self) -> None:
        held = self.hold(20)
        blob = self.result(
            self.registry.mirror.find_blob(NAME, self.digest, whole=True)
        )
        self.assertEqual(blob.size, len(DATA))
        reader: IReader = self.result(blob.open(0, blob.size))
        # The last byte that is here waits until the sum of all is known.
        self.assertEqual(self.result(reader.read(100)), DATA[:19])
        more = Deferred.fromCoroutine(reader.read(100))
        self.assertNoResult(more)
        held.release()
        found = self.successResultOf(more)
        rest = self.result(read_all(reader, 1000))
        self.assertEqual(found + (rest or b""), DATA[19:])
        self.assertTrue(held.closed)

    def test_many_join_one_fetch(self) -> None:
        held = self.hold(20)
        pulls = [self.begin() for _ in range(64)]
        held.release()
        found = self.successResultOf(gatherResults(pulls))
        self.assertEqual(found, [DATA] * 64)
        self.assertEqual(self.asked(), ["open"])

    def test_who_leaves_does_not_stop_it(self) -> None:
        held = self.hold(20)
        pull = self.begin()
        pull.cancel()
        self.failureResultOf(pull)
        held.release()
        self.assertTrue(self.kept())

    def test_of_unknown_size_is_given_when_it_is_here(self) -> None:
        self.upstream.tells_size = False
        held = self.hold(20)
        pull = self.begin()
        self.assertNoResult(pull)
        held.release()
        self.assertEqual(self.successResultOf(pull), DATA)
        self.assertTrue(self.kept())

    def test_a_manifest_says_the_size(self) -> None:
        self.upstream.tells_size = False
        self.upstream.add(REMOTE, image(layers=[DATA]), "1")
        self.result(self.registry.mirror.find_manifest(NAME, Tag("1")))
        self.hold(20)
        blob = self.result(
            self.registry.mirror.find_blob(NAME, self.digest, whole=True)
        )
        self.assertEqual(blob.size, len(DATA))

    def test_of_another_algorithm(self) -> None:
        digest = self.upstream.add_blob(REMOTE, DATA, "sha512")
        for _ in range(2):
            self.assertEqual(self.result(self.pull(digest)), DATA)
        self.assertEqual(self.asked(), ["open"])

    def test_of_no_bytes(self) -> None:
        digest = self.upstream.add_blob(REMOTE, b"")
        for _ in range(2):
            self.assertEqual(self.result(self.pull(digest)), b"")

    def test_what_is_here_for_another_repository_is_not_fetched(self) -> None:
        self.result(self.pull())
        self.upstream.add_blob("team/second", DATA)
        self.upstream.take()
        self.assertEqual(self.result(self.pull(name=SECOND)), DATA)
        self.assertEqual(self.asked(), ["head blob"])
        self.assertEqual(self.result(self.pull(name=SECOND)), DATA)
        self.assertEqual(self.asked(), [])

    def test_what_is_here_for_another_repository_may_not_be_there(self) -> None:
        self.result(self.pull())
        self.fails(BlobUnknown, self.pull(name=SECOND))

    def test_who_only_says_to_have_it_has_to_give_it(self) -> None:
        """What is private here has a digest that somebody may know."""
        digest = Digest.of(b"ours alone")
        self.put(keys.blob(digest), b"ours alone")
        self.result(self.registry.blobs.link(RepositoryName("mine"), digest, digest))
        self.upstream.add_blob(REMOTE, b"ours alone")
        self.upstream.lies = {digest: b"0123456789"}
        self.fails(UpstreamInvalid, self.pull(digest))
        part = self.result(self.pull(digest, start=1, stop=4))
        self.assertEqual(part, b"123")
        self.assertNotIn(keys.layer_link(NAME, digest), self.keys())
        self.upstream.lies = {}
        self.assertEqual(self.result(self.pull(digest)), b"ours alone")

    def test_after_a_restart_it_is_given_again(self) -> None:
        self.result(self.pull())
        self.upstream.add_blob("team/second", DATA)
        self.registry = self.make_registry()
        self.upstream.take()
        self.assertEqual(self.result(self.pull(name=SECOND)), DATA)
        self.assertEqual(self.asked(), ["open"])

    def test_what_neither_has_is_unknown(self) -> None:
        self.fails(BlobUnknown, self.pull(Digest.of(b"none")))

    def test_what_is_damaged_here_is_fetched_again(self) -> None:
        self.result(self.pull())
        self.put(keys.blob(self.digest), DATA[::-1])
        self.registry = self.make_registry()
        self.fails(BlobUnknown, self.pull())
        self.assertEqual(self.result(self.pull()), DATA)


class PartTests(BlobsCase):
    def test_a_part_is_passed_through(self) -> None:
        self.assertEqual(self.result(self.pull(start=7, stop=12)), DATA[7:12])
        self.assertEqual(self.asked(), ["head blob", "open"])
        self.assertEqual(self.keys(), ())

    def test_a_part_of_what_is_here_is_not_asked_for(self) -> None:
        self.result(self.pull())
        self.upstream.take()
        self.assertEqual(self.result(self.pull(start=7, stop=12)), DATA[7:12])
        self.assertEqual(self.asked(), [])

    def test_a_part_of_what_is_on_its_way_is_waited_for(self) -> None:
        held = self.hold(20)
        whole = self.begin()
        part = self.begin(start=7, stop=30)
        self.assertNoResult(part)
        held.release()
        self.assertEqual(self.successResultOf(part), DATA[7:30])
        self.assertEqual(self.successResultOf(whole), DATA)
        self.assertEqual(self.asked(), ["open"])

    def test_a_part_that_will_not_be_here_soon_is_passed_through(self) -> None:
        self.patch(blobs, "_SOON", 10)
        held = self.hold(20)
        _ = self.begin()
        self.upstream.readers.clear()
        self.assertEqual(self.result(self.pull(start=31, stop=40)), DATA[31:40])
        held.release()
        self.assertTrue(self.kept())

    def test_the_size_of_what_is_on_its_way_is_known(self) -> None:
        held = self.hold(20)
        whole = self.begin()
        self.upstream.take()
        blob = self.result(
            self.registry.mirror.find_blob(NAME, self.digest, whole=False)
        )
        self.assertEqual(blob.size, len(DATA))
        self.assertEqual(self.asked(), [])
        held.release()
        self.assertEqual(self.successResultOf(whole), DATA)

    def test_the_size_is_told_without_fetching(self) -> None:
        blob = self.result(
            self.registry.mirror.find_blob(NAME, self.digest, whole=False)
        )
        self.assertEqual(blob.size, len(DATA))
        self.assertEqual(self.asked(), ["head blob"])

    def test_the_size_is_what_the_manifest_says(self) -> None:
        self.upstream.add(REMOTE, image(layers=[DATA]), "1")
        self.result(self.registry.mirror.find_manifest(NAME, Tag("1")))
        self.upstream.blobs[REMOTE, self.digest] = DATA[:7]
        for start in (9, 1):
            self.fails(UpstreamInvalid, self.pull(start=start, stop=start + 1))
        self.upstream.tells_size = False
        blob = self.result(
            self.registry.mirror.find_blob(NAME, self.digest, whole=False)
        )
        self.assertEqual(blob.size, len(DATA))

    def test_the_size_must_be_told(self) -> None:
        self.upstream.tells_size = False
        work = self.registry.mirror.find_blob(NAME, self.digest, whole=False)
        self.fails(UpstreamInvalid, work)


class FaultTests(BlobsCase):
    def nothing_is_here(self) -> None:
        """Expect that nothing was kept, and the next who asks begins anew."""
        self.assertEqual(self.keys(), ())
        self.upstream.fault = None
        self.upstream.lies = {}
        self.upstream.readers.clear()
        self.assertEqual(self.result(self.pull()), DATA)

    def test_down(self) -> None:
        self.upstream.fault = DOWN
        self.fails(UpstreamSilent, self.pull())
        self.fails(UpstreamSilent, self.pull(start=1, stop=2))
        self.nothing_is_here()

    def test_broken_off(self) -> None:
        held = self.hold(20)
        pulls = [self.begin() for _ in range(3)]
        held.fail(DOWN)
        self.upstream.fault = DOWN
        self.clock.pump([30] * 5)
        for each in pulls:
            self.failureResultOf(each, UpstreamSilent)
        self.assertTrue(held.closed)
        self.nothing_is_here()

    def test_what_breaks_off_goes_on(self) -> None:
        held = self.hold(20)
        pull = self.begin()
        self.upstream.readers.clear()
        held.fail(DOWN)
        self.clock.advance(30)
        self.assertEqual(self.successResultOf(pull), DATA)
        self.assertEqual(self.upstream.take()[-1][-1], "20")
        self.assertTrue(self.kept())

    def test_a_lie(self) -> None:
        self.upstream.lies = {self.digest: DATA[::-1]}
        fault = self.failureResultOf(self.begin(), UpstreamInvalid)
        self.assertIn("other.example", fault.value.message)
        self.nothing_is_here()

    def test_a_lie_of_nobody_knows_how_many_bytes(self) -> None:
        self.upstream.tells_size = False
        self.upstream.lies = {self.digest: DATA[::-1]}
        self.failureResultOf(self.begin(), UpstreamInvalid)
        self.nothing_is_here()

    def test_nobody_gets_a_whole_lie(self) -> None:
        self.upstream.lies = {self.digest: DATA[::-1]}
        blob = self.result(
            self.registry.mirror.find_blob(NAME, self.digest, whole=True)
        )
        reader: IReader = self.result(blob.open(0, blob.size))
        self.fails(UpstreamInvalid, read_all(reader, 1000))

    def test_less_than_it_said(self) -> None:
        self.upstream.lies = {self.digest: DATA[:-1]}
        self.failureResultOf(self.begin(), UpstreamInvalid)
        self.nothing_is_here()

    def test_offline_nobody_is_asked(self) -> None:
        self.registry = self.make_registry(offline=True)
        self.fails(BlobUnknown, self.pull())
        self.assertEqual(self.asked(), [])


class _FullArea(PassingArea):
    """An area that has room for some bytes."""

    room = 0

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        size = 0
        while size < self.room:
            part = BytesReader(await source.read(self.room - size))
            size = await super().append(part, observe, expected, mark)
        raise StorageFull("7 bytes are free")


class FullTests(BlobsCase):
    def fill(self, room: int = 0) -> None:
        """Let there be room for some bytes, and no more."""
        stage = self.store.stage

        def stage_full(*keys: Any) -> _FullArea:
            area = _FullArea(stage(*keys))
            area.room = room
            return area

        self.patch(self.store, "stage", stage_full)

    def test_without_room_it_is_passed_through(self) -> None:
        self.fill()
        with capturedLogs() as logs:
            self.assertEqual(self.result(self.pull()), DATA)
        (event,) = logs
        self.assertNotIn("log_failure", event)
        said = formatEvent(event)
        self.assertIn("cannot keep", said)
        self.assertIn("7 bytes are free", said)
        self.assertEqual(self.keys(), ())

    def test_for_a_while_it_is_not_even_tried(self) -> None:
        self.fill()
        self.result(self.pull())
        self.upstream.take()
        with capturedLogs() as logs:
            self.assertEqual(self.result(self.pull()), DATA)
        self.assertEqual((self.asked(), logs), (["head blob", "open"], []))
        self.clock.advance(31)
        with capturedLogs() as logs:
            self.result(self.pull())
        self.assertEqual(len(logs), 1)

    def test_what_has_no_room_in_its_middle_goes_on_elsewhere(self) -> None:
        self.fill(room=20)
        self.assertEqual(self.result(self.pull()), DATA)
        self.assertEqual(self.asked(), ["open", "open"])
        self.assertEqual(self.keys(), ())

    def test_a_part_goes_on_as_well(self) -> None:
        reader = self.hold(10)
        self.fill(room=20)
        pulling = self.begin()
        part = self.begin(start=5, stop=45)
        del self.upstream.readers[self.digest]
        reader.release()
        self.assertEqual(self.successResultOf(part), DATA[5:45])
        self.assertEqual(self.successResultOf(pulling), DATA)

    def test_nobody_gets_a_whole_lie(self) -> None:
        self.upstream.lies = {self.digest: DATA[:-1] + b"x"}
        for room in (0, 20):
            self.fill(room)
            self.fails(UpstreamInvalid, self.pull())
            self.clock.advance(31)


class PushTests(BlobsCase):
    def test_what_is_mirrored_takes_nothing(self) -> None:
        with self.assertRaises(Denied) as caught:
            self.registry.mirror.check_push(NAME)
        self.assertIn("other.example", str(caught.exception))

    def test_what_is_ours_does(self) -> None:
        self.registry.mirror.check_push(RepositoryName("mine/app"))
