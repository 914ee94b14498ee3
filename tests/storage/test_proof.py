"""Tests of ``txregistry/storage/proof.py``."""

import gc
import os
import time
from typing import Any

from twisted.trial.unittest import SkipTest
from zope.interface.verify import verifyObject

from tests.storage.case import FolderTestCase
from txregistry.storage import watch
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IProof, Key

PREFIXES = ("a/", "b/", "b/c/")


class ProofTestCase(FolderTestCase):
    """Prove the listings of some folders."""

    def setUp(self) -> None:
        gc.collect()  # stores of other tests watch something as well
        real = time.time_ns
        self.later = 10**10
        self.patch(time, "time_ns", lambda: real() + self.later)
        self.now = time.monotonic()
        self.patch(time, "monotonic", lambda: self.now)
        self.looks = 0
        self.store = self.make_store({Key("a/x"): b"x", Key("b/c/y"): b"y"})
        self.root = self.store._root

    def find(self) -> IProof | None:
        found = self.result(self.store.names(PREFIXES))
        return self.store.proof(dict(zip(PREFIXES, found, strict=True)))

    def proof(self) -> IProof:
        found = self.find()
        assert found is not None
        return found

    def count_looks(self) -> None:
        stat = os.stat

        def counting(*args: Any, **more: Any) -> os.stat_result:
            self.looks += 1
            return stat(*args, **more)

        self.patch(os, "stat", counting)


class ChangesTests(ProofTestCase):
    """Whatever changes, it does not hold, however often it was asked before."""

    times = range(3)

    def asked(self) -> IProof:
        proof = self.proof()
        for _ in self.times:
            self.assertTrue(proof.holds())
        return proof

    def test_is_one(self) -> None:
        self.assertTrue(verifyObject(IProof, self.proof()))

    def test_name_that_comes(self) -> None:
        proof = self.asked()
        self.result(self.store.put(Key("b/z"), b"z"))
        self.assertFalse(proof.holds())
        self.assertFalse(proof.holds())

    def test_name_that_goes(self) -> None:
        proof = self.asked()
        self.result(self.store.delete([Key("a/x")]))
        self.assertFalse(proof.holds())

    def test_name_that_another_store_brings(self) -> None:
        proof = self.asked()
        other = FilesystemObjectStore(self.root, ".other", self.store._blocking, {})
        self.result(other.put(Key("b/c/z"), b"z"))
        self.assertFalse(proof.holds())

    def test_folder_in_place_of_another(self) -> None:
        proof = self.asked()
        os.rename(f"{self.root}/b/c", f"{self.root}/b/old")
        os.mkdir(f"{self.root}/b/c")
        self.assertFalse(proof.holds())

    def test_folder_that_is_reached_another_way(self) -> None:
        self.result(self.store.put(Key("d/e/f/z"), b"z"))
        (names,) = self.result(self.store.names(("d/e/f/",)))
        proof = self.store.proof({"d/e/f/": names})
        assert proof is not None
        for _ in self.times:
            self.assertTrue(proof.holds())
        os.rename(f"{self.root}/d", f"{self.root}/g")
        self.assertFalse(proof.holds())

    def test_change_that_hides_behind_its_times(self) -> None:
        """As where a tree is restored."""
        before = os.stat(f"{self.root}/a")
        proof = self.asked()
        os.unlink(f"{self.root}/a/x")
        os.utime(f"{self.root}/a", ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertFalse(proof.holds())

    def test_what_is_written_into_files_is_no_change(self) -> None:
        proof = self.asked()
        with open(f"{self.root}/a/x", "wb") as file:
            file.write(b"other")
        self.assertTrue(proof.holds())

    def test_changes_elsewhere_are_none(self) -> None:
        proof = self.asked()
        self.result(self.store.put(Key("c/z"), b"z"))
        for _ in self.times:
            self.assertTrue(proof.holds())


class UnwatchedChangesTests(ChangesTests):
    """The same where the kernel does not tell, and every folder is looked at."""

    def setUp(self) -> None:
        self.patch(watch, "_OURS_ALONE", frozenset())
        super().setUp()

    def test_folders_are_looked_at_each_time(self) -> None:
        proof = self.asked()
        self.count_looks()
        for times in (1, 2):
            self.assertTrue(proof.holds())
            self.assertEqual(self.looks, times * len(PREFIXES))


class LooksTests(ProofTestCase):
    """What it costs, where the kernel tells."""

    def setUp(self) -> None:
        super().setUp()
        if self.store._watch.device() is None:
            raise SkipTest("changes to files are not told of here")
        self.kept = self.proof()
        self.kept.holds()
        self.count_looks()

    def holds_with(self, looks: int) -> None:
        self.looks = 0
        self.assertTrue(self.kept.holds())
        self.assertEqual(self.looks, looks)

    def test_the_second_time_no_folder_is_looked_at(self) -> None:
        self.holds_with(0)

    def test_after_a_while_each_is(self) -> None:
        """What the kernel does not tell is seen then: something is mounted there."""
        self.now += 1
        self.holds_with(len(PREFIXES))
        self.holds_with(0)

    def test_after_a_change_of_any_other_each_is(self) -> None:
        self.result(self.store.put(Key("d/z"), b"z"))
        (names,) = self.result(self.store.names(("d/",)))
        other = self.store.proof({"d/": names})
        assert other is not None
        self.assertTrue(other.holds())
        self.result(self.store.put(Key("d/zz"), b"z"))
        self.holds_with(len(PREFIXES))
        self.holds_with(0)


class NoProofTests(ProofTestCase):
    def test_what_has_just_changed_cannot_be_proved(self) -> None:
        self.later = 0
        self.assertIsNone(self.find())

    def test_what_is_not_there_cannot_be_proved(self) -> None:
        self.assertIsNone(self.store.proof({"absent/": ()}))

    def test_names_that_are_not_the_last_cannot_be_proved(self) -> None:
        """There may have been others meanwhile."""
        (names,) = self.result(self.store.names(("a/",)))
        self.assertIsNone(self.store.proof({"a/": [*names]}))
