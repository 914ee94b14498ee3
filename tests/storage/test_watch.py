"""Tests of ``txregistry/storage/watch.py``."""

import gc
import os
import subprocess
import time
from collections.abc import Callable

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.temporary import make_folder
from txregistry.storage import watch
from txregistry.storage.watch import Watch


class WatchTestCase(SynchronousTestCase):
    """Watch folders, where those of the tests can be watched."""

    def setUp(self) -> None:
        gc.collect()  # stores of other tests watch something as well
        self.root = make_folder(self)
        for name in ("a", "b", "other"):
            os.mkdir(self.path(name))
        self.watch = self.make_watch()
        if self.watch.device() is None:
            raise SkipTest("changes to files are not told of here")

    def make_watch(self) -> Watch:
        return Watch(self.root)

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def make(self, name: str) -> None:
        with open(self.path(name), "wb"):
            pass

    def add(self, *names: str) -> bool:
        return self.watch.add([self.path(name) for name in names])

    def sees(self, change: Callable[[], object]) -> bool:
        """Say whether a change is seen; see that there is none before and after it."""
        before = self.watch.mark()
        self.assertEqual(self.watch.mark(), before)
        change()
        after = self.watch.mark()
        self.assertEqual(self.watch.mark(), after)
        return after != before


class ChangesTests(WatchTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make("a/file")
        self.assertTrue(self.add("a", "b"))

    def test_file_that_comes(self) -> None:
        self.assertTrue(self.sees(lambda: self.make("b/x")))

    def test_file_that_goes(self) -> None:
        self.assertTrue(self.sees(lambda: os.unlink(self.path("a/file"))))

    def test_folder_that_comes_and_goes(self) -> None:
        self.assertTrue(self.sees(lambda: os.mkdir(self.path("b/x"))))
        self.assertTrue(self.sees(lambda: os.rmdir(self.path("b/x"))))

    def test_what_is_moved_out_and_in(self) -> None:
        there, away = self.path("a/file"), self.path("other/file")
        self.assertTrue(self.sees(lambda: os.rename(there, away)))
        self.assertTrue(self.sees(lambda: os.rename(away, there)))

    def test_folder_that_is_moved_itself(self) -> None:
        to = self.path("other/a")
        self.assertTrue(self.sees(lambda: os.rename(self.path("a"), to)))

    def test_folder_that_goes_itself(self) -> None:
        self.assertTrue(self.sees(lambda: os.rmdir(self.path("b"))))

    def test_what_another_process_does(self) -> None:
        """It is told before that goes on."""
        made = ["mkdir", self.path("a/x")]
        self.assertTrue(self.sees(lambda: subprocess.run(made, check=True)))

    def test_changes_elsewhere_are_none(self) -> None:
        os.mkdir(self.path("a/within"))
        self.assertFalse(self.sees(lambda: self.make("other/x")))
        self.watch.mark()
        self.assertFalse(self.sees(lambda: self.make("a/within/x")))

    def test_more_changes_than_the_kernel_keeps(self) -> None:
        with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
            most = int(file.read())
        one, two = self.path("a/x"), self.path("a/y")
        self.make("a/x")

        def change() -> None:
            for _ in range(most // 4 + 1):
                os.rename(one, two)
                os.rename(two, one)

        before = self.watch.mark()
        change()
        self.assertNotEqual(self.watch.mark(), before)
        while self.watch.mark() != self.watch.mark():
            pass
        self.assertTrue(self.sees(lambda: os.unlink(one)))


class BoundsTests(WatchTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = time.monotonic()
        self.patch(time, "monotonic", lambda: self.now)

    def make_watch(self) -> Watch:
        self.patch(watch, "_MOST", 2)
        return super().make_watch()

    def test_when_there_are_too_many_all_is_watched_anew(self) -> None:
        self.assertTrue(self.add("a", "b"))
        before = self.watch.mark()
        self.now += 61
        self.assertTrue(self.add("other"))
        self.assertNotEqual(self.watch.mark(), before)
        self.assertFalse(self.sees(lambda: self.make("a/x")))
        self.assertTrue(self.sees(lambda: self.make("other/x")))

    def test_but_not_all_the_time(self) -> None:
        for _ in range(2):  # to watch anything at all is the first time
            self.assertTrue(self.add("a", "b"))
            self.assertFalse(self.add("other"))
            self.assertTrue(self.sees(lambda: self.make("a/x")))
            os.unlink(self.path("a/x"))
            self.now += 61

    def test_what_is_not_there_is_not_watched(self) -> None:
        self.assertFalse(self.add("a", "absent"))
        self.assertTrue(self.add("b"))

    def test_what_is_no_folder_is_not_watched(self) -> None:
        self.make("file")
        self.assertFalse(self.add("file"))

    def test_where_others_write_as_well_nothing_is_watched(self) -> None:
        """As on file systems of the network."""
        self.patch(watch, "_OURS_ALONE", frozenset())
        self.assertIsNone(Watch(self.root).device())

    def test_where_the_kernel_does_not_say_how_many_nothing_is_watched(self) -> None:
        self.patch(watch, "_ALLOWED", self.path("absent"))
        self.assertIsNone(Watch(self.root).device())

    def test_where_nothing_may_be_watched_nothing_is(self) -> None:
        self.make("allowed")
        with open(self.path("allowed"), "w", encoding="ascii") as file:
            file.write("0\n")
        self.patch(watch, "_ALLOWED", self.path("allowed"))
        self.watch = Watch(self.root)
        self.watch.device()
        self.add("a")
        self.assertFalse(self.add("b"))

    def test_nothing_stays_open(self) -> None:
        before = set(os.listdir("/proc/self/fd"))
        self.add("a")
        self.assertEqual(len(set(os.listdir("/proc/self/fd")) - before), 1)
        del self.watch
        gc.collect()
        self.assertEqual(set(os.listdir("/proc/self/fd")) - before, set())
