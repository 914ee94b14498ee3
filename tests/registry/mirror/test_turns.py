"""Tests of ``txregistry/registry/mirror/turns.py``."""

from tests.registry import case
from txregistry.registry.mirror.turns import PlanTurns, Turn
from txregistry.storage import keys
from txregistry.storage.kinds import Document, recognize

PLAN: tuple[object, ...] = ("other.example", ["team/app"], ["3.*"], [], 3600.0)


class TurnsTests(case.RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.one, self.two = (PlanTurns(self.store, PLAN) for _ in range(2))

    def test_there_was_none(self) -> None:
        self.assertIsNone(self.result(self.one.last()))

    def test_one_after_the_other(self) -> None:
        last = None
        for number in range(1, 13):
            self.assertTrue(self.result(self.one.take(last, number + 0.5)))
            last = self.result(self.two.last())
            self.assertEqual(last, Turn(number, number))
        (key,) = self.keys()
        self.assertEqual(recognize(key), Document())

    def test_a_turn_is_had_by_one(self) -> None:
        self.assertTrue(self.result(self.one.take(None, 5)))
        self.assertFalse(self.result(self.two.take(None, 6)))
        self.assertEqual(self.result(self.two.last()), Turn(1, 5))

    def test_who_was_asleep_does_not_remove_what_came_after(self) -> None:
        last = None
        for number in range(1, 4):
            self.result(self.one.take(last, number))
            last = Turn(number, number)
        self.result(self.two.take(None, 9))
        self.assertEqual(self.result(self.one.last()), Turn(3, 3))

    def test_plans_do_not_share_turns(self) -> None:
        self.result(self.one.take(None, 5))
        for place, other in enumerate(("b", ["c"], ["d"], ["e"], 1.0)):
            plan = (*PLAN[:place], other, *PLAN[place + 1 :])
            self.assertIsNone(self.result(PlanTurns(self.store, plan).last()))

    def test_a_time_that_cannot_be_told_is_long_ago(self) -> None:
        self.result(self.one.take(None, 5))
        (key,) = self.keys()
        for data in (b"", b"soon", b"1e9", b"9" * 100):
            self.put(key, data)
            self.assertEqual(self.result(self.one.last()), Turn(1, 0))
        self.assertTrue(self.result(self.one.take(Turn(1, 0), 7)))

    def test_what_is_no_turn_is_passed_over(self) -> None:
        self.result(self.one.take(None, 5))
        (key,) = self.keys()
        self.put(f"{key.rpartition('/')[0]}/stray", b"")
        self.assertEqual(self.result(self.one.last()), Turn(1, 5))
        self.assertTrue(key.startswith(f"{keys.PRIVATE}mirror/turns/"))
