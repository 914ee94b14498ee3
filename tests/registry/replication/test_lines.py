"""Tests of ``txregistry/registry/replication/lines.py``: when it is tried again."""

from itertools import pairwise
from typing import Any

from twisted.logger import LogLevel, capturedLogs

from tests.registry.content import image
from tests.registry.faulty import FaultyStore
from tests.registry.replication import case
from tests.registry.replication.case import APP, IMAGE, OTHER, RULE, V1, V2
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable

DOWN = UpstreamUnavailable("x", "is not there")
REFUSED = UpstreamRefused("x", "does not let us have this")
WRONG = UpstreamWrong("x", "answered 400")
HOUR = 3600.0
DAY = 24 * HOUR


class TryingTests(case.ReplicationCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def fail_with(self, fault: UpstreamFault | None) -> None:
        """Let everything fail there, or nothing."""
        self.downstream.fault = fault

    def tries(self, seconds: float) -> list[float]:
        """Give the moments at which something is asked, within some seconds."""
        found, began = [], self.clock.seconds()
        self.downstream.take()
        while self.clock.seconds() < began + seconds:
            self.pass_(5)
            if self.downstream.take():
                found.append(self.clock.seconds() - began)
        return found

    def test_what_is_down_is_tried_more_and_more_seldom(self) -> None:
        self.fail_with(DOWN)
        self.push_tag()
        self.pass_()
        found = self.tries(HOUR)
        pauses = [b - a for a, b in pairwise(found)]
        self.assertEqual(pauses[:4], [20, 40, 80, 160])
        self.assertEqual(set(pauses[7:]), {600})
        self.assertEqual(self.jobs(), ["vendor/app/_tags/v1"])

    def test_it_is_done_when_that_ends(self) -> None:
        self.fail_with(DOWN)
        self.push_tag()
        self.pass_(DAY)
        self.fail_with(None)
        self.pass_(HOUR)
        self.assert_there(IMAGE, V1)
        self.assert_done()
        self.assertIsNone(self.status().fault)

    def test_who_refuses_is_asked_much_later(self) -> None:
        self.fail_with(REFUSED)
        self.push_tag()
        self.pass_()
        found = self.tries(DAY)
        self.assertEqual(found[:3], [600, 1800, 4200])
        self.assertLess(len(found), 10)
        self.fail_with(None)
        self.pass_(DAY)
        self.assert_done()

    def test_who_is_wrong_is_asked_later(self) -> None:
        self.fail_with(WRONG)
        self.push_tag()
        self.pass_()
        self.assertEqual(self.tries(900), [60, 180, 420, 900])

    def test_who_says_how_long_is_heard(self) -> None:
        self.fail_with(UpstreamUnavailable("x", "is busy", 500.0))
        self.push_tag()
        self.pass_()
        self.assertEqual(self.tries(1200), [500, 1000])

    def test_nobody_can_have_us_wait_for_ever(self) -> None:
        self.fail_with(UpstreamUnavailable("x", "is busy", 1e9))
        self.push_tag()
        self.pass_()
        self.assertEqual(self.tries(2 * HOUR), [HOUR, 2 * HOUR])

    def test_one_is_tried_where_many_wait(self) -> None:
        self.fail_with(DOWN)
        for number in range(20):
            self.push_tag(Tag(f"v{number}"))
        self.pass_(DAY)
        self.downstream.take()
        self.pass_(HOUR)
        self.assertLess(len(self.downstream.take()), 15)
        self.fail_with(None)
        self.pass_(HOUR)
        self.assert_done()

    def test_others_do_not_wait_for_what_is_wrong(self) -> None:
        bad = RepositoryName("bad/app")

        def failing(what: str) -> UpstreamFault | None:
            del what
            return WRONG if self.downstream.asked[-1][1] == "bad/app" else None

        self.downstream.failing = failing
        self.push_tag(name=bad)
        for number in range(20):
            self.push_tag(Tag(f"v{number}"))
        self.pass_(60)
        self.assertEqual(self.jobs(), ["bad/app/_tags/v1"])
        self.assertEqual(self.status().waiting, 1)

    def test_each_step_may_fail(self) -> None:
        steps = (
            "head", "has", "push", "put", "head done", "has done", "push done",
            "put done", "mount", "mount done",
        )  # fmt: skip
        self.push_tag(V1, OTHER)
        self.pass_()
        for number, step in enumerate(steps):
            data = image(config=str(number).encode(), layers=(b"another layer",))
            name = RepositoryName(f"vendor/app{number}")
            self.push_blob(str(number).encode(), name)
            left = [2]

            def failing(what: str, step: str = step, left: list[int] = left) -> Any:
                if what == step and left[0]:
                    left[0] -= 1
                    return DOWN
                return None

            self.downstream.failing = failing
            self.push_tag(V1, data, name)
            self.pass_(2 * HOUR)
            self.assertLess(left[0], 2, step)
            self.assert_there(data, V1, name.text)
            self.assert_done()

    def test_so_many_at_a_time(self) -> None:
        self.downstream.steps = []
        for number in range(20):
            self.push_tag(Tag(f"v{number}"))
        self.pass_()
        self.assertEqual(len(self.downstream.steps), 4)
        self.assertEqual(self.status().working, 4)

    def test_push_in_the_middle_is_done_afterwards(self) -> None:
        steps = self.downstream.steps = []
        self.push_tag(V1, IMAGE)
        self.pass_()
        self.push_tag(V1, OTHER)
        self.assertEqual(len(self.jobs()), 1)  # the newer stands for the older
        self.downstream.steps = None
        steps.pop().passed.callback(None)
        self.pass_()
        self.assert_there(OTHER, V1)
        self.assert_done()

    def test_mistake_of_ours_ends_nothing(self) -> None:
        self.fail_with(None)
        left = [1]

        def failing(what: str) -> UpstreamFault | None:
            del what
            if left[0]:
                left[0] -= 1
                raise KeyError("x")
            return None

        self.downstream.failing = failing
        self.push_tag()
        self.pass_()
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.pass_(60)
        self.assert_there(IMAGE, V1)
        self.assert_done()


class TellingTests(case.ReplicationCase):
    def logged(self, seconds: float = 0.0) -> list[tuple[Any, str]]:
        """Give what is logged while it is replicated."""
        with capturedLogs() as events:
            self.start()
            self.pass_(seconds)
        return [
            (each["log_level"], each["log_format"].format(**each))
            for each in events
            if each.get("log_namespace", "").startswith("txregistry.registry.repl")
        ]

    def test_what_is_done_is_told(self) -> None:
        self.push_tag()
        [(level, text)] = self.logged()
        self.assertEqual(level, LogLevel.info)
        self.assertEqual(
            text,
            f"Replicated vendor/app:v1 ({Digest.of(IMAGE)}) to sponsor.example in "
            "0.0 s",
        )

    def test_what_waits_is_told_with_why_and_for_how_long(self) -> None:
        self.downstream.fault = DOWN
        self.push_tag()
        [(level, text)] = self.logged()
        self.assertEqual(level, LogLevel.info)
        self.assertEqual(
            text,
            "Replicating vendor/app:v1 to sponsor.example waits, for 10 s at least: "
            "The registry sponsor.example is not there.",
        )

    def test_who_has_to_be_looked_after_is_told_of_loudly(self) -> None:
        for fault in (REFUSED, WRONG):
            self.downstream.fault = fault
            self.push_tag()
            [(level, _)] = self.logged()
            self.assertEqual(level, LogLevel.error)
            self.assertTrue(self.status().is_loud)
            self.end()
            self.replication = self.make_replication()

    def test_what_is_given_up_is_told_of_loudly(self) -> None:
        self.push_tag()
        self.result(self.registry.manifests.forget(APP, Digest.of(IMAGE)))
        first, second = self.logged(60)
        self.assertEqual(first[0], LogLevel.info)
        self.assertEqual(second[0], LogLevel.error)
        self.assertIn("vendor/app:v1 is not replicated to", second[1])

    def test_tag_that_was_deleted_is_told_of(self) -> None:
        self.push_tag()
        self.result(self.registry.acceptance.delete(APP, V1))
        [(level, text)] = self.logged()
        self.assertEqual(level, LogLevel.info)
        self.assertIn("no such tag any more", text)

    def test_jobs_of_no_rule_are_told_of(self) -> None:
        self.put(keys.job("old", APP, V1, f"{0:016x}-{0:016x}"), b"x")
        [(level, text)] = self.logged()
        self.assertEqual(level, LogLevel.warn)
        self.assertIn("by the rule old,", text)
        self.assertEqual(len(self.keys(keys.jobs())), 1)

    def test_status(self) -> None:
        self.downstream.fault = DOWN
        self.push_tag(V1)
        self.push_tag(V2)
        self.start()
        self.pass_(30)
        found = self.status()
        self.assertEqual((found.rule, found.downstream), (RULE, "sponsor.example"))
        self.assertEqual((found.waiting, found.more, found.working), (2, False, 0))
        self.assertEqual(found.oldest, 30)
        self.assertEqual(found.fault, "The registry sponsor.example is not there.")
        self.assertFalse(found.is_loud)
        self.assertGreater(found.pause, 0)


class StoreTests(case.ReplicationCase):
    """Our own store fails at times."""

    store: FaultyStore

    def make_store(self) -> IObjectStore:
        return FaultyStore(self.clock)

    def test_what_cannot_be_noted_is_not_pushed(self) -> None:
        self.push_tag()
        self.store.fail_before(1, kills=False)
        self.fails(StorageUnavailable, self.replication.note(APP, V1, Digest.of(IMAGE)))

    def test_job_that_cannot_be_removed_is_done_again(self) -> None:
        self.push_tag()
        for write in (1, 2, 3):
            self.push_tag(V1, (IMAGE, OTHER)[write % 2])
            self.store.fail_before(write, kills=False)
            self.restart()
            self.pass_(HOUR)
            self.store.heal()
            self.pass_(HOUR)
            self.assert_there((IMAGE, OTHER)[write % 2], V1)
            self.assert_done()

    def test_store_that_cannot_be_listed(self) -> None:
        self.push_tag()
        listing, left = self.store.list, [3]

        async def fail(*args: Any, **others: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise StorageUnavailable("for a moment")
            return await listing(*args, **others)

        self.store.list = fail  # type: ignore[method-assign]  # of this one store
        self.restart()
        self.pass_(HOUR)
        self.assert_there(IMAGE, V1)
        self.assert_done()
