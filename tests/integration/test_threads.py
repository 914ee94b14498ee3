"""Tests of ``txregistry/tasks.py``, with threads."""

import threading

from twisted.internet import reactor  # noqa: TID251 - threads are the point
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from txregistry.tasks import in_threads


class InThreadsTests(TestCase):
    def setUp(self) -> None:
        pool = ThreadPool(1, 4, "tested")
        pool.start()
        self.addCleanup(pool.stop)
        self.blocking = in_threads(IReactorFromThreads(reactor), pool)

    async def test_work_is_done_in_another_thread(self) -> None:
        self.assertNotEqual(
            await self.blocking(threading.get_ident), threading.get_ident()
        )

    async def test_arguments_are_handed_on(self) -> None:
        self.assertEqual(await self.blocking(int, "11", base=2), 3)

    async def test_failure_is_handed_back(self) -> None:
        with self.assertRaises(ValueError):
            await self.blocking(int, "x")

    async def test_who_is_cancelled_waits_for_the_end_of_the_work(self) -> None:
        begun, go_on = threading.Event(), threading.Event()
        ended: list[str] = []

        def work() -> None:
            begun.set()
            go_on.wait(10)
            ended.append("work")

        async def wait() -> None:
            await self.blocking(work)
            ended.append("waiting")

        waiting = Deferred.fromCoroutine(wait())
        await self.blocking(begun.wait, 10)
        waiting.cancel()
        go_on.set()
        await waiting
        self.assertEqual(ended, ["work", "waiting"])
