"""Tests of ``txregistry/registry/replication/``: many jobs, and restarts."""

from typing import Any

from tests.registry.content import image
from tests.registry.replication import case
from tests.registry.replication.case import APP, IMAGE, V1
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.replication import lines
from txregistry.storage import keys

DOWN = UpstreamUnavailable("x", "is not there")
REFUSED = UpstreamRefused("x", "does not let us have this")
WRONG = UpstreamWrong("x", "answered 400")
HOUR = 3600.0
DAY = 24 * HOUR


class ManyTests(case.ReplicationCase):
    """There are more jobs than are known by heart."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(lines, "_PAGE", 3)
        for _, _, line in self.replication._rules:
            line._most = 10

    def restart(self, *rules: Any, **others: Any) -> None:
        self.end()
        self.replication = self.make_replication(*rules, **others)
        for _, _, line in self.replication._rules:
            line._most = 10
        self.start()

    def push_many(self) -> None:
        """Push more tags than are known by heart."""
        for number in range(50):
            self.push_tag(Tag(f"v{number}"))

    def test_those_that_were_just_noted(self) -> None:
        self.start()
        self.downstream.fault = DOWN
        self.push_many()
        self.assertEqual(len(self.jobs()), 50)
        found = self.status()
        self.assertEqual((found.waiting, found.more), (10, True))
        self.downstream.fault = None
        self.pass_(DAY)
        self.assert_done()

    def test_those_that_are_there_at_the_start(self) -> None:
        self.push_many()
        self.restart()
        self.pass_()
        self.assertEqual(self.jobs(), [])
        self.pass_(HOUR)
        self.assert_done()

    def test_those_that_cannot_be_done_hold_up_none(self) -> None:
        def failing(what: str) -> UpstreamFault | None:
            del what
            return WRONG if self.downstream.asked[-1][1] == "a/bad" else None

        for number in range(30):
            self.push_tag(Tag(f"v{number}"), name=RepositoryName("a/bad"))
        self.push_many()
        self.downstream.failing = failing
        self.restart()
        self.pass_(2 * DAY)
        self.assertEqual({each.partition("/_")[0] for each in self.jobs()}, {"a/bad"})
        self.downstream.failing = None
        self.pass_(2 * DAY)
        self.assert_done()


class RestartTests(case.ReplicationCase):
    def test_what_was_noted_is_done(self) -> None:
        self.push_tag()
        self.restart()
        self.assert_there(IMAGE, V1)
        self.assert_done()

    def test_amid_each_step(self) -> None:
        for number in range(40):
            steps = self.downstream.steps = []
            data = image(config=str(number).encode())
            self.push_blob(str(number).encode(), APP)
            self.push_tag(V1, data)
            self.restart()
            for _ in range(number):
                if steps:
                    steps.pop().passed.callback(None)
                    self.pass_()
            self.downstream.steps = None
            self.restart()
            self.assert_there(data, V1)
            self.pass_(HOUR)
            self.assert_done()

    def test_downstream_is_closed_at_the_end(self) -> None:
        self.start()
        self.end()
        self.assertTrue(self.downstream.closed)

    def test_nothing_is_done_without_rules(self) -> None:
        self.end()
        self.replication = self.make_replication()
        self.replication._rules.clear()
        self.start()
        self.push_tag()
        self.assertEqual(self.keys(keys.jobs()), ())
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SharedTests(case.ReplicationCase):
    """Another process begins with what was left undone."""

    def test_what_was_noted_before_is_left_to_that(self) -> None:
        self.push_tag()
        self.end()
        self.replication = self.make_replication()
        self.replication.start(shared=True)
        self.pass_()
        self.assertEqual(self.jobs(), ["vendor/app/_tags/v1"])

    def test_what_it_leaves_undone_is_done_later(self) -> None:
        self.push_tag()
        self.end()
        self.replication = self.make_replication()
        self.replication.start(shared=True)
        self.pass_(lines.RESCAN + lines.GRACE)
        self.assert_there(IMAGE, V1)
        self.assert_done()

    def test_what_is_noted_here_is_done_at_once(self) -> None:
        self.replication.start(shared=True)
        self.push_tag()
        self.pass_()
        self.assert_there(IMAGE, V1)
        self.assert_done()
