"""Work that blocks, work that several want, and work that nobody awaits."""

from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Hashable,
    Sequence,
)
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    DeferredLock,
    FirstError,
    gatherResults,
)
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class Blocking(Protocol):
    """A way to do what would block the reactor."""

    def __call__(
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Do it elsewhere; the Deferred fires with what it returns or raises."""


class _Uncancellable(Deferred[T]):
    """A result that is waited for, whatever becomes of who waits.

    A thread cannot be stopped. Were its Deferred cancelled, the files it works on would
    be closed, or given to somebody else, under its hands.
    """

    def cancel(self) -> None:
        """Do nothing: what awaits this goes on when the work has ended."""


def in_threads(reactor: IReactorFromThreads, pool: ThreadPool) -> Blocking:
    """Do blocking work in the threads of a pool."""

    def blocking(
        work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        result: Deferred[T] = _Uncancellable()
        job = deferToThreadPool(reactor, pool, work, *args, **kwargs)
        _ = job.chainDeferred(result)
        return result

    return blocking


def at_once(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """Do blocking work here and now: for tests, and where no reactor runs."""
    result: Deferred[T] = Deferred()
    try:
        result.callback(work(*args, **kwargs))
    except Exception:  # noqa: BLE001 - it belongs to whoever awaits the result
        result.errback(Failure())
    return result


class Turns:
    """Let one at a time work on each of many things."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, DeferredLock] = {}

    @asynccontextmanager
    async def on(self, thing: Hashable) -> AsyncIterator[None]:
        """Wait for one's turn on a thing, and have it within the block."""
        lock = self._locks.setdefault(thing, DeferredLock())
        await lock.acquire()
        try:
            yield
        finally:
            lock.release()  # the next has its turn here and now, and maybe its end
            if not lock.locked and self._locks.get(thing) is lock:
                del self._locks[thing]


class Crowds:
    """Let many work on a thing together, or one of them alone."""

    def __init__(self) -> None:
        self._inside: dict[Hashable, int] = {}
        self._changed: dict[Hashable, Bell] = {}
        self._alone = Turns()

    @asynccontextmanager
    async def among(self, thing: Hashable) -> AsyncIterator[None]:
        """Be one of many within the block, when nobody is or wants to be alone."""
        while thing in self._changed:
            await self._changed[thing].wait()
        self._inside[thing] = self._inside.get(thing, 0) + 1
        try:
            yield
        finally:
            left = self._inside.pop(thing) - 1
            if left:
                self._inside[thing] = left
            elif thing in self._changed:
                self._changed[thing].ring()

    @asynccontextmanager
    async def alone(self, thing: Hashable) -> AsyncIterator[None]:
        """Be alone within the block, when all have left who were there before."""
        async with self._alone.on(thing):
            changed = self._changed[thing] = Bell()
            try:
                while thing in self._inside:
                    await changed.wait()
                yield
            finally:
                del self._changed[thing]
                changed.ring()


class Bell:
    """Let many wait until something happens, time and again."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[None]] = []

    async def wait(self) -> None:
        """Wait for the next ring."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        await waiting

    def ring(self) -> None:
        """Let all go on that wait."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:  # it may have been cancelled
                each.callback(None)


class Flights:
    """Let several who want the same thing at the same time wait for one work.

    Nothing is remembered once the work has ended: who comes later begins it anew.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[Deferred[Any]]] = {}

    async def join(
        self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        """Wait for a work, which the first to come begins.

        Who is cancelled does not stop it: others may wait, or come.

        Args:
            key: What is wanted; equal keys are the same work.
            begin: Makes the work. It is called only if there is no such work yet.

        Returns:
            What the work comes to, the same for all.

        Raises:
            Exception: whatever the work raises, the same for all.
        """
        waiting = self._waiting.get(key)
        if waiting is not None:
            joined: Deferred[T] = self._wait(waiting)
            return await joined
        work = begin()
        waiting = self._waiting[key] = []
        begun: Deferred[T] = self._wait(waiting)
        _ = Deferred.fromCoroutine(work).addBoth(self._land, key)
        return await begun

    @staticmethod
    def _wait(waiting: list[Deferred[Any]]) -> Deferred[T]:
        mine: Deferred[T] = Deferred(waiting.remove)  # who leaves is forgotten
        waiting.append(mine)
        return mine

    def _land(self, outcome: object, key: Hashable) -> None:
        waiting = self._waiting.pop(key)
        while waiting:  # it may shrink meanwhile: one who goes on may take others along
            waiting.pop(0).callback(outcome)


def start(work: Coroutine[Any, Any, T]) -> T | Deferred[T]:
    """Do some work here and now, as far as it goes without waiting.

    Most answers come out of memory: they are spared the Deferred that nobody awaits.

    Returns:
        What it comes to; a Deferred of that, where it has to wait.

    Raises:
        Exception: whatever it raises before it has to wait.
    """
    try:
        waiting = work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    rest: Deferred[T] = Deferred.fromCoroutine(_go_on(work, waiting))
    return rest


def _go_on(work: Coroutine[Any, Any, T], waiting: Any) -> Generator[Any, Any, T]:
    """Do the rest of what has begun already."""
    while True:
        try:
            try:
                found = yield waiting
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it is for the work to catch
                waiting = work.throw(error)
            else:
                waiting = work.send(found)
        except StopIteration as end:
            result: T = end.value
            return result


def detach(work: Coroutine[Any, Any, object], log: Logger, what: str) -> Deferred[None]:
    """Let some work go on by itself; a failure of it is logged.

    Args:
        work: The work.
        log: Where a failure goes.
        what: The work in words, for the log: "sweeping uploads".

    Returns:
        A Deferred that fires at its end, and never with a failure.
    """

    def failed(failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            log.failure("Failed while {what}", failure, what=what)

    done: Deferred[None] = Deferred.fromCoroutine(work).addCallbacks(
        lambda _: None, failed
    )
    return done


async def side_by_side(
    work: Callable[[S], Coroutine[Any, Any, T]], things: Sequence[S], most: int
) -> list[T]:
    """Do the same to many things, to some of them at once.

    Args:
        work: What is done to each.
        things: The things.
        most: To how many at once.

    Returns:
        What it comes to, in the order of the things.

    Raises:
        Exception: whatever the first failure is; nothing is being done any more then.
    """
    left = iter(enumerate(things))
    found: dict[int, T] = {}

    async def line() -> None:
        for place, thing in left:
            found[place] = await work(thing)

    running = [Deferred.fromCoroutine(line()) for _ in range(min(most, len(things)))]
    try:
        await gatherResults(running, consumeErrors=True)
    except BaseException as error:
        for each in running:
            each.cancel()
        await DeferredList(running, consumeErrors=True)
        if isinstance(error, FirstError):
            error.subFailure.raiseException()
        raise
    return [found[place] for place in range(len(things))]


def breathe(clock: IReactorTime) -> Deferred[None]:
    """Let the reactor do what else is due, within a long loop."""
    return deferLater(clock, 0, lambda: None)
