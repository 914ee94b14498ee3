"""Pushes, mounts, pulls, deletions and collection, whose steps mix in any order."""

import contextlib
import os
from collections.abc import Coroutine
from typing import Any, ClassVar, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.figures import tell
from tests.registry.case import chunk
from tests.registry.collection.clocked import ClockedStore
from tests.registry.collection.stepping import SteppedStore
from tests.registry.content import image, index
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    ReferenceUnknown,
)
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.collection.collector import Collector, NotOurTurn
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore, Key, NotFound
from txregistry.storage.kinds import Link, TagLink, recognize
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import read_all
from txregistry.tasks import at_once

FLOOR: Final = 100.0
NAMES: Final = (RepositoryName("a/one"), RepositoryName("b/two"))
LAYERS: Final = (b"first", b"second", b"third")
TAGS: Final = (Tag("v1"), Tag("v2"))
_MOST: Final = 5
"""Requests at the same time."""
_STEPS: Final = st.lists(st.integers(0, _MOST), min_size=1, max_size=60)


class Steps:
    """Work whose steps are done when one is told to; and how many were."""

    total = 0

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []

    def gate(self) -> Deferred[None]:
        """Wait for one's turn."""
        turn: Deferred[None] = Deferred()
        self.waiting.append(turn)
        return turn

    def do(self, place: int) -> None:
        """Do one of the steps that wait."""
        Steps.total += 1
        self.waiting.pop(place % len(self.waiting)).callback(None)


