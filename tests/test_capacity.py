"""Tests of what a node is said to serve, in ``tests/benchmarks/capacity``."""

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks.capacity.__main__ import main, shape
from tests.benchmarks.capacity.checking import foretell
from tests.benchmarks.capacity.costs import Costs, CostsError, keep, load
from tests.benchmarks.capacity.node import (
    DURABLE,
    GB,
    MEASURED,
    PAYLOAD,
    Node,
    Served,
    Work,
    cold_part,
    mix,
    nodes_for,
    pull,
    push,
    push_cost,
    serve,
    small,
    works,
    worthwhile_redirect,
    worthwhile_workers,
)
from tests.temporary import make_folder

COSTS = replace(load(), process=50e6, redirect=2.0, s3_pull=4.0)
NODE = Node(cores=4, network=10e9, disk=1e9, iops=1000, memory=16e9)
ASKED = {"hot": 10 * GB, "blob": 20e6, "image": 500e6, "layers": 12}


class ServeTests(SynchronousTestCase):
    def serves(self, node: Node, work: Work, rate: float, bottleneck: str) -> Served:
        """Expect a node to serve so much, and something to hold it up."""
        served = serve(node, work)
        self.assertAlmostEqual(served.rate, rate)
        self.assertEqual(served.bottleneck, bottleneck)
        self.assertAlmostEqual(served.loads[bottleneck], 1)
        return served

    def test_the_network_is_full(self) -> None:
        rate = 1.25 * PAYLOAD
        served = self.serves(NODE, pull(0.5), rate, "network out")
        self.assertAlmostEqual(served.loads["processors"], rate * 0.5 / 4)

    def test_processors_are_busy(self) -> None:
        self.serves(NODE, pull(8.0), 0.5, "processors")

    def test_a_process_uses_one_processor(self) -> None:
        self.serves(replace(NODE, workers=1), pull(2.0), 0.5, "processors")

    def test_more_processes_than_processors_are_of_no_use(self) -> None:
        self.serves(replace(NODE, workers=9), pull(8.0), 0.5, "processors")

    def test_a_part_from_the_disk(self) -> None:
        node = replace(NODE, disk=1e8)
        self.serves(node, pull(0.1, cold=0.25), 0.4, "disk")

    def test_pushes_fill_the_disk(self) -> None:
        self.serves(replace(NODE, disk=5e8), push(1.0, 1e9), 0.5, "disk")

    def test_small_pushes_wait_for_the_disk_to_have_them(self) -> None:
        rate = NODE.iops / DURABLE * 1e5 / GB
        self.serves(NODE, push(1.0, 1e5), rate, "durable writes")

    def test_small_pushes_cost_more(self) -> None:
        self.assertAlmostEqual(push_cost(3.0, 2.0, MEASURED), 3.0)
        # A thousand blobs of 1 MB, 2 ms each, instead of ten.
        less = GB / MEASURED * 0.002
        self.assertAlmostEqual(push_cost(3.0, 2.0, 1e6), 5.0 - less)

    def test_what_passes_takes_the_network_both_ways_at_once(self) -> None:
        work = pull(0.1, through=True)
        self.assertEqual(work.takes["network in"], work.takes["network out"])
        self.assertEqual(serve(NODE, work).rate, serve(NODE, pull(0.1)).rate)

    def test_small_things_take_processors_alone(self) -> None:
        self.serves(NODE, small(0.2), 20.0, "processors")

    def test_one_of_several(self) -> None:
        work = mix("image", "image", ((small(0.5), 0.02), (pull(1.0), 0.5)))
        self.assertAlmostEqual(work.takes["processors"], 0.51)
        self.assertAlmostEqual(work.takes["network out"], 0.5 * GB)

    @given(
        cores=st.floats(1, 128),
        network=st.floats(1e8, 1e11),
        disk=st.floats(1e7, 1e10),
        iops=st.floats(100, 1e6),
    )
    def test_no_resource_is_overfull(
        self, cores: float, network: float, disk: float, iops: float
    ) -> None:
        node = Node(cores, network, disk, iops, 16e9)
        for work in works(node, COSTS, **ASKED):  # type: ignore[arg-type]
            served = serve(node, work)
            self.assertAlmostEqual(max(served.loads.values()), 1)
            twice = Node(cores * 2, network * 2, disk * 2, iops * 2, 16e9)
            self.assertGreaterEqual(serve(twice, work).rate, served.rate * 1.5)


