"""A repair that is broken off at any of its writes is gone on with by the next."""

from tests.registry.checking import case
from tests.registry.checking.case import MULTI
from tests.registry.checking.catalogue import DEFECTS
from tests.registry.faulty import FaultyStore, Killed

BROKEN = (
    "empty layer link",
    "empty link of a history",
    "tag without a link",
    "member of an index without any links",
    "layer that was cut off",
    "index that says what is not so",
    "file that was being written",
)


class BrokenOffTests(case.CheckTestCase):
    store: FaultyStore

    def make_store(self) -> FaultyStore:
        return FaultyStore(self.clock)

    def break_all(self) -> None:
        """Break a new tree in several ways."""
        self.setUp()
        for name in BROKEN:
            DEFECTS[name].break_it(self)

    def test_is_gone_on_with(self) -> None:
        self.break_all()
        self.check(mend=True)
        mended = self.everything()
        step = 0
        while True:
            step += 1
            self.break_all()
            self.store.fail_before(step, kills=True)
            try:
                self.check(mend=True)
            except (Killed, self.failureException):
                self.assertTrue(self.store.failed)
            else:
                break
            finally:
                self.store.heal()
            self.check(mend=True)
            after = {
                key: data
                for key, data in self.everything().items()
                if "/uploads/" not in key  # of what was being moved away
            }
            self.assertEqual(after, mended, step)
        self.assertGreater(step, len(BROKEN))
        self.assertIsNotNone(self.pulls(MULTI))

    def test_write_that_fails_is_done_the_next_time(self) -> None:
        self.break_all()
        self.store.fail_before(1, kills=False)
        told = self.check(mend=True)
        self.assertEqual([each.state for each in told].count("failed"), 1)
        told = self.check(mend=True)
        self.assertEqual([each.state for each in told].count("mended"), 1)
