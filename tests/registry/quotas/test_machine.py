"""Quotas while everything else happens: nothing is exceeded, and counts are exact."""

import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.registry.case import chunk
from tests.registry.collection.case import FLOOR
from tests.registry.content import image
from txregistry.model.digest import Digest
from txregistry.model.errors import RegistryError
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.collection.collector import Collector
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.quotas.figures import FRESH
from txregistry.registry.quotas.rules import Quota, QuotaRules
from txregistry.registry.quotas.tally import Tallying
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.interfaces import Key
from txregistry.storage.kinds import Link, TagLink, recognize
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once

T = TypeVar("T")

NAMES: Final = tuple(map(RepositoryName, ("team/a", "team/b", "other")))
LAYERS: Final = tuple(
    letter * size for letter, size in ((b"a", 9), (b"b", 300), (b"c", 700))
)
TAGS: Final = tuple(map(Tag, ("v1", "v2", "v3")))
QUOTAS: Final = (Quota(("team/*",), 1300, 2), Quota(("team/b", "other"), 800, 1))

names = st.sampled_from(NAMES)
layers = st.sampled_from(LAYERS)
tags = st.sampled_from(TAGS)


class Machine(RuleBasedStateMachine):
    """Push, mount, delete and collect at random, with one process."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.store = MemoryObjectStore(self.clock)
        self.quotas = QuotaRules(QUOTAS)
        bare = Registry(self.store, self.clock, at_once, floor=None)
        self.collector = Collector(
            bare,
            at_once,
            FLOOR,
            "owner",
            Contents(bare.store, at_once),
            KeepingAll(),
            tallying=Tallying(bare.store, self.quotas, self.clock, at_once),
        )
        self.registry = self.make_registry()

    def make_registry(self) -> Registry:
        """Begin a process."""
        return Registry(self.store, self.clock, at_once, floor=FLOOR, quotas=QUOTAS)

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to."""
        done = Deferred.fromCoroutine(work)
        while not done.called:
            self.clock.advance(0.25)
        found: list[T | Failure] = []
        _ = done.addBoth(found.append)
        (outcome,) = found
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def used(self) -> list[tuple[int, int]]:
        """Say how much is used of each quota, as far as is known."""
        self.clock.advance(FRESH)
        uses = self.result(self.registry.quotas.uses())
        return [(use.usage.bytes, use.usage.tags) for use in uses]

    def attempt(self, work: Coroutine[Any, Any, object]) -> None:
        """Do something that may be refused."""
        with contextlib.suppress(RegistryError):
            self.result(work)

    @rule(name=names, data=layers)
    def push_blob(self, name: RepositoryName, data: bytes) -> None:
        """Push a blob."""
        uploads = self.registry.uploads
        self.attempt(uploads.push(name, Digest.of(data), chunk(data)))

    @rule(name=names, source=names, data=layers)
    def mount(self, name: RepositoryName, source: RepositoryName, data: bytes) -> None:
        """Mount a blob."""
        self.attempt(self.registry.blobs.mount(name, Digest.of(data), source))

    @rule(name=names, data=layers, tag=tags)
    def push(self, name: RepositoryName, data: bytes, tag: Tag) -> None:
        """Push a small manifest, if its layer is there."""
        manifest = image(config=data, layers=())
        self.attempt(self.registry.acceptance.push(name, tag, manifest, None))

    @rule(name=names, tag=tags)
    def untag(self, name: RepositoryName, tag: Tag) -> None:
        """Remove a tag."""
        self.attempt(self.registry.acceptance.delete(name, tag))

    @rule(name=names, data=layers)
    def delete(self, name: RepositoryName, data: bytes) -> None:
        """Delete a manifest, with its tags."""
        manifest = image(config=data, layers=())
        work = self.registry.acceptance.delete(name, Digest.of(manifest))
        self.attempt(work)

    @rule(name=names)
    def remove(self, name: RepositoryName) -> None:
        """Remove a repository."""
        self.attempt(self.registry.removal.delete(name))

    @rule()
    def restart(self) -> None:
        """Begin another process, when the first has ended in good order."""
        self.result(self.registry.quotas.flush())
        self.registry = self.make_registry()

    @rule()
    def collect(self) -> None:
        """Do a round, after which all is known exactly."""
        self.result(self.registry.quotas.flush())
        self.result(self.collector.collect())
        assert self.used() == self.there()

    @rule()
    def collect_all(self) -> None:
        """Remove what nobody needs."""
        for _ in range(3):
            self.collect()
            self.clock.advance(FLOOR)

    def keys(self) -> Sequence[str]:
        """List what repositories have."""
        return self.result(self.store.list(keys.REPOSITORIES, limit=10_000)).names

    def there(self) -> list[tuple[int, int]]:
        """Say what quotas are about, by looking at everything."""
        held: list[set[Key]] = [set() for _ in QUOTAS]
        tagged = [0 for _ in QUOTAS]
        for key in self.keys():
            match recognize(key):
                case Link(name, "layer" | "revision", digest):
                    for place in self.quotas.about(name):
                        held[place].add(keys.blob(digest))
                case TagLink(name):
                    for place in self.quotas.about(name):
                        tagged[place] += 1
                case _:
                    continue
        return [
            (sum(map(self.size, blobs)), count)
            for blobs, count in zip(held, tagged, strict=True)
        ]

    def size(self, key: Key) -> int:
        """Say how many bytes a blob has."""
        return len(self.result(self.store.get(key, 9999)))

    @invariant()
    def nothing_is_exceeded(self) -> None:
        """What is there is known, and never too much; of tags how many exactly."""
        used = self.used()
        for quota, (size, count), known in zip(QUOTAS, self.there(), used, strict=True):
            assert size <= known[0], (quota, size, known)
            assert count == known[1], (quota, count, known)
            assert size <= (quota.size or 0)
            assert count <= (quota.tags or 0)


class MachineTests(SynchronousTestCase):
    def test_in_any_order(self) -> None:
        run_state_machine_as_test(
            Machine, settings=settings(max_examples=40, stateful_step_count=40)
        )
