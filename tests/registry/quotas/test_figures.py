"""Tests of ``txregistry/registry/quotas/figures.py``: several processes, one store."""

import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.registry.faulty import FaultyStore
from txregistry.registry.quotas.counts import (
    Count,
    Usage,
    read_additions,
    read_count,
    write_additions,
    write_count,
)
from txregistry.registry.quotas.figures import FRESH, Figures
from txregistry.storage import keys
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.kinds import Scratch, recognize
from txregistry.storage.memory import MemoryObjectStore

T = TypeVar("T")

TEAM = "team/**"
USAGE = st.builds(Usage, st.integers(-9, 9), st.integers(-9, 9))
HOSTILE = (
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"number": -1}',
    b'{"number": 1e400}',
    b'{"number": 99999999999999999999}',
    b'{"number": "7"}',
    b'{"quotas": {"team/**": {"bytes": 99999999999999999999}}}',
    b'{"quotas": {"team/**": 7}}',
    b'{"quotas": ' * 2000,
    b" " * (5 << 20),
)


def now(work: Coroutine[Any, Any, T]) -> T:
    """Give what some work comes to that does not wait."""
    found: list[T] = []
    _ = Deferred.fromCoroutine(work).addCallback(found.append)
    return found[0]


class CountTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = MemoryObjectStore(Clock())

    @given(st.dictionaries(st.text(max_size=9), USAGE, max_size=4))
    def test_what_is_written_is_read(self, quotas: dict[str, Usage]) -> None:
        count = Count(7, 8, quotas)
        now(write_count(self.store, count))
        self.assertEqual(now(read_count(self.store)), count)
        now(write_additions(self.store, "a", {8: quotas}))
        place = keys.quota_addition("a")
        self.assertEqual(now(read_additions(self.store)), {place: {8: quotas}})

    def test_nothing_is_counted_at_first(self) -> None:
        self.assertEqual(now(read_count(self.store)), Count())

    def test_what_cannot_be_understood_is_nothing(self) -> None:
        for data in HOSTILE:
            now(self.store.put(keys.quota_count(), data))
            now(self.store.put(keys.quota_addition("a"), data))
            self.assertEqual(now(read_count(self.store)), Count())
            additions = now(read_additions(self.store))
            self.assertEqual(additions, {keys.quota_addition("a"): {}})

    def test_hostile_additions_never_make_less_than_nothing(self) -> None:
        usage = {TEAM: {"bytes": -(2**50), "tags": -(2**50)}}
        document = json.dumps({"1": usage}).encode()
        now(self.store.put(keys.quota_addition("a"), document))
        figures = Figures(self.store, Clock(), "b")
        now(figures.refresh())
        self.assertEqual(figures.used(TEAM), Usage(0, 0))

    def test_nobody_else_cares_for_them(self) -> None:
        for key in (keys.quota_count(), keys.quota_addition("a")):
            self.assertEqual(recognize(key), Scratch())


class FiguresTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = FaultyStore(self.clock)
        self.first = Figures(self.store, self.clock, "first")
        self.second = Figures(self.store, self.clock, "second")

    def test_others_know_after_a_while(self) -> None:
        now(self.second.refresh())
        self.first.add(TEAM, Usage(5, 1))
        self.assertEqual(self.first.used(TEAM), Usage(5, 1))
        now(self.first.flush())
        now(self.second.refresh())
        self.assertEqual(self.second.used(TEAM), Usage())
        self.clock.advance(FRESH)
        now(self.second.refresh())
        self.assertEqual(self.second.used(TEAM), Usage(5, 1))
        self.assertEqual(self.first.used(TEAM), Usage(5, 1))

    def test_what_a_process_let_in_outlives_it(self) -> None:
        self.first.add(TEAM, Usage(5, 1))
        now(self.first.flush())
        again = Figures(self.store, self.clock, "again")
        now(again.refresh())
        self.assertEqual(again.used(TEAM), Usage(5, 1))

    def test_what_commands_let_in_is_added_to_few_documents(self) -> None:
        for _ in range(40):
            command = Figures(self.store, self.clock, None)
            command.add(TEAM, Usage(5, 1))
            now(command.flush())
            self.clock.advance(FRESH)
        page = now(self.store.list(keys.quota_additions(), limit=99))
        self.assertLessEqual(len(page.names), 8)
        now(self.first.refresh())
        self.assertEqual(self.first.used(TEAM), Usage(200, 40))

    def test_a_command_knows_what_it_let_in(self) -> None:
        command = Figures(self.store, self.clock, None)
        for number in range(1, 4):
            command.add(TEAM, Usage(5, 1))
            self.assertEqual(command.used(TEAM), Usage(5 * number, number))
            now(command.flush())
            self.assertEqual(command.used(TEAM), Usage(5 * number, number))
        command.add(TEAM, Usage(5, 1))
        self.store.fail_before(1, kills=False)
        with self.assertRaises(StorageUnavailable):
            self.failureResultOf(
                Deferred.fromCoroutine(command.flush())
            ).raiseException()
        self.assertEqual(command.used(TEAM), Usage(20, 4))

    def test_a_store_that_fails_leaves_what_was_known(self) -> None:
        self.first.add(TEAM, Usage(5, 1))
        self.store.fail_before(1, kills=False)
        with self.assertRaises(StorageUnavailable):
            self.failureResultOf(
                Deferred.fromCoroutine(self.first.flush())
            ).raiseException()
        self.assertEqual(self.first.used(TEAM), Usage(5, 1))
        self.store.heal()
        now(self.first.flush())
        now(self.second.refresh())
        self.assertEqual(self.second.used(TEAM), Usage(5, 1))

    def test_nothing_is_written_where_nothing_was_let_in(self) -> None:
        now(self.first.refresh())
        now(self.first.flush())
        self.assertEqual(now(self.store.list("docker/", limit=9)).names, ())

    def test_the_store_is_asked_now_and_then(self) -> None:
        now(write_count(self.store, Count(1, 1, {TEAM: Usage(1)})))
        self.assertTrue(now(self.first.refresh()))
        now(write_count(self.store, Count(2, 2, {TEAM: Usage(2)})))
        self.assertFalse(now(self.first.refresh()))
        self.assertEqual(self.first.used(TEAM), Usage(1))
        self.clock.advance(FRESH)
        self.assertTrue(now(self.first.refresh()))
        self.assertEqual(self.first.used(TEAM), Usage(2))


