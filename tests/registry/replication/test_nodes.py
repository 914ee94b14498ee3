"""Tests of ``txregistry/registry/replication/``: several nodes, and their ends."""

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from tests.registry.content import image, index
from tests.registry.replication import case
from tests.registry.replication.case import APP, BLOBS, IMAGE, OTHER, V1, V2
from tests.registry.replication.played import PlayedDownstream, Step
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown
from txregistry.model.names import Tag
from txregistry.registry.replication.jobs import CLAIM_AGE
from txregistry.registry.replication.lines import RESCAN
from txregistry.registry.replication.rules import ReplicationRule

INDEX: Final = index([IMAGE, OTHER])
IMAGES: Final = (IMAGE, OTHER, INDEX)
TAGS: Final = (V1, V2)
FAULTS: Final = (
    None,
    None,
    UpstreamUnavailable("x", "is not there"),
    UpstreamWrong("x", "answered 400"),
    UpstreamRefused("x", "does not let us have this"),
)
MOST_STEPS: Final = 5000


def signature(data: bytes) -> bytes:
    """Make what refers to a manifest."""
    return image(subject=data, annotations={"a": "signature"})


class Node:
    """A node, with a way to the same registry, and a clock, of its own.

    It is killed when neither time passes for it nor anything comes that it waits for.
    """

    def __init__(self, test: "NodesCase") -> None:
        self.clock = Clock()
        self.clock.advance(test.clock.seconds())
        shared = test.downstream
        self.downstream = PlayedDownstream(
            blobs=shared.blobs,
            manifests=shared.manifests,
            minds=shared.minds,
            steps=None if test.peace else [],
        )
        rule = ReplicationRule(case.RULE, self.downstream)
        self.replication = test.make_replication(rule, clock=self.clock)
        self.replication.start()

    def steps(self) -> list[Step]:
        """Give what it waits for."""
        return [each for each in self.downstream.steps or [] if not each.passed.called]

    def step(self, number: int, fault: UpstreamFault | None = None) -> None:
        """Let something happen that it waits for, if it does for anything."""
        steps = self.steps()
        if steps:
            passed = steps[number % len(steps)].passed
            if fault is None:
                passed.callback(None)
            else:
                passed.errback(fault)


class NodesCase(case.ReplicationCase):
    """Some nodes that share a store."""

    peace = False

    def setUp(self) -> None:
        super().setUp()
        self.begin()

    def begin(self) -> None:
        """Have two nodes, and all that can be tagged."""
        for data in BLOBS:
            self.push_blob(data, APP)
        for data in IMAGES:
            self.push(data, None, APP)
        self.all: list[Node] = []
        self.nodes = [self.make_node(), self.make_node()]
        self.addCleanup(self.end_all, self.all)
        self.pass_()

    def make_node(self) -> Node:
        """Start a node."""
        node = Node(self)
        self.all.append(node)
        return node

    def end_all(self, nodes: list[Node]) -> None:
        """Leave nothing."""
        for each in nodes:
            self.result(each.replication.stop())
            self.assertEqual(each.clock.getDelayedCalls(), [])

    def set_tag(self, node: Node, tag: Tag, data: bytes) -> None:
        """Push a tag by way of a node."""
        digest = self.push(data, tag, APP)
        self.result(node.replication.note(APP, tag, digest))
        self.pass_()

    def sign(self, node: Node, data: bytes) -> None:
        """Push a signature by way of a node."""
        digest = self.push(signature(data), None, APP)
        self.result(node.replication.note_referrer(APP, digest))
        self.pass_()

    def kill(self, place: int) -> None:
        """End a node at once, and start another one."""
        self.nodes[place] = self.make_node()
        self.pass_()

    def pass_(self, seconds: float = 0.0) -> None:
        """Let time pass for all that are alive."""
        clocks = [self.clock, *(each.clock for each in self.nodes)]
        end = self.clock.seconds() + seconds
        for _ in range(MOST_STEPS):
            calls = [call for clock in clocks for call in clock.getDelayedCalls()]
            due = min((each.getTime() for each in calls), default=end)
            for clock in clocks:
                clock.advance(max(0.0, min(due, end) - clock.seconds()))
            if due > end or not calls:
                return
        self.fail("it does not come to rest")

    def make_peace(self) -> None:
        """Let everything go well from now on, for as long as there are jobs."""
        self.peace = True
        for node in self.nodes:
            steps, node.downstream.steps = node.steps(), None
            for each in steps:
                each.passed.callback(None)
        for _ in range(200):
            self.pass_(RESCAN)
            if not self.jobs():
                break
        self.assertEqual(self.jobs(), [])

    def waits(self, node: Node, *what: str, is_done: bool) -> bool:
        """Let a node go on until it waits for something, and say whether it does."""
        for _ in range(MOST_STEPS):
            steps = node.steps()
            if not steps:
                return False
            step = steps[0]
            if (step.what, step.is_done) == (what, is_done):
                return True
            step.passed.callback(None)
            self.pass_()
        return False

    def run_out(self, node: Node) -> None:
        """Let a node go on until it waits for nothing."""
        self.assertFalse(self.waits(node, "nothing", is_done=False))


SET: Final = ("put", APP.text, str(V1))


