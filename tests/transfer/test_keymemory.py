"""Tests of ``txregistry/transfer/keymemory.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.transfer.keymemory import KeyMemory


class KeyMemoryTests(SynchronousTestCase):
    def test_it_says_what_it_did_not_know(self) -> None:
        memory = KeyMemory()
        self.assertNotIn("a", memory)
        self.assertTrue(memory.add("a"))
        self.assertFalse(memory.add("a"))
        self.assertIn("a", memory)

    def test_it_forgets_what_nobody_asked_for(self) -> None:
        memory = KeyMemory(2)
        memory.add("a")
        memory.add("b")
        self.assertIn("a", memory)
        memory.add("c")
        self.assertEqual([key in memory for key in "abc"], [True, False, True])