class Counted(RuleBasedStateMachine):
    """Processes let in and tell each other, while somebody counts time and again.

    Nothing is ever missing that all have told, whatever is in which count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = MemoryObjectStore(self.clock)
        self.nodes = [Figures(self.store, self.clock, f"{each}") for each in range(3)]
        self.there = 0
        self.begun: int | None = None
        self.seen: int | None = None

    @rule(node=st.integers(0, 2), size=st.integers(1, 9))
    def let_in(self, node: int, size: int) -> None:
        """Let something in."""
        self.there += size
        self.nodes[node].add(TEAM, Usage(size))

    @rule(node=st.integers(0, 2))
    def tell(self, node: int) -> None:
        """Tell others, and hear what they say."""
        now(self.nodes[node].flush())
        self.clock.advance(FRESH)
        now(self.nodes[node].refresh())

    @rule(node=st.integers(0, 2))
    def restart(self, node: int) -> None:
        """End a process in good order, and begin another."""
        now(self.nodes[node].flush())
        again = Figures(self.store, self.clock, f"{self.clock.seconds()}-{node}")
        self.nodes[node] = again
        self.clock.advance(FRESH)

    @rule()
    def begin(self) -> None:
        """Begin to count."""
        if self.begun is None:
            count = now(read_count(self.store))
            self.begun = count.begun + 1
            now(write_count(self.store, Count(count.number, self.begun, count.quotas)))

    @rule()
    def look(self) -> None:
        """See what is there: what is let in afterwards is not in the count."""
        if self.begun is not None and self.seen is None:
            self.seen = self.there

    @rule()
    def end(self) -> None:
        """End to count."""
        if self.begun is not None and self.seen is not None:
            quotas = {TEAM: Usage(self.seen)}
            now(write_count(self.store, Count(self.begun, self.begun, quotas)))
            self.begun = self.seen = None

    @invariant()
    def nothing_is_missing(self) -> None:
        """What all have told is known to all; a count in peace is exact."""
        for node in self.nodes:
            now(node.flush())
        for node in self.nodes:
            self.clock.advance(FRESH)
            now(node.refresh())
            assert node.used(TEAM).bytes >= self.there


class PeacefulTests(SynchronousTestCase):
    def test_processes_and_counts_in_any_order(self) -> None:
        run_state_machine_as_test(Counted)

    def test_a_count_in_peace_is_exact(self) -> None:
        machine = Counted()
        for node in range(3):
            machine.let_in(node, 5)
            machine.tell(node)
        machine.begin()
        machine.let_in(0, 7)
        machine.look()
        machine.end()
        machine.nothing_is_missing()
        # What came while somebody counted may be counted twice, until the next count.
        self.assertEqual(machine.nodes[1].used(TEAM), Usage(15 + 7 + 7))
        machine.begin()
        machine.look()
        machine.end()
        machine.nothing_is_missing()
        self.assertEqual(machine.nodes[1].used(TEAM), Usage(15 + 7))
