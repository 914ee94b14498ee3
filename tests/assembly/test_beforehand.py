"""Tests of ``txregistry/assembly/beforehand.py``."""

from typing import Any

from twisted.internet import reactor  # noqa: TID251 - it is not to be used
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from txregistry.assembly.beforehand import do_beforehand


class BeforehandTests(SynchronousTestCase):
    def test_what_it_comes_to(self) -> None:
        async def work(own: Any) -> str:
            self.assertIsNot(own, reactor)
            found: str = await deferLater(own, 0.001, lambda: "done")
            return found

        for _ in range(2):
            self.assertEqual(do_beforehand(work), "done")

    def test_what_fails(self) -> None:
        async def work(own: Any) -> None:
            await deferLater(own, 0.001, lambda: None)
            raise KeyError("gone")

        with self.assertRaises(KeyError):
            do_beforehand(work)

    def test_what_is_done_at_once(self) -> None:
        async def work(own: Any) -> None:
            del own

        self.assertIsNone(do_beforehand(work))
