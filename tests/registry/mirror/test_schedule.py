"""Tests of ``txregistry/registry/mirror/schedule.py``."""

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from tests.registry.content import CONFIG, LAYER, numbered
from tests.registry.mirror import case
from tests.registry.mirror.case import NAME, REMOTE
from tests.registry.mirror.played import PlayedUpstream
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.model.digest import Digest
from txregistry.model.durations import Duration
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.mirror import schedule
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.registry.mirror.schedule import MirrorSchedule, Plan
from txregistry.registry.mirror.warming import Warming
from txregistry.registry.repositories import Registry
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.tasks import at_once

HOUR = Duration(3600)  # as the settings have it
DOWN = UpstreamUnavailable("other.example", "is down")


class ScheduleCase(case.MirrorCase):
    def setUp(self) -> None:
        super().setUp()
        for data in (CONFIG, LAYER):
            self.upstream.add_blob(REMOTE, data)
        for number in range(3):
            self.upstream.add(REMOTE, numbered(number), f"3.{number}")
        self.upstream.add(REMOTE, numbered(9), "4.0")

    def plan(
        self,
        *repositories: str,
        tags: Iterable[str] = ("3.*",),
        platforms: Iterable[str] = (),
        every: float = HOUR,
        registry: Registry | None = None,
    ) -> Plan:
        """Plan to fetch images."""
        rule = (registry or self.registry).mirror.rules.find(NAME)
        assert rule is not None
        names = repositories or (REMOTE,)
        return Plan(rule, names, tuple(tags), tuple(platforms), every)

    def make_schedule(
        self, *plans: Plan, registry: Registry | None = None, chance: float = 0.5
    ) -> MirrorSchedule:
        """Make what fetches them."""
        made = registry or self.registry

        def warming(platforms: Any) -> Warming:
            return Warming(made.mirror, made.referrers, at_once, platforms=platforms)

        found = MirrorSchedule(
            plans or (self.plan(registry=made),),
            made.mirror.rules,
            made.catalog,
            self.store,
            warming,
            self.clock,
            lambda: chance,
        )
        self.addCleanup(found.stop)
        return found

    def start(self, *plans: Plan, **more: Any) -> MirrorSchedule:
        """Let it begin."""
        found = self.make_schedule(*plans, **more)
        found.start()
        return found

    def wait(self, seconds: float) -> None:
        """Let some time pass."""
        self.clock.advance(seconds)
        for _ in range(1000):
            self.clock.advance(0)

    def asked(self) -> int:
        """Say how often the other registry was asked."""
        return len(self.upstream.take())


