"""Tests of ``txregistry/heap.py``."""

import gc

from twisted.trial.unittest import SynchronousTestCase

from txregistry.heap import keep_loaded, loading


class LoadingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.addCleanup(gc.enable)
        gc.enable()

    def test_no_garbage_is_looked_for_meanwhile(self) -> None:
        with loading():
            self.assertFalse(gc.isenabled())
        self.assertTrue(gc.isenabled())

    def test_it_is_looked_for_after_a_failure(self) -> None:
        def load() -> None:
            with loading():
                raise ImportError

        self.assertRaises(ImportError, load)
        self.assertTrue(gc.isenabled())

    def test_one_within_another_changes_nothing(self) -> None:
        with loading():
            with loading():
                pass
            self.assertFalse(gc.isenabled())

    def test_who_looks_for_none_goes_on_so(self) -> None:
        gc.disable()
        with loading():
            pass
        self.assertFalse(gc.isenabled())


class KeepingTests(SynchronousTestCase):
    def test_what_is_there_is_not_looked_through_again(self) -> None:
        self.addCleanup(gc.unfreeze)
        before = gc.get_freeze_count()
        kept: list[list[object]] = [[]]
        keep_loaded()
        self.assertGreater(gc.get_freeze_count(), before)
        self.assertFalse(any(each is kept for each in gc.get_objects()))
