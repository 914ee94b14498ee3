"""Tests of ``txregistry/storage/evidence.py``."""

import os
import time
from collections.abc import Callable

from zope.interface.verify import verifyObject

from tests.storage.case import FolderTestCase
from txregistry.storage.evidence import Evidence, IWitnessed, Witness
from txregistry.storage.interfaces import Key, NotFound

THERE, ABSENT = Key("a/there"), Key("a/absent")


class EvidenceCase(FolderTestCase):
    """A store of files, whose looks are taken down.

    Attributes:
        ahead: Nanoseconds by which it is later than the clock says: files have been
            there for that time.
    """

    def setUp(self) -> None:
        self.ahead = 10 * 10**9
        now = time.time_ns
        self.patch(time, "time_ns", lambda: now() + self.ahead)
        self.store = self.make_store({THERE: b"data"})
        self.path = self.store._path(THERE)
        self.absent = self.store._path(ABSENT)

    def look(self, *looks: Callable[[], object]) -> Evidence | None:
        """Do something, and give what was seen."""
        witness = self.store.witness
        witness.begin()
        for each in looks:
            each()
        return witness.end()

    def get(self) -> None:
        """Read what is there."""
        self.successResultOf(self.store.get(THERE, 100))

    def stat(self) -> None:
        """Look at what is there."""
        self.successResultOf(self.store.stat(THERE))

    def miss(self) -> None:
        """Read what is absent."""
        self.failureResultOf(self.store.get(ABSENT, 100), NotFound)

    def replace(self, data: bytes = b"more") -> None:
        """Put another file in its place."""
        with open(f"{self.path}.new", "wb") as file:
            file.write(data)
        os.rename(f"{self.path}.new", self.path)

    def rewrite(self) -> None:
        """Write to the file itself."""
        with open(self.path, "r+b") as file:
            file.write(b"longer than that")

    def fold(self) -> None:
        """Put a folder in its place."""
        os.unlink(self.path)
        os.mkdir(self.path)

    def appear(self) -> None:
        """Let there be what was absent."""
        with open(self.absent, "wb"):
            pass

    def overturn(self) -> None:
        """Let something else be found out."""
        self.store.witness.overturn()

    def vanish(self) -> None:
        """Let what is there be in no folder any more."""
        os.rename(os.path.dirname(self.path), f"{self.store._root}/b")

    def block(self) -> None:
        """Let a file be in place of the folder."""
        self.vanish()
        with open(os.path.dirname(self.path), "wb"):
            pass


class EvidenceTests(EvidenceCase):
    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IWitnessed, self.store))

    def test_holds_while_nothing_changes(self) -> None:
        for looks in (
            (self.get,),
            (self.get, self.get, self.miss),
            (self.stat,),
            (self.stat, self.get),
            (self.miss,),
            (self.miss, self.miss),
        ):
            evidence = self.look(*looks)
            assert evidence is not None, looks
            for _ in range(3):
                self.assertTrue(evidence.holds(), looks)

    def test_holds_no_more_after_a_change(self) -> None:
        for look, change in (
            (self.get, self.replace),
            (self.get, self.rewrite),
            (self.get, self.fold),
            (self.get, lambda: os.unlink(self.path)),
            (self.get, lambda: os.utime(self.path, (1, 1))),
            (self.get, self.vanish),
            (self.get, self.block),
            (self.stat, self.replace),
            (self.stat, self.rewrite),
            (self.stat, lambda: os.unlink(self.path)),
            (self.miss, self.appear),
            (self.miss, lambda: os.mkdir(self.absent)),
            (self.miss, self.block),
            (self.get, self.overturn),
        ):
            self.setUp()
            evidence = self.look(look)
            assert evidence is not None
            change()
            self.assertFalse(evidence.holds(), (look, change))

    def test_all_that_was_seen_has_to_hold(self) -> None:
        for change in (self.appear, self.replace):
            self.setUp()
            evidence = self.look(self.miss, self.get)
            assert evidence is not None
            change()
            self.assertFalse(evidence.holds())

    def test_what_was_seen_as_two_things_proves_nothing(self) -> None:
        self.assertIsNone(self.look(self.get, self.replace, self.get))
        self.assertIsNone(self.look(self.miss, self.appear, self.read_absent))

    def read_absent(self) -> None:
        """Read what was absent before."""
        self.successResultOf(self.store.get(ABSENT, 100))

    def test_nothing_seen_is_no_proof(self) -> None:
        self.assertIsNone(self.look())

    def test_what_is_listed_or_opened_is_no_proof(self) -> None:
        for look in (
            lambda: self.successResultOf(self.store.list("a/", limit=1)),
            lambda: self.successResultOf(
                self.store.list("a/", limit=1, delimiter=True)
            ),
            lambda: self.successResultOf(self.store.names(["a/"])),
            lambda: self.successResultOf(self.store.open(THERE, 0, 1)),
            lambda: self.failureResultOf(self.store.stat(ABSENT), NotFound),
            lambda: self.failureResultOf(self.store.get(Key("a"), 1), NotFound),
        ):
            self.assertIsNone(self.look(self.get, look))
        self.assertIsNotNone(self.look(self.get))

    def test_what_has_just_changed_is_no_proof(self) -> None:
        """What comes next may look the same, where time goes by in ticks."""
        changed = os.stat(self.path).st_ctime_ns
        for time_of_change, age, proves in (
            (changed, 0.05, False),
            (changed, 0.2, True),
            (changed // 10**9 * 10**9, 0.2, False),  # it may know no parts of seconds
            (changed // 10**9 * 10**9, 1.9, False),
            (changed // 10**9 * 10**9, 2.1, True),
        ):
            now = time_of_change + int(age * 10**9)
            self.patch(time, "time_ns", lambda now=now: now)
            found = _Changed(time_of_change)
            witness = Witness()
            witness.begin()
            witness.look("path")
            witness.saw("path", found)  # type: ignore[arg-type]  # all that is asked of it
            self.assertEqual(witness.end() is not None, proves, (time_of_change, age))

    def test_looks_are_taken_down_from_the_beginning_to_the_end(self) -> None:
        witness = self.store.witness
        self.assertFalse(witness.is_asked)
        self.miss()
        witness.begin()
        self.assertTrue(witness.is_asked)
        self.get()
        evidence = witness.end()
        self.assertFalse(witness.is_asked)
        self.appear()
        assert evidence is not None
        self.assertTrue(evidence.holds())


class _Changed:
    """What a look at a file tells."""

    st_ino = st_size = st_mtime_ns = 1

    def __init__(self, changed: int) -> None:
        self.st_ctime_ns = changed