class CollectionMachine(RuleBasedStateMachine):
    """Let clients and collectors work on one store."""

    files: ClassVar[bool] = False
    quiet: ClassVar[int] = 6
    """Rounds after which nothing is left that nobody needs."""

    @initialize(condemned=st.sampled_from((0, 1, 2)))
    def begin(self, condemned: int) -> None:
        """Make a store, two nodes, and two who collect.

        Args:
            condemned: Of how many repositories all blobs are condemned at first.
        """
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.case = SynchronousTestCase()
        self.store = self.make_store()
        self.steps = Steps()
        stepped = SteppedStore(self.store, self.steps.gate)
        self.nodes = [
            Registry(stepped, self.clock, at_once, floor=FLOOR, write_fallback=False)
            for _ in range(2)
        ]
        bare = Registry(stepped, self.clock, at_once, floor=None)
        self.collectors = [
            Collector(
                bare,
                at_once,
                FLOOR,
                owner,
                Contents(stepped, at_once),
                KeepingAll(),
            )
            for owner in ("first", "second")
        ]
        self.running: list[Deferred[object]] = []
        self.collecting: set[int] = set()
        self.failures: list[Failure] = []
        self.deletions = self.deleting = 0
        for name in NAMES[:condemned]:
            for blob in (b"{}", *LAYERS):
                push = self.nodes[0].uploads.push(name, Digest.of(blob), chunk(blob))
                self.start(push)
                self.finish()
        if condemned:
            self.start(self._collect(0))
            self.finish()
            self.clock.advance(FLOOR)

    def make_store(self) -> IObjectStore:
        """Make an empty store."""
        if not self.files:
            return MemoryObjectStore(self.clock)
        root = os.path.join(make_folder(self.case), "store")
        scratch = f"{keys.PRIVATE}scratch"
        files = FilesystemObjectStore(root, scratch, at_once, keys.COMPANIONS)
        return ClockedStore(files, self.clock)

    def start(
        self, work: Coroutine[Any, Any, object], *refusals: type[Exception]
    ) -> None:
        """Begin some work, unless there is a lot of it already."""
        if len(self.running) >= _MOST:
            work.close()
            return
        done: Deferred[object] = Deferred.fromCoroutine(work)
        self.running.append(done)

        def end(result: object) -> None:
            self.running.remove(done)
            if isinstance(result, Failure) and not result.check(*refusals):
                self.failures.append(result)

        _ = done.addBoth(end)

    @rule(
        node=st.integers(0, 1),
        name=st.sampled_from(NAMES),
        layer=st.sampled_from(LAYERS),
        tag=st.sampled_from((None, *TAGS)),
        nested=st.booleans(),
    )
    def push(
        self,
        node: int,
        name: RepositoryName,
        layer: bytes,
        tag: Tag | None,
        nested: bool,  # noqa: FBT001 - drawn
    ) -> None:
        """Push an image as clients do: what is there already, they do not send."""
        self.start(self._push(self.nodes[node], name, layer, tag, nested=nested), _Late)

    async def _push(
        self,
        node: Registry,
        name: RepositoryName,
        layer: bytes,
        tag: Tag | None,
        *,
        nested: bool,
    ) -> None:
        begun, deletions = self.clock.seconds(), self.deletions
        data = image(layers=[layer])
        try:
            for blob in (b"{}", layer):
                digest = Digest.of(blob)
                if not await node.blobs.holds(name, digest):
                    await node.uploads.push(name, digest, chunk(blob))
            digest = Digest.of(data)
            if nested:
                await node.acceptance.push(name, digest, data, None)
                data = index([data])
            await node.acceptance.push(name, tag or Digest.of(data), data, None)
        except ReferenceUnknown as error:
            # Somebody may have deleted the image before its index came.
            if self.clock.seconds() - begun > FLOOR / 2 or (
                nested and (self.deletions > deletions or self.deleting)
            ):
                raise _Late from error
            raise

    @rule(
        node=st.integers(0, 1), layer=st.sampled_from(LAYERS), tag=st.sampled_from(TAGS)
    )
    def mount(self, node: int, layer: bytes, tag: Tag) -> None:
        """Mount what another repository has, and push an image of that."""
        self.start(self._mount(self.nodes[node], layer, tag), _Late)

    async def _mount(self, node: Registry, layer: bytes, tag: Tag) -> None:
        source, target = NAMES
        begun = self.clock.seconds()
        for blob in (b"{}", layer):
            digest = Digest.of(blob)
            if not await node.blobs.mount(target, digest, source):
                await node.uploads.push(target, digest, chunk(blob))
        try:
            await node.acceptance.push(target, tag, image(layers=[layer]), None)
        except ReferenceUnknown as error:
            if self.clock.seconds() - begun > FLOOR / 2:
                raise _Late from error
            raise

    @rule(
        node=st.integers(0, 1), name=st.sampled_from(NAMES), tag=st.sampled_from(TAGS)
    )
    def pull(self, node: int, name: RepositoryName, tag: Tag) -> None:
        """Pull an image, as far as there is one."""
        self.start(
            self._pull(self.nodes[node], name, tag),
            ManifestUnknown,
            NameUnknown,
            BlobUnknown,
        )

    async def _pull(self, node: Registry, name: RepositoryName, tag: Tag) -> None:
        found = await node.manifests.find(name, tag)
        for each in found.parse().blobs:
            blob = await node.blobs.find(name, each.digest)
            data = await read_all(await node.blobs.open(blob, 0, blob.size), blob.size)
            assert data is not None
            assert Digest.of(data) == each.digest

    @rule(
        node=st.integers(0, 1),
        name=st.sampled_from(NAMES),
        layer=st.sampled_from(LAYERS),
    )
    def delete_image(self, node: int, name: RepositoryName, layer: bytes) -> None:
        """Delete an image, and the index that lists it before that."""
        data = image(layers=[layer])
        self.start(self._delete(self.nodes[node], name, data))

    async def _delete(self, node: Registry, name: RepositoryName, data: bytes) -> None:
        self.deletions += 1
        self.deleting += 1
        for each in (index([data]), data):
            with contextlib.suppress(ManifestUnknown, NameUnknown):
                await node.acceptance.delete(name, Digest.of(each))
        self.deleting -= 1

    @rule(
        node=st.integers(0, 1), name=st.sampled_from(NAMES), tag=st.sampled_from(TAGS)
    )
    def delete_tag(self, node: int, name: RepositoryName, tag: Tag) -> None:
        """Delete a tag."""
        work = self.nodes[node].acceptance.delete(name, tag)
        self.start(work, ManifestUnknown, NameUnknown)

    @rule(who=st.integers(0, 1))
    def collect(self, who: int) -> None:
        """Begin a round, unless they are in the middle of one."""
        if who not in self.collecting:
            self.start(self._collect(who), NotOurTurn)

    async def _collect(self, who: int) -> None:
        self.collecting.add(who)
        try:
            await self.collectors[who].collect()
        finally:
            self.collecting.discard(who)

    @rule(order=_STEPS)
    def go_on(self, order: list[int]) -> None:
        """Do some steps."""
        for place in order:
            self.clock.advance(0)
            if self.steps.waiting:
                self.steps.do(place)

    @rule(place=st.integers(0, _MOST), count=st.sampled_from((1, 3, 10, 60, 600)))
    def follow(self, place: int, count: int) -> None:
        """Do many steps of one request."""
        for _ in range(count):
            self.clock.advance(0)
            if not self.steps.waiting:
                break
            self.steps.do(place)
            place = -1  # who had a turn is the last to wait for one

    @rule(seconds=st.sampled_from((1.0, FLOOR / 3, FLOOR)))
    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    @invariant()
    def nothing_failed(self) -> None:
        """Expect that nobody was refused something without a reason."""
        for failure in self.failures:
            failure.raiseException()

    @invariant()
    def what_is_accepted_is_whole(self) -> None:
        """Expect that all manifests are there with all that they name."""
        for key in self.now(_all_keys(self.store, keys.REPOSITORIES)):
            kind = recognize(key)
            if isinstance(kind, Link) and kind.role == "revision":
                self.check_whole(kind.repository, kind.digest)

    def check_whole(self, name: RepositoryName, digest: Digest) -> None:
        """Expect that a manifest is there, and what it names."""
        data = self.now(self.store.get(keys.blob(digest), 1 << 20))
        manifest = parse_manifest(data, None)
        for each in manifest.blobs:
            self.now(self.store.stat(keys.layer_link(name, each.digest)))
            self.now(self.store.stat(keys.blob(each.digest)))
        if not self.deletions:  # else the image may go after the index is accepted
            for each in manifest.children:
                self.now(self.store.stat(keys.revision_link(name, each.digest)))

    def now(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what some work on the store itself comes to."""
        return self.case.successResultOf(Deferred.fromCoroutine(work))

    def teardown(self) -> None:
        """Let all end, and collect: then nothing is left that nobody needs."""
        if not hasattr(self, "running"):
            return
        try:
            self.finish()
            self.nothing_failed()
            for _ in range(self.quiet):
                self.start(self._collect(0))
                self.finish()
                self.clock.advance(FLOOR)
            self.nothing_failed()
            self.what_is_accepted_is_whole()
            self.assert_clean()
        finally:
            self.case.doCleanups()

    def finish(self) -> None:
        """Let all that was begun come to its end."""
        for count in range(200_000):
            if not self.running:
                return
            if self.steps.waiting:
                self.steps.do(0)
            else:
                self.clock.advance(0 if count % 2 else 0.5)
        raise AssertionError(self.running)

    def assert_clean(self) -> None:
        """Expect that only what is needed is left."""
        needed: set[Key] = set()
        found = self.now(_all_keys(self.store, keys.ROOT))
        for key in found:
            kind = recognize(key)
            if isinstance(kind, TagLink):
                needed |= self.kept_by(key)
            if isinstance(kind, Link) and kind.role == "revision":
                data = self.now(self.store.get(keys.blob(kind.digest), 1 << 20))
                needed |= {key, keys.blob(kind.digest)}
                for each in parse_manifest(data, None).blobs:
                    needed.add(keys.blob(each.digest))
                    needed.add(keys.layer_link(kind.repository, each.digest))
        left = [
            key for key in found if key not in needed and "/_manifests/tags/" not in key
        ]
        assert not left, left

    def kept_by(self, tag: Key) -> set[Key]:
        """Give the content that a tag keeps, though its manifest was deleted.

        That happens where one client deletes what another one is tagging.
        """
        waiting = [Digest.parse(self.now(self.store.get(tag, 256)).decode())]
        found: set[Key] = set()
        while waiting:
            key = keys.blob(waiting.pop())
            try:
                manifest = parse_manifest(self.now(_read(self.store, key)), None)
            except ManifestInvalid:
                continue
            found.add(key)
            found.update(keys.blob(each.digest) for each in manifest.blobs)
            waiting += [each.digest for each in manifest.children]
        return found


class FilesMachine(CollectionMachine):
    """The same on local files."""

    files = True


class _Late(Exception):
    """A client took longer than the floor, or somebody deleted what it pushed."""


async def _read(store: IObjectStore, key: Key) -> bytes:
    """Read content; nothing, where there is none."""
    try:
        return await store.get(key, 1 << 20)
    except NotFound:
        return b""


async def _all_keys(store: IObjectStore, prefix: str) -> list[Key]:
    page = await store.list(prefix, limit=100_000)
    return [Key(name) for name in page.names]


def run_machine(
    machine: type[CollectionMachine], examples: int, rules: int = 40
) -> None:
    """Try histories, and tell how many steps they had."""
    Steps.total = 0
    machine.TestCase.settings = settings(
        max_examples=examples, stateful_step_count=rules
    )
    machine.TestCase("runTest").runTest()
    tell(f"{machine.__name__}: {Steps.total} steps tried, in any order")


class MachineTests(SynchronousTestCase):
    def test_memory(self) -> None:
        run_machine(CollectionMachine, 60)

    def test_files(self) -> None:
        run_machine(FilesMachine, 20)
