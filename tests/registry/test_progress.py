"""Tests of ``txregistry/registry/progress.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest
from txregistry.registry.progress import Progress, ProgressMemory
from txregistry.storage.interfaces import MARK_LIMIT, Held, Key

AREA = Key("area")


def taken(*pieces: bytes) -> Progress:
    """Make progress of some bytes."""
    progress = Progress()
    for piece in pieces:
        progress.take(piece)
    return progress


class ProgressTests(SynchronousTestCase):
    @given(st.lists(st.binary(max_size=20)))
    def test_marks_tell_it(self, pieces: list[bytes]) -> None:
        whole = b"".join(pieces)
        progress = taken(*pieces)
        self.assertEqual(progress.mark(), f"{len(whole)} {Digest.of(whole)}")
        told = Progress.told_by(progress.mark())
        assert told is not None
        self.assertEqual(
            (told.offset, told.sum, told.mark()),
            (len(whole), Digest.of(whole), progress.mark()),
        )

    def test_the_longest_mark_is_short_enough(self) -> None:
        progress = Progress(2**62, None, Digest.of(b""))
        self.assertLessEqual(len(progress.mark()), MARK_LIMIT)

    @given(st.text())
    def test_what_is_no_mark_tells_nothing(self, text: str) -> None:
        self.assertIsNone(Progress.told_by(text))

    def test_what_is_nearly_a_mark_tells_nothing(self) -> None:
        digest = Digest.of(b"")
        for text in (
            f"00 {digest}",
            f"-1 {digest}",
            f"1  {digest}",
            f"1 {digest}\n",
            f"1 {str(digest).upper()}",
            f"1 {Digest.of(b'', 'sha512')}",
            f"{10**19} {digest}",
            f"\u0661 {digest}",
        ):
            self.assertIsNone(Progress.told_by(text))

    def test_a_sum_is_of_no_use_for_more_bytes(self) -> None:
        told = Progress.told_by(taken(b"data").mark())
        assert told is not None
        told.take(b"more")
        self.assertEqual((told.offset, told.sum, told.mark()), (8, None, ""))

    def test_where_the_sum_is_unknown_bytes_are_counted(self) -> None:
        progress = Progress.unknown(4)
        progress.take(b"more")
        found = (progress.offset, progress.sum, progress.mark())
        self.assertEqual(found, (8, None, ""))


class MemoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.memory = ProgressMemory()

    def test_nothing_is_known_of_nothing(self) -> None:
        found = self.memory.recall(AREA, Held(0))
        assert found is not None
        self.assertEqual((found.offset, found.sum), (0, Digest.of(b"")))

    def test_what_is_remembered_can_go_on(self) -> None:
        progress = taken(b"data")
        self.memory.remember(AREA, progress)
        held = Held(4, progress.mark())
        self.assertIs(self.memory.recall(AREA, held), progress)

    def test_what_is_not_remembered_is_told(self) -> None:
        found = self.memory.recall(AREA, Held(4, taken(b"data").mark()))
        assert found is not None
        self.assertEqual((found.hashing, found.sum), (None, Digest.of(b"data")))

    def test_other_bytes_than_those_remembered_are_told(self) -> None:
        self.memory.remember(AREA, taken(b"data"))
        found = self.memory.recall(AREA, Held(4, taken(b"atad").mark()))
        assert found is not None
        self.assertEqual(found.sum, Digest.of(b"atad"))

    def test_more_or_less_than_what_is_marked_is_unknown(self) -> None:
        progress = taken(b"data")
        self.memory.remember(AREA, progress)
        for size in (3, 5):
            self.assertIsNone(self.memory.recall(AREA, Held(size, progress.mark())))

    def test_what_is_not_marked_is_unknown(self) -> None:
        self.memory.remember(AREA, taken(b"data"))
        self.assertIsNone(self.memory.recall(AREA, Held(4)))

    def test_what_was_forgotten_is_told(self) -> None:
        progress = taken(b"data")
        self.memory.remember(AREA, progress)
        self.memory.forget(AREA)
        found = self.memory.recall(AREA, Held(4, progress.mark()))
        assert found is not None
        self.assertIsNone(found.hashing)

    def test_what_was_not_used_for_long_goes(self) -> None:
        progress = taken(b"data")
        for number in range(5000):
            self.memory.remember(Key(f"area-{number}"), progress)
        held = Held(4, progress.mark())
        found = [self.memory.recall(Key(f"area-{n}"), held) for n in (0, 4999)]
        self.assertIsNot(found[0], progress)
        self.assertIs(found[1], progress)
