"""Tests of ``txregistry/transfer/copyline.py``."""

import io

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.transfer.copyline import CopyLine
from txregistry.transfer.copyreport import Position


class Terminal(io.StringIO):
    """Text that somebody sees as it is written."""

    def isatty(self) -> bool:
        """See ``TextIO``."""
        return True


def at(
    fraction: float | None,
    passed: int = 0,
    stage: str = "blobs",
    objects: int = 1_234_567,
) -> Position:
    """Be somewhere."""
    return Position(stage, objects, passed, fraction)


class TerminalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(100)
        self.out = Terminal()
        self.line = CopyLine(self.out, self.clock)

    def show(self, position: Position) -> str:
        """Give what is on the terminal then."""
        self.line.show(position)
        return self.out.getvalue().rpartition("\r\x1b[K")[2]

    def test_a_bar(self) -> None:
        self.assertEqual(
            self.show(at(0.0)),
            "blobs [----------]  0% 1,234,567 objects, 0 bytes",
        )
        self.clock.advance(60)
        self.assertEqual(
            self.show(at(0.6, 60 << 20)),
            "blobs [######----] 60% 1,234,567 objects, 60.0 MiB, 1.0 MiB/s, "
            "0:00:40 left",
        )

    def test_without_an_end_in_sight(self) -> None:
        self.assertEqual(
            self.show(at(None, 5 << 40, "repositories")),
            "repositories 1,234,567 objects, 5.0 TiB",
        )

    def test_the_rate_is_that_of_the_latest_seconds(self) -> None:
        for second in range(100):
            self.clock.advance(1)
            self.line.show(at(None, second << 30))
        self.assertIn("1.0 GiB/s", self.out.getvalue())
        for _ in range(20):
            self.clock.advance(1)
            self.line.show(at(None, 99 << 30))
        self.clock.advance(1)
        self.assertNotIn("/s", self.show(at(None, 99 << 30)))

    def test_the_rest_is_of_the_stage(self) -> None:
        self.line.show(at(None, stage="documents"))
        self.clock.advance(1000)
        self.line.show(at(0.0))
        self.clock.advance(10)
        self.assertIn("0:00:10 left", self.show(at(0.5)))

    def test_it_is_not_written_all_the_time(self) -> None:
        for _ in range(10):
            self.line.show(at(None))
            self.clock.advance(0.0625)
        self.assertEqual(self.out.getvalue().count("\r"), 3)

    def test_it_fits(self) -> None:
        self.assertLess(len(self.show(at(0.5, 10**30, "x" * 100))), 80)

    def test_it_is_cleared(self) -> None:
        self.line.clear()
        self.assertEqual(self.out.getvalue(), "\r\x1b[K")


class PlainTests(SynchronousTestCase):
    def test_a_line_from_time_to_time(self) -> None:
        clock, out = Clock(), io.StringIO()
        line = CopyLine(out, clock)
        for second in range(61):
            line.show(at(second / 60, second * 1000))
            clock.advance(1)
        line.clear()
        self.assertEqual(
            out.getvalue(),
            "blobs: 50% 1,234,567 objects, 29.3 KiB, 1000 bytes/s, 0:00:30 left\n"
            "blobs: 100% 1,234,567 objects, 58.6 KiB, 1000 bytes/s, 0:00:00 left\n",
        )

    def test_a_short_copy_tells_nothing(self) -> None:
        out = io.StringIO()
        CopyLine(out, Clock()).show(at(0.5))
        self.assertEqual(out.getvalue(), "")
