"""Tests of ``txregistry/workers/lines.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.workers.lines import Lines


class LinesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.written: list[str] = []
        self.lines = Lines(self.written.append)

    def test_lines_are_whole(self) -> None:
        for piece in (b"on", b"e\ntwo\nth", b"ree\n"):
            self.lines.take(piece)
        self.assertEqual(self.written, ["one\ntwo\n", "three\n"])

    def test_a_letter_may_come_in_two_pieces(self) -> None:
        data = "grün\n".encode()
        self.lines.take(data[:3])
        self.lines.take(data[3:])
        self.assertEqual(self.written, ["grün\n"])

    def test_what_is_no_text_is_told_all_the_same(self) -> None:
        self.lines.take(b"\xff\n")
        self.assertEqual(self.written, ["\N{REPLACEMENT CHARACTER}\n"])

    def test_the_last_one_need_not_have_an_end(self) -> None:
        self.lines.take(b"half")
        self.lines.end()
        self.lines.end()
        self.assertEqual(self.written, ["half\n"])

    def test_one_without_an_end_takes_no_memory(self) -> None:
        self.lines.take(b"x" * 100_000)
        self.assertEqual(self.written, ["x" * 100_000 + "\n"])
