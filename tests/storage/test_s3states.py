"""Tests of ``txregistry/storage/s3.py`` where several nodes write at the same time."""

from tests.storage import test_s3store
from tests.storage.playing import LOST, Reply
from txregistry.storage.interfaces import Key, StorageUnavailable
from txregistry.storage.s3 import S3ObjectStore

STATE = Key("state")
NEW = Reply(headers={"ETag": '"new"'})
OLD = Reply(headers={"ETag": '"old"'})
ABSENT = Reply(404)
OTHER = Reply(412)
CANNOT = Reply(501)


class ReplacingTests(test_s3store.StoreCase):
    def replace(self, *replies: Reply, tag: str = '"old"') -> str | None:
        """Replace something at a server that answers so."""
        self.store = self.open_store(*replies)
        return self.again(tag)

    def again(self, tag: str = '"old"') -> str | None:
        """Replace something."""
        found = self.result(self.store.replace(STATE, b"data", tag))
        self.nothing_waits()
        return found

    store: S3ObjectStore

    def conditions(self) -> list[tuple[str, str, str]]:
        """Give what was asked, and on what conditions."""
        return [
            (asked.method, asked.header("If-Match"), asked.header("If-None-Match"))
            for asked in self.agent.asked
        ]

    def test_the_service_compares(self) -> None:
        self.assertEqual(self.replace(NEW), '"new"')
        self.assertEqual(self.conditions(), [("PUT", '"old"', "")])

    def test_nothing_was_there(self) -> None:
        self.assertEqual(self.replace(NEW, tag=""), '"new"')
        self.assertEqual(self.conditions(), [("PUT", "", "*")])

    def test_something_else_is_there(self) -> None:
        for reply in (OTHER, ABSENT):
            self.assertIsNone(self.replace(reply))

    def test_the_answer_was_lost(self) -> None:
        ours = Reply(echo="X-Amz-Meta-Written", headers={"ETag": '"new"'})
        theirs = Reply(headers={"X-Amz-Meta-Written": "theirs", "ETag": '"x"'})
        self.assertEqual(self.replace(LOST, OTHER, ours), '"new"')
        for there in (theirs, ABSENT):
            self.assertIsNone(self.replace(LOST, OTHER, there))

    def replace_twice(self, *replies: Reply) -> list[str | None]:
        """Replace something at a server that answers so, and once more."""
        self.store = self.open_store(*replies)
        work = self.store.replace(STATE, b"data", '"old"')
        return [self.result(work), self.again()]

    def test_a_service_that_cannot_compare(self) -> None:
        found = self.replace_twice(CANNOT, OLD, NEW, OLD, NEW)
        self.assertEqual(found, ['"new"', '"new"'])
        methods = [asked.method for asked in self.agent.asked]
        self.assertEqual(methods, ["PUT", "HEAD", "PUT", "HEAD", "PUT"])

    def test_it_has_something_else(self) -> None:
        found = self.replace_twice(CANNOT, NEW, ABSENT)
        self.assertEqual(found, [None, None])

    def test_faults_are_none_of_these(self) -> None:
        store = self.open_store(*[Reply(503)] * 4)
        self.fault(StorageUnavailable, store.replace(STATE, b"data", ""))


class ContestTests(test_s3store.StoreCase):
    """The service tells whoever begins early enough that there is nothing yet."""

    def put(self, *replies: Reply) -> bool:
        """Put what is absent, at a server that answers so."""
        store = self.open_store(*replies, contest=0.25)
        store._clock = self.clock
        began = self.clock.seconds()
        won = self.result(store.put(STATE, b"data", if_absent=True))
        self.nothing_waits()
        self.waited = self.clock.seconds() - began
        return won

    def test_what_is_there_later_has_won(self) -> None:
        ours = Reply(echo="X-Amz-Meta-Written")
        theirs = Reply(headers={"X-Amz-Meta-Written": "theirs"})
        for first in ((NEW,), (CANNOT, ABSENT, NEW)):
            for there, won in ((ours, True), (theirs, False), (ABSENT, False)):
                self.assertEqual(self.put(*first, there), won)
                self.assertGreaterEqual(self.waited, 0.25)

    def test_who_is_late_waits_for_who_has_won(self) -> None:
        for replies in ((OTHER,), (CANNOT, OLD)):
            self.assertFalse(self.put(*replies))
            self.assertGreaterEqual(self.waited, 0.25)
