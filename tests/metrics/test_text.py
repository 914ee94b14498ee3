"""Tests of ``txregistry/metrics/text.py``."""

from twisted.trial.unittest import SynchronousTestCase

from tests.metrics.figures import labels, samples
from txregistry.metrics.families import Family, Kind, Row, one
from txregistry.metrics.text import TYPE, write


class TextTests(SynchronousTestCase):
    def text(self, *families: Family) -> str:
        return b"".join(write(families)).decode()

    def test_it_is_said_what_each_is(self) -> None:
        text = self.text(
            one("a_total", Kind.COUNTER, "How many.", 1),
            one("b", Kind.SUM, "How much.", 2.5),
        )
        self.assertEqual(
            text,
            "# HELP a_total How many.\n# TYPE a_total counter\na_total 1.0\n"
            "# HELP b How much.\n# TYPE b gauge\nb 2.5\n",
        )
        self.assertIn("version=0.0.4", TYPE)

    def test_buckets_are_cumulative(self) -> None:
        row = Row((), (1, 2, 3, 9.5))
        found = samples([Family("h", Kind.HISTOGRAM, "", rows=(row,), bounds=(1, 2))])
        self.assertEqual(
            found,
            {
                ("h_bucket", labels(le="1.0")): 1,
                ("h_bucket", labels(le="2.0")): 3,
                ("h_bucket", labels(le="+Inf")): 6,
                ("h_count", ()): 6,
                ("h_sum", ()): 9.5,
            },
        )

    def test_labels_are_whatever_they_are(self) -> None:
        hostile = 'a"} 1\n# TYPE x\\'
        row = Row((hostile,), (1.0,))
        found = samples([Family("g", Kind.SUM, "one\ntwo", ("l",), (row,))])
        self.assertEqual(found, {("g", labels(l=hostile)): 1})

    def test_many_are_written_in_pieces(self) -> None:
        bounds = tuple(map(float, range(30)))
        rows = tuple(Row((str(place),), (1,) * 32) for place in range(100))
        family = Family("h", Kind.HISTOGRAM, "", ("l",), rows, bounds)
        pieces = list(write([family]))
        self.assertGreater(len(pieces), 10)
        self.assertLess(max(map(len, pieces)), 20_000)
        self.assertEqual(b"".join(pieces).count(b"# TYPE"), 1)
        self.assertEqual(len(samples([family])), 100 * (31 + 2))