class AdviceTests(SynchronousTestCase):
    def test_what_memory_keeps(self) -> None:
        # Four workers, and what looks after them.
        self.assertEqual(NODE.cache(COSTS), 16e9 - 5 * 50e6)
        self.assertEqual(replace(NODE, workers=1).cache(COSTS), 16e9 - 50e6)
        self.assertEqual(replace(NODE, memory=1e6).cache(COSTS), 0)

    def test_what_comes_from_the_disk(self) -> None:
        cache = NODE.cache(COSTS)
        self.assertEqual(cold_part(NODE, COSTS, cache), 0)
        self.assertAlmostEqual(cold_part(NODE, COSTS, cache * 4), 0.75)
        self.assertEqual(cold_part(NODE, COSTS, 0), 0)

    def test_from_which_size_on_a_redirect_pays(self) -> None:
        # 2 ms for a redirect, 4 s for a GB.
        self.assertAlmostEqual(worthwhile_redirect(COSTS), 0.5e6)

    def test_as_many_processes_as_fill_the_network(self) -> None:
        self.assertEqual(worthwhile_workers(NODE, pull(0.1)), 1)
        self.assertEqual(worthwhile_workers(NODE, pull(2.0)), 3)
        self.assertEqual(worthwhile_workers(NODE, pull(99.0)), 4)

    def test_small_requests_want_all_processors(self) -> None:
        self.assertEqual(worthwhile_workers(NODE, small(0.1)), 4)

    def test_how_many_nodes(self) -> None:
        served = serve(NODE, small(0.4))  # ten thousand a second
        self.assertEqual(nodes_for(14, served, 0.7), 3)
        self.assertEqual(nodes_for(14.1, served, 0.7), 4)
        self.assertEqual(nodes_for(14, served, 0.7, spare=0), 2)

    def test_layers_add_up(self) -> None:
        for layers in (1, 3, 12, 30):
            sizes = shape(3 << 30, layers)
            self.assertEqual(len(sizes), layers)
            self.assertAlmostEqual(sum(sizes) / (3 << 30), 1, places=6)


class ProgramTests(SynchronousTestCase):
    def tell(self, *words: str) -> list[list[str]]:
        """Return the rows of the table that is printed."""
        with redirect_stdout(StringIO()) as said:
            self.assertEqual(main(words), 0)
        lines = (line for line in said.getvalue().splitlines() if line[:1] == "|")
        return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines][2:]

    def test_what_a_node_serves(self) -> None:
        rows = {row[0]: row[1:] for row in self.tell("--cores", "64", "--network", "1")}
        self.assertEqual(
            rows["pull, files"][:2], ["118 MB/s (0.9 Gbit/s)", "network out"]
        )
        self.assertEqual(rows["manifest by tag"][1], "processors")

    def test_how_many_nodes(self) -> None:
        with redirect_stdout(StringIO()) as said:
            main(["--demand", "100"])
        self.assertIn("  - image, files, TLS: 3 nodes", said.getvalue())

    def test_how_a_crowd_fares(self) -> None:
        # 1 GiB takes 9.1 s at 1 Gbit/s, of a host or of the origin.
        options = "--crowd 5 --image 1024 --origin 1 --plain --workers 1 --spread 0"
        none, one = self.tell(*options.split(), "--mirrors", "0", "1")
        self.assertEqual(none[:5], ["0", "46 s", "46 s", "46 s", "5 GB"])
        self.assertEqual(one[:5], ["1", "9 s", "9 s", "9 s", "1 GB"])

    def test_costs_that_cannot_be(self) -> None:
        path = Path(make_folder(self), "costs.json")
        path.write_text("{}x")
        with redirect_stderr(StringIO()) as said:
            self.assertEqual(main(["--costs", str(path)]), 2)
        self.assertIn("costs.json", said.getvalue())


class ForetellTests(SynchronousTestCase):
    def test_the_machine_is_shared(self) -> None:
        others = {"store": 1.0, "clients": 1.0}
        self.assertEqual(foretell(2.0, others, 2, 3), (0.5, "machine"))

    def test_the_store_is_one_process(self) -> None:
        self.assertEqual(foretell(1.0, {"store": 4.0}, 8, 3), (0.25, "store"))

    def test_nodes_are_so_many_processes(self) -> None:
        self.assertEqual(foretell(8.0, {"store": 1.0}, 64, 2), (0.25, "nodes"))


class CostsTests(SynchronousTestCase):
    def write(self, text: str) -> Path:
        """Write a file of costs."""
        path = Path(make_folder(self), "costs.json")
        path.write_text(text)
        return path

    def test_what_is_not_said_is_as_measured_here(self) -> None:
        path = self.write('{"machine": "mine", "pull": 7}')
        self.assertEqual(load(path), replace(load(), machine="mine", pull=7.0))

    def test_what_cannot_be(self) -> None:
        for text in (
            "",
            "[]",
            '{"pull": -1}',
            '{"pull": "1"}',
            '{"pull": null}',
            '{"pul": 1}',
        ):
            self.assertRaises(CostsError, load, self.write(text))
        self.assertRaises(CostsError, load, Path(make_folder(self), "none"))

    def test_parts_are_measured_one_after_the_other(self) -> None:
        path = self.write('{"pull": 1}')
        keep(path, {"machine": "mine", "push": 2.5})
        self.assertEqual(
            json.loads(path.read_text()), {"pull": 1, "machine": "mine", "push": 2.5}
        )
        costs = load(path)
        self.assertIsInstance(costs, Costs)
        self.assertEqual((costs.pull, costs.push), (1.0, 2.5))