class TimeTests(ScheduleCase):
    def test_nothing_is_contacted_at_the_start(self) -> None:
        self.start()
        self.wait(HOUR / 2 - 1)
        self.assertEqual(self.asked(), 0)
        self.wait(1)
        self.assertEqual(self.tags(NAME), ["3.0", "3.1", "3.2"])

    def test_time_and_again(self) -> None:
        self.start()
        self.wait(HOUR / 2)
        self.asked()
        self.upstream.add(REMOTE, numbered(3), "3.3")
        self.wait(HOUR - 1)
        self.assertEqual(self.asked(), 0)
        self.wait(1)
        self.assertIn("3.3", self.tags(NAME))

    def test_the_last_turn_is_remembered(self) -> None:
        self.start().stop()
        self.start()
        self.wait(HOUR / 2)
        self.asked()
        self.wait(1000)
        self.start(registry=self.make_registry())
        self.wait(HOUR - 1001)
        self.assertEqual(self.asked(), 0)
        self.wait(2)
        self.assertGreater(self.asked(), 0)

    def test_a_turn_that_was_missed_is_made_up_for_soon(self) -> None:
        self.start().stop()
        first = self.start()
        self.wait(HOUR / 2)
        first.stop()
        self.wait(30 * HOUR)
        self.asked()
        self.start(registry=self.make_registry())
        self.wait(299)
        self.assertEqual(self.asked(), 0)
        self.wait(1)
        self.assertGreater(self.asked(), 0)

    def test_a_time_to_come_is_now(self) -> None:
        self.start()
        self.wait(HOUR / 2)
        (key,) = self.keys("docker/registry/txregistry/mirror/")
        self.put(key, b"999999999999")
        self.asked()
        self.start(registry=self.make_registry())
        self.wait(HOUR)
        self.assertGreater(self.asked(), 0)

    def test_after_its_stop_nothing_is_fetched(self) -> None:
        started = self.start()
        self.wait(10)
        started.stop()
        self.wait(10 * HOUR)
        self.assertEqual(self.asked(), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_its_stop_breaks_off_what_is_fetched(self) -> None:
        started = self.start()
        waiting: Deferred[None] = Deferred()
        self.upstream.waiting = waiting
        self.wait(HOUR / 2)
        self.assertEqual(self.asked(), 1)
        started.stop()
        self.upstream.waiting = None
        waiting.callback(None)
        self.wait(10 * HOUR)
        self.assertEqual(self.asked(), 0)

    def test_it_may_be_started_again(self) -> None:
        started = self.start()
        started.stop()
        started.start()
        self.wait(HOUR / 2)
        self.assertGreater(self.asked(), 0)

    def test_it_never_overlaps_with_itself(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.upstream.waiting = waiting
        self.start(self.plan(), self.plan(tags=["4.*"]))
        self.wait(10 * HOUR)
        self.assertEqual(self.asked(), 1)
        self.upstream.waiting = None
        waiting.callback(None)
        self.wait(1)
        self.assertEqual(self.tags(NAME), ["3.0", "3.1", "3.2", "4.0"])

    def test_its_files_are_none(self) -> None:
        self.successResultOf(self.make_schedule().reload())


class NodesTests(ScheduleCase):
    def test_a_turn_is_that_of_one_node(self) -> None:
        self.start(chance=0.5)
        self.start(registry=self.make_registry(), chance=0.5)
        self.start(registry=self.make_registry(), chance=0.7)
        for _ in range(5):
            self.wait(HOUR)
            lists = [each for each in self.upstream.take() if each[0] == "tags"]
            self.assertEqual(len({each[2] for each in lists}), len(lists))

    def test_when_one_is_gone_the_other_goes_on(self) -> None:
        first = self.start(chance=0.5)
        self.start(registry=self.make_registry(), chance=0.7)
        self.wait(HOUR)
        first.stop()
        self.asked()
        self.wait(2 * HOUR)
        self.assertGreater(self.asked(), 0)


class RepositoriesTests(ScheduleCase):
    def setUp(self) -> None:
        super().setUp()
        self.other = "team/web"
        for data in (CONFIG, LAYER):
            self.upstream.add_blob(self.other, data)
        self.upstream.add(self.other, numbered(5), "3.9", "old")

    def wished(self, plan: Plan) -> list[str]:
        """Say of which repositories images are fetched."""
        rules = self.registry.mirror.rules
        found = self.result(plan.wishes(rules, self.registry.catalog))
        return [str(each.name) for each in found]

    def test_names(self) -> None:
        found = self.wished(self.plan("team/app", "b/c", "team/app"))
        self.assertEqual(found, ["other/team/app", "other/b/c"])

    def test_patterns_mean_what_is_here(self) -> None:
        plan = self.plan("team/*")
        self.assertEqual(self.wished(plan), [])
        name = RepositoryName(f"other/{self.other}")
        self.result(self.registry.mirror.find_manifest(name, Tag("old")))
        self.assertEqual(self.wished(plan), ["other/team/web"])
        self.start(plan)
        self.wait(HOUR)
        self.assertEqual(self.tags(name), ["3.9", "old"])
        self.assertEqual(self.tags(NAME), [])

    def test_patterns_mean_those_of_the_other_registry(self) -> None:
        for name in ("a/x", "other-x/a", "other/a/b", "other/c", "other0/a", "z/c"):
            self.push_blobs(RepositoryName(name))
            work = self.registry.manifests.keep(
                RepositoryName(name), Digest.of(numbered(1)), numbered(1)
            )
            self.result(work)
        self.assertEqual(self.wished(self.plan("**")), ["other/a/b", "other/c"])
        self.assertEqual(self.wished(self.plan("*")), ["other/c"])
        self.assertEqual(self.wished(self.plan("a/*", "d")), ["other/d", "other/a/b"])

    def test_repositories_of_a_hub(self) -> None:
        rule = MirrorRule(PlayedUpstream("docker.io"), "hub/", library=True)
        plan = Plan(rule, ["alpine", "team/app"], ["3.*"], [], HOUR)
        found = self.result(plan.wishes(MirrorRules([rule]), self.registry.catalog))
        self.assertEqual(
            [str(each.name) for each in found], ["hub/library/alpine", "hub/team/app"]
        )

    def test_what_is_ours_alone_is_not_fetched(self) -> None:
        rule = MirrorRule(self.upstream)
        plan = Plan(rule, ["ours/a", "b"], ["3.*"], [], HOUR)
        rules = MirrorRules([rule], ["ours"])
        found = self.result(plan.wishes(rules, self.registry.catalog))
        self.assertEqual([str(each.name) for each in found], ["b"])

    def test_what_cannot_be_planned(self) -> None:
        mistakes: tuple[tuple[str, dict[str, Any], str], ...] = (
            ("a", {"tags": []}, "which tags"),
            ("a", {"tags": ["a b"]}, "'a b' is no pattern of tags"),
            ("a", {"platforms": ["linux"]}, "'linux' is no platform"),
            ("a", {"every": 0}, "some time apart"),
            ("A", {}, "'A' is no name"),
            ("a/***", {}, "'a/\\*\\*\\*'"),
        )
        for name, more, told in mistakes:
            with self.assertRaisesRegex(ValueError, told):
                self.plan(name, **more)


class LogTests(ScheduleCase):
    def logged(self, seconds: float) -> list[str]:
        """Say what is logged by it meanwhile."""
        with capturedLogs() as events:
            self.wait(seconds)
        found = [
            str(formatEvent(each))
            for each in events
            if each["log_namespace"].endswith("schedule.MirrorSchedule")
        ]
        self.flushLoggedErrors()
        return found

    def test_a_turn_is_a_line(self) -> None:
        self.start()
        (line,) = self.logged(HOUR / 2)
        size = len(CONFIG) + len(LAYER)
        self.assertEqual(
            line,
            f"Fetched ahead from other.example: 2 blobs, {size} bytes; 3 images are "
            "here, 0 are not",
        )
        (line,) = self.logged(HOUR)
        self.assertIn("0 blobs, 0 bytes; 3 images are here, 0 are not", line)

    def test_faults_are_told(self) -> None:
        self.upstream.fault = DOWN
        self.start()
        (line,) = self.logged(HOUR / 2)
        self.assertIn("0 images are here, 1 are not; other/team/app:3.*: The ", line)
        self.assertIn("is down", line)

    def test_some_faults_are_told(self) -> None:
        self.upstream.blobs.clear()
        for number in range(20):
            self.upstream.add(REMOTE, numbered(number), f"3.{number}")
        self.start()
        (line,) = self.logged(HOUR / 2)
        self.assertIn("20 are not", line)
        self.assertEqual(line.count("no such blob"), 5)

    def test_more_repositories_than_there_may_be(self) -> None:
        self.patch(schedule, "_MOST_REPOSITORIES", 1)
        self.start(self.plan(REMOTE, "b"))
        (line,) = self.logged(HOUR / 2)
        self.assertIn("3 images are here, 0 are not; the first 1 repositories", line)

    def test_a_store_that_fails_is_tried_again(self) -> None:
        fault = StorageUnavailable("the disk is gone")

        async def fail(*_: object, **__: object) -> None:
            raise fault

        broken = self.patch(self.store, "list", fail)
        self.start()
        (line,) = self.logged(HOUR / 2)
        self.assertIn("the disk is gone", line)
        broken.restore()
        self.assertEqual(len(self.logged(600)), 1)
        self.assertEqual(self.tags(NAME), ["3.0", "3.1", "3.2"])

    def test_a_store_that_fails_in_a_turn(self) -> None:
        async def fail(*_: object, **__: object) -> None:
            raise StorageUnavailable("the disk is gone")

        broken = self.patch(self.registry.manifests, "keep", fail)
        self.start()
        (line,) = self.logged(HOUR / 2)
        self.assertIn("it was broken off: the disk is gone", line)
        broken.restore()
        (line,) = self.logged(HOUR)
        self.assertIn("3 images are here", line)

    def test_a_defect_does_not_end_it(self) -> None:
        async def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        broken = self.patch(self.registry.manifests, "keep", fail)
        self.start()
        self.wait(HOUR / 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        broken.restore()
        (line,) = self.logged(HOUR)
        self.assertIn("3 images are here", line)
