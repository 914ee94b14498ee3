"""Tests of ``txregistry/metrics/families.py``."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.metrics.families import Family, Kind, Row, add_up, lasting, one

BOUNDS = (1.0, 2.0)


def family(kind: Kind, *rows: tuple[str, tuple[float, ...]], name: str = "n") -> Family:
    """Make a family with a label."""
    bounds = BOUNDS if kind is Kind.HISTOGRAM else ()
    made = tuple(Row((label,), values) for label, values in rows)
    return Family(name, kind, "help", ("l",), made, bounds)


class SumTests(SynchronousTestCase):
    def added(self, *families: Family) -> Family:
        """Add up what each of some processes has: they are called 0, 1 and so on."""
        processes = {str(place): [each] for place, each in enumerate(families)}
        (found,) = add_up(processes)
        return found

    def test_counters_are_added_by_their_labels(self) -> None:
        found = self.added(
            family(Kind.COUNTER, ("a", (1.0,)), ("b", (2.0,))),
            family(Kind.COUNTER, ("b", (3.0,)), ("c", (4.0,))),
        )
        rows = (Row(("a",), (1.0,)), Row(("b",), (5.0,)), Row(("c",), (4.0,)))
        self.assertEqual((found.labels, found.rows), (("l",), rows))

    def test_histograms_are_added_bucket_by_bucket(self) -> None:
        found = self.added(
            family(Kind.HISTOGRAM, ("a", (1.0, 0.0, 2.0, 9.0))),
            family(Kind.HISTOGRAM, ("a", (1.0, 1.0, 0.0, 2.5))),
        )
        self.assertEqual(found.rows, (Row(("a",), (2.0, 1.0, 2.0, 11.5)),))
        self.assertEqual(found.bounds, BOUNDS)

    def test_gauges_are_what_they_mean(self) -> None:
        for kind, labels, rows in (
            (Kind.SUM, ("l",), (Row(("a",), (5.0,)),)),
            (Kind.LEAST, ("l",), (Row(("a",), (2.0,)),)),
            (
                Kind.EACH,
                ("worker", "l"),
                (Row(("0", "a"), (3.0,)), Row(("1", "a"), (2.0,))),
            ),
        ):
            found = self.added(family(kind, ("a", (3.0,))), family(kind, ("a", (2.0,))))
            self.assertEqual((found.labels, found.rows), (labels, rows))

    def test_one_process_alone_has_the_same_names(self) -> None:
        found = self.added(family(Kind.EACH, ("a", (3.0,))))
        self.assertEqual(found.labels, ("worker", "l"))
        self.assertEqual(found.rows, (Row(("0", "a"), (3.0,)),))

    def test_what_has_no_rows_is_there_all_the_same(self) -> None:
        found = self.added(family(Kind.COUNTER), family(Kind.COUNTER))
        self.assertEqual((found.name, found.rows), ("n", ()))

    def test_what_is_of_another_form_is_left_out(self) -> None:
        found = self.added(
            family(Kind.COUNTER, ("a", (1.0,))), family(Kind.HISTOGRAM, ("a", (5.0,)))
        )
        self.assertEqual(found.rows, (Row(("a",), (1.0,)),))

    def test_names_stay_in_their_order(self) -> None:
        names = ["z", "a", "m"]
        families = [one(each, Kind.SUM, "", 1) for each in names]
        found = add_up({"1": families, "2": reversed(families)})
        self.assertEqual([each.name for each in found], names)

    @given(st.lists(st.integers(0, 1000), min_size=1, max_size=5))
    def test_all_that_was_counted_is_in_the_sum(self, counts: list[int]) -> None:
        found = self.added(*(one("n", Kind.COUNTER, "", each) for each in counts))
        self.assertEqual(found.rows, (Row((), (sum(counts),)),))


class WireTests(SynchronousTestCase):
    def test_they_go_from_process_to_process_as_they_are(self) -> None:
        families = [family(each, ("ä\n", (1.5,))) for each in Kind]
        text = msgspec.json.encode(families)
        self.assertNotIn(b"\n", text)
        self.assertEqual(msgspec.json.decode(text, type=list[Family]), families)

    def test_what_lasts(self) -> None:
        families = [family(each, name=each) for each in Kind]
        found = [each.name for each in lasting(families)]
        self.assertEqual(found, ["counter", "histogram"])
