"""Tests of ``txregistry/commands/statusline.py``."""

import io

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.commands.statusline import StatusLine


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class LineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(100)

    def test_it_is_written_anew(self) -> None:
        out = _Terminal()
        line = StatusLine(out, self.clock)
        line.show("3 tags, 7 MiB: acme/web:latest")
        self.assertEqual(out.getvalue(), "\r\x1b[K3 tags, 7 MiB: acme/web:latest")

    def test_it_is_not_written_all_the_time(self) -> None:
        out = _Terminal()
        line = StatusLine(out, self.clock)
        for _ in range(10):
            line.show("x")
            self.clock.advance(0.0625)
        self.assertEqual(out.getvalue().count("\r"), 3)

    def test_it_is_short_and_plain(self) -> None:
        out = _Terminal()
        StatusLine(out, self.clock).show("\x1b[2J" + "x" * 300)
        self.assertEqual(out.getvalue().count("\x1b"), 1)
        self.assertLess(len(out.getvalue()), 85)

    def test_it_is_cleared(self) -> None:
        out = _Terminal()
        StatusLine(out, self.clock).clear()
        self.assertEqual(out.getvalue(), "\r\x1b[K")

    def test_only_terminals_have_it(self) -> None:
        out = io.StringIO()
        line = StatusLine(out, self.clock)
        line.show("x")
        line.clear()
        self.assertEqual(out.getvalue(), "")
