"""Requests that run at the same time, whose work is done in any order."""

import os
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.registry.case import RegistryTestCase
from tests.temporary import make_folder
from txregistry.model.errors import RegistryError
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import at_once

Request = Callable[[], Coroutine[Any, Any, object]]

ORDERS = st.lists(st.integers(0, 5), min_size=1, max_size=12)
"""Which of the works that wait is done next, again and again."""
MANY = settings(max_examples=40)


class Queue:
    """Blocking work that is done when, and in the order in which, one is told to."""

    def __init__(self) -> None:
        self.waits = False
        self._jobs: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def __call__(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Take work, as `Blocking` does."""
        if not self.waits:
            return at_once(work, *args, **kwargs)
        done: Deferred[Any] = Deferred()
        self._jobs.append((done, lambda: work(*args, **kwargs)))
        return done

    def __len__(self) -> int:
        return len(self._jobs)

    def do(self, place: int) -> None:
        """Do one of the works."""
        done, work = self._jobs.pop(place % len(self._jobs))
        try:
            result = work()
        except Exception:  # noqa: BLE001 - it belongs to whoever awaits the result
            done.errback(Failure())
        else:
            done.callback(result)


class InterleavingTestCase(RegistryTestCase):
    """Inherit as ``interleaving.InterleavingTestCase``."""

    def make_store(self) -> IObjectStore:
        self.queue = Queue()
        root = make_folder(self)
        return FilesystemObjectStore(
            os.path.join(root, "store"),
            f"{keys.PRIVATE}scratch",
            self.queue,
            keys.COMPANIONS,
        )

    def run_all(self, order: list[int], *requests: Request) -> list[object]:
        """Run requests at the same time.

        Args:
            order: Which of the works that wait is done next, again and again.
            requests: What they are.

        Returns:
            What became of each: its result, or its failure, which a client is told.
        """
        self.queue.waits = True
        results: dict[int, object] = {}

        def keep(result: object, place: int) -> None:
            results[place] = result

        for place, request in enumerate(requests):
            done = Deferred.fromCoroutine(request())
            _ = done.addBoth(keep, place)
        turn = 0
        while len(results) < len(requests):
            self.clock.advance(0)
            if len(self.queue):
                self.queue.do(order[turn % len(order)])
                turn += 1
        self.queue.waits = False
        for result in results.values():
            if isinstance(result, Failure):
                self.assertTrue(result.check(RegistryError), result)
        return [results[place] for place in range(len(requests))]