class RaceTests(NodesCase):
    def test_both_do_the_same(self) -> None:
        one, two = self.nodes
        self.set_tag(one, V1, IMAGE)
        self.pass_(RESCAN)
        self.assertTrue(two.steps())
        for node in (one, two):
            self.assertTrue(self.waits(node, *SET, is_done=False))
        self.run_out(one)
        self.run_out(two)
        self.assert_there(IMAGE, V1)
        self.make_peace()

    def test_other_node_leaves_alone_what_is_new(self) -> None:
        one, two = self.nodes
        self.set_tag(one, V1, IMAGE)
        self.pass_(200)
        self.assertEqual(two.downstream.asked, [])
        self.assertTrue(one.steps())

    def test_who_is_late_sets_it_right(self) -> None:
        one, two = self.nodes
        self.set_tag(one, V1, IMAGE)
        self.assertTrue(self.waits(one, *SET, is_done=False))
        self.set_tag(two, V1, OTHER)
        self.run_out(two)
        self.assert_there(OTHER, V1)
        one.step(0)
        self.pass_()
        self.assert_there(IMAGE, V1)
        self.run_out(one)
        self.assert_there(OTHER, V1)
        self.make_peace()
        self.assert_there(OTHER, V1)

    def test_who_is_late_and_dies_is_set_right(self) -> None:
        one, two = self.nodes
        self.set_tag(one, V1, IMAGE)
        self.assertTrue(self.waits(one, *SET, is_done=False))
        self.set_tag(two, V1, OTHER)
        self.run_out(two)
        one.step(0)  # it is set there, and the answer on its way
        self.pass_()
        self.assertTrue(one.steps()[0].is_done)
        self.nodes.remove(one)
        self.assert_there(IMAGE, V1)
        self.assertEqual(self.jobs(), ["vendor/app/_tags/v1"])
        self.make_peace()
        self.assert_there(OTHER, V1)

    def test_claim_is_left_until_it_is_old(self) -> None:
        self.set_tag(self.nodes[0], V1, IMAGE)
        self.assertTrue(self.waits(self.nodes[0], *SET, is_done=False))
        self.kill(0)
        self.run_out(self.nodes[0])
        self.assert_there(IMAGE, V1)
        self.assertEqual(self.jobs(), ["vendor/app/_tags/v1"])
        [found] = self.nodes[0].replication.status()
        self.assertEqual(found.waiting, 0)
        self.pass_(CLAIM_AGE)
        self.run_out(self.nodes[0])
        self.assertEqual(self.jobs(), [])

    def test_push_while_a_job_ends_is_not_forgotten(self) -> None:
        one, two = self.nodes
        self.set_tag(one, V1, IMAGE)
        self.run_out(one)
        self.set_tag(one, V1, IMAGE)
        looked = ("head", APP.text, str(V1))
        self.assertTrue(self.waits(one, *looked, is_done=True))
        self.set_tag(two, V1, OTHER)
        self.nodes.remove(two)
        self.run_out(one)
        self.make_peace()
        self.assert_there(OTHER, V1)

    def test_jobs_of_a_node_that_is_no_more_are_done(self) -> None:
        self.set_tag(self.nodes[0], V1, IMAGE)
        self.nodes.pop(0)
        self.make_peace()
        self.assert_there(IMAGE, V1)


EVENTS: Final = st.one_of(
    st.tuples(
        st.just("set"),
        st.integers(0, 1),
        st.sampled_from(TAGS),
        st.sampled_from(IMAGES),
    ),
    st.tuples(st.just("sign"), st.integers(0, 1), st.sampled_from(IMAGES)),
    st.tuples(st.just("remove"), st.sampled_from(TAGS)),
    st.tuples(st.just("kill"), st.integers(0, 1)),
    st.tuples(st.just("pass"), st.sampled_from((1.0, 30.0, 400.0))),
    *[
        st.tuples(
            st.just("step"),
            st.integers(0, 1),
            st.integers(0, 3),
            st.sampled_from(FAULTS),
        )
    ]
    * 4,
    st.tuples(st.just("many"), st.integers(0, 1), st.integers(1, 30)),
)


class AnyOrderTests(NodesCase):
    """Whatever happens, all is there in the end, and nothing is left to be done."""

    signed: set[bytes]

    def happen(self, what: str, *more: Any) -> None:
        """Let something happen."""
        match what:
            case "set":
                self.set_tag(self.nodes[more[0]], more[1], more[2])
            case "sign":
                self.sign(self.nodes[more[0]], more[1])
                self.signed.add(more[1])
            case "remove":
                try:
                    self.result(self.registry.acceptance.delete(APP, more[0]))
                except self.failureException:
                    self.fails(ManifestUnknown, self.registry.tags.remove(APP, more[0]))
            case "kill":
                self.kill(more[0])
            case "pass":
                self.pass_(more[0])
            case "step":
                self.nodes[more[0]].step(more[1], more[2])
                self.pass_()
            case "many":
                for _ in range(more[1]):
                    self.nodes[more[0]].step(0)
                    self.pass_()

    @settings(max_examples=200)
    @given(minds=st.booleans(), events=st.lists(EVENTS, max_size=40))
    def test_all_is_there_in_the_end(
        self, *, minds: bool, events: list[tuple[Any, ...]]
    ) -> None:
        self.peace = False
        self.setUp()
        self.downstream.minds = minds
        for node in self.nodes:
            node.downstream.minds = minds
        self.signed = set()
        for each in events:
            self.happen(*each)
        self.make_peace()
        for tag in TAGS:
            digest = self.result(self.registry.tags.find(APP, tag))
            if digest is not None:
                data = next(each for each in IMAGES if Digest.of(each) == digest)
                self.assert_there(data, tag)
                self.assert_signed(data)
        for node in self.nodes:
            [found] = node.replication.status()
            self.assertEqual((found.waiting, found.working), (0, 0))
        self.end_all(self.all)

    def assert_signed(self, data: bytes) -> None:
        """Expect what refers to a manifest, or to what it lists, to be there."""
        needed = (IMAGE, OTHER, INDEX) if data == INDEX else (data,)
        for each in needed:
            if each in self.signed:
                self.assert_whole(APP.text, signature(each))
