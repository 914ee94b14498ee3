"""Tests of ``txregistry/registry/made.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.registry.made import Made, Making

LISTING = ["a", "b"]


class MadeTests(SynchronousTestCase):
    def test_holds_while_listings_are_the_same(self) -> None:
        made = Made("x", {"p/": LISTING, "q/": ()})
        self.assertTrue(made.is_of((LISTING, ())))

    def test_does_not_hold_for_others_that_say_the_same(self) -> None:
        """It would have to be compared name by name."""
        made = Made("x", {"p/": LISTING})
        self.assertFalse(made.is_of(([*LISTING],)))


class MakingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.making: Making[str] = Making(3 * 18)

    def keep(self, key: str, names: int = 2) -> None:
        self.making.keep(key, Made(key, {"p/": ["x"] * names}))

    def kept(self) -> str:
        return "".join(key for key in "abcd" if key in self.making._kept)

    def test_finds_what_was_made_last(self) -> None:
        self.making.keep("a", Made("old", {}))
        self.making.keep("a", Made("new", {}))
        found = self.making.find("a")
        assert found is not None
        self.assertEqual(found.value, "new")
        self.assertIsNone(self.making.find("b"))

    def test_what_is_used_stays(self) -> None:
        for key in "abc":
            self.keep(key)
        self.making.find("a")
        self.keep("d")
        self.assertEqual(self.kept(), "acd")

    def test_room_is_that_of_listings(self) -> None:
        self.keep("a")
        self.keep("b", 30)
        self.assertEqual(self.kept(), "b")
        self.keep("c", 1000)
        self.assertEqual(self.kept(), "")
        for key in "abc":
            self.keep(key)
            self.keep(key)
        self.assertEqual(self.kept(), "abc")
