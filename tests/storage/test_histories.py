"""Stores against a dictionary, through any history of calls."""

import shutil
import tempfile
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contracts.keyspace import grouped, listed
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore, Key, NotFound
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import BytesReader
from txregistry.tasks import at_once

KEYS = st.sampled_from(
    [Key(f"k/{name}/link") for name in ("a", "a-b", "a.b", "a/b", "b/c/d")]
)
AREAS = st.sampled_from([Key("k/a/data"), Key("k/up/data")])
DATA = st.binary(max_size=6)


def now(work: Any) -> Any:
    """Give what some work comes to, or raise what it fails with."""
    found: list[Any] = []
    failed: list[Any] = []
    _ = Deferred.fromCoroutine(work).addCallbacks(found.append, failed.append)
    for failure in failed:
        failure.raiseException()
    return found[0]


class MemoryHistory(RuleBasedStateMachine):
    """Call a store, and a dictionary, and compare."""

    store: IObjectStore

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[Key, bytes] = {}
        self.staged: dict[Key, bytes] = {}

    @initialize()
    def begin(self) -> None:
        """Make an empty store."""
        self.store = MemoryObjectStore(Clock())

    @rule(key=KEYS, data=DATA)
    def put(self, key: Key, data: bytes) -> None:
        """Write."""
        assert now(self.store.put(key, data))
        self.objects[key] = data

    @rule(key=KEYS, data=DATA)
    def put_if_absent(self, key: Key, data: bytes) -> None:
        """Write what is absent."""
        written = now(self.store.put(key, data, if_absent=True))
        assert written == (key not in self.objects)
        self.objects.setdefault(key, data)

    @rule(keys=st.lists(KEYS, max_size=4))
    def delete(self, keys: list[Key]) -> None:
        """Delete."""
        now(self.store.delete(keys))
        for key in keys:
            self.objects.pop(key, None)

    @rule(area=AREAS, data=DATA)
    def append(self, area: Key, data: bytes) -> None:
        """Append to a staging area."""
        work = self.store.stage(area).append(BytesReader(data), lambda _: None, None)
        self.staged[area] = self.staged.get(area, b"") + data
        assert now(work) == len(self.staged[area])

    @precondition(lambda self: self.staged)
    @rule(area=AREAS, key=KEYS)
    def commit(self, area: Key, key: Key) -> None:
        """Make an object of what is staged."""
        try:
            now(self.store.stage(area).commit(key))
        except NotFound:
            assert area not in self.staged
        else:
            self.objects[key] = self.staged[area]

    @rule(area=AREAS)
    def discard(self, area: Key) -> None:
        """Forget what is staged."""
        now(self.store.stage(area).discard())
        self.staged.pop(area, None)

    @invariant()
    def objects_are_as_written(self) -> None:
        """Compare every object."""
        for key, data in self.objects.items():
            assert now(self.store.get(key, 99)) == data

    @invariant()
    def staged_is_as_appended(self) -> None:
        """Compare every staging area."""
        for key, data in self.staged.items():
            area = self.store.stage(key)
            assert now(area.size()) == len(data)
            assert now(now(area.open(0, 99)).read(99)) == data

    @invariant()
    def listings_are_complete(self) -> None:
        """Compare listings: with groups and without."""
        everything = [*self.objects, *self.staged]
        for prefix in ("k/", "k/a/"):
            page = now(self.store.list(prefix, limit=99))
            assert list(page.names) == listed(everything, prefix)
            page = now(self.store.list(prefix, limit=99, delimiter=True))
            assert list(page.names) == grouped(everything, prefix)


class FilesystemHistory(MemoryHistory):
    """Likewise, with files, and restarts in between."""

    @initialize()
    def begin(self) -> None:
        """Make an empty folder."""
        self.root = tempfile.mkdtemp(prefix="txregistry-")
        self.restart()

    @rule()
    def restart(self) -> None:
        """Open the same folder anew."""
        self.store = FilesystemObjectStore(self.root, ".scratch", at_once, {})

    def teardown(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.root)


class HistoryTests(SynchronousTestCase):
    def run_history(self, machine: type[MemoryHistory]) -> None:
        case = machine.TestCase
        case.settings = settings(max_examples=25, stateful_step_count=20)
        case("runTest").runTest()

    def test_memory(self) -> None:
        self.run_history(MemoryHistory)

    def test_files(self) -> None:
        self.run_history(FilesystemHistory)
