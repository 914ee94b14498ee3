"""What every store on another machine must do when that has faults."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.web.client import Agent

from tests.integration.stores import service
from tests.integration.stores.faults import acts, areaworks, works
from tests.integration.stores.faults.proxy import FaultProxy, Rule
from tests.integration.stores.faults.table import (
    FAULTS,
    KINDRED,
    LASTING,
    LIE,
    Fault,
    Kind,
)
from tests.integration.stores.faults.works import LONG, SMALL, Work, Wrong
from tests.integration.stores.spinning import Addresses
from txregistry.client.agent import make_pool
from txregistry.storage.interfaces import IObjectStore, NotFound, StorageUnavailable
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.remote import Patience, RemoteServer

T = TypeVar("T")
_reactor: Any = reactor
_AT_ONCE = 6
"""Trials that go on at the same time."""
_LONG = 20.0
"""Seconds from which on something is a time-out, and not a pause."""
_SETTLED = 20.0
"""Seconds in which all must have ended, on a machine that is busy."""
PATIENCE = Patience()
LIES = (LIE,) * 9
ALL = FAULTS + KINDRED


class TimeOuts(Clock):
    """A clock on which pauses are short, and time-outs pass when somebody says so.

    So nothing depends on how fast a machine is.
    """

    def callLater(  # noqa: N802 - Twisted's name
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - and this
        *args: object,
        **kw: object,
    ) -> IDelayedCall:
        """See ``IReactorTime``."""
        if delay < _LONG:
            call: IDelayedCall = _reactor.callLater(delay / 100, callable, *args, **kw)
            return call
        return super().callLater(delay, callable, *args, **kw)

    def pass_time(self) -> None:
        """Let some time pass: a few of these are a time-out."""
        self.advance(PATIENCE.answer / 4)


class Trial:
    """A store of its own behind a proxy of its own.

    Args:
        port: Where the service is.
        root: What the store's names begin with.
    """

    def __init__(self, port: int, root: str) -> None:
        self.root = root
        self.clock = TimeOuts()
        self.proxy = FaultProxy(port, pass_time=self.clock.pass_time)
        self.proxy.listen()
        self.pool = make_pool(_reactor)
        # Without threads that look addresses up, where a test runs the reactor itself.
        agent = Agent.usingEndpointFactory(_reactor, Addresses(), self.pool)
        self.server = RemoteServer(agent, self.clock, PATIENCE)
        self.memory = PartMemory(1 << 20)

    async def settle(self) -> None:
        """Wait until nothing goes on any more, and expect that nothing is left.

        Raises:
            Wrong: something is.
        """
        kept = 0
        for _ in range(int(_SETTLED / 0.01)):
            kept = sum(
                each.state == "QUIESCENT"  # the others are gone
                for several in self.pool._connections.values()
                for each in several
            )
            if not self.proxy.busy and self.proxy.connections == kept:
                break
            await deferLater(_reactor, 0.01)
        works.same(self.proxy.busy, 0, "requests that go on")
        works.same(self.proxy.connections, kept, "connections that are kept")
        works.same(self.memory.held, 0, "memory that is held")
        works.same(self.clock.getDelayedCalls(), [], "time-outs that are left")

    def wrong(self, what: str, error: BaseException) -> Wrong:
        """Say what was done when something turned out to be wrong."""
        asked = "\n".join(self.proxy.asked[:30])
        return Wrong(f"{what}: {Failure(error).getBriefTraceback()}\n{asked}")

    async def end(self) -> None:
        """Close all connections."""
        await self.pool.closeCachedConnections()
        await self.proxy.deafen()


class BehindCase(service.ServiceCase):
    """A test of stores behind proxies."""

    timeout = 300
    much = LONG
    """More than is sent in one piece."""
    streams = False
    """Whether bytes are sent on as they come, and so cannot be sent again."""

    def open_plain(self, root: str) -> IObjectStore:
        """Open the store below a root, without a proxy."""
        raise NotImplementedError

    def open_behind(self, trial: Trial) -> IObjectStore:
        """Open the store behind a proxy."""
        raise NotImplementedError

    def begin(self, root: str) -> tuple[Trial, IObjectStore]:
        """Make a proxy, and the store below a root without it."""
        return Trial(self.service.port, root), self.open_plain(root)

    async def in_turns(
        self, works: Iterable[Callable[[], Coroutine[Any, Any, None]]]
    ) -> None:
        """Do some works, a few at a time, and say of all that fail."""
        turns = DeferredSemaphore(_AT_ONCE)
        begun = [turns.run(_begin, work) for work in works]
        outcomes = await DeferredList(begun, consumeErrors=True)
        said = [_say(outcome) for well, outcome in outcomes if not well]
        if said:
            self.fail("\n\n".join(said))


class FaultContract(BehindCase):
    """Inherit as ``contract.FaultContract``."""

    async def test_stat(self) -> None:
        await self.suffer(works.Stat, ALL)

    async def test_get(self) -> None:
        await self.suffer(works.Get, ALL)

    async def test_open(self) -> None:
        await self.suffer(works.Open, ALL)

    async def test_what_is_not_there(self) -> None:
        await self.suffer(works.Miss)

    async def test_list(self) -> None:
        await self.suffer(works.List, ALL)

    async def test_put(self) -> None:
        await self.suffer(works.Put, ALL)

    async def test_put_if_absent(self) -> None:
        await self.suffer(works.PutFirst, ALL)

    async def test_put_if_absent_where_there_is_something(self) -> None:
        await self.suffer(works.PutSecond)

    async def test_delete(self) -> None:
        await self.suffer(lambda: works.Delete(1), ALL)

    async def test_delete_many(self) -> None:
        await self.suffer(lambda: works.Delete(3))

    async def test_check(self) -> None:
        await self.suffer(works.Check)

    async def test_sweep(self) -> None:
        await self.suffer(works.Sweep)

    async def test_hold(self) -> None:
        await self.suffer(lambda: areaworks.Hold(SMALL, LONG))

    async def test_read_an_area(self) -> None:
        await self.suffer(lambda: areaworks.ReadArea(SMALL, LONG))

    async def test_append_little(self) -> None:
        await self.suffer(lambda: areaworks.Append(SMALL), ALL)

    async def test_append_much(self) -> None:
        repeatable = not self.streams
        await self.suffer(lambda: areaworks.Append(LONG, SMALL, repeatable=repeatable))

    async def test_commit_little(self) -> None:
        await self.suffer(lambda: areaworks.Commit(SMALL))

    async def test_commit_much(self) -> None:
        await self.suffer(lambda: areaworks.Commit(LONG, SMALL, LONG))

    async def test_discard(self) -> None:
        await self.suffer(lambda: areaworks.Discard(LONG, SMALL))

    async def test_go_straight(self) -> None:
        await self.suffer(lambda: areaworks.Direct(SMALL))

    async def test_go_straight_with_much(self) -> None:
        await self.suffer(lambda: areaworks.Direct(self.much, tries=2))

    async def test_how_often_a_request_is_made(self) -> None:
        for act in (acts.answer(503), acts.done_and_cut):
            trial, _ = self.begin("attempts")
            rule = Rule(act, lambda asked: asked.method == "PUT", times=None)
            trial.proxy.rules.append(rule)
            with self.assertRaises(StorageUnavailable):
                await self.open_behind(trial).put(works.KEY, SMALL)
            await trial.settle()
            await trial.end()
            self.assertEqual(rule.met, PATIENCE.attempts)

    async def test_append_where_nothing_is_said_to_be(self) -> None:
        await self.suffer(lambda: areaworks.Append(LONG, SMALL), LIES, ())

    async def test_commit_where_nothing_is_said_to_be(self) -> None:
        await self.suffer(lambda: areaworks.CommitWhatIsHeld(LONG, SMALL), LIES, ())

    async def suffer(
        self,
        make: Callable[[], Work],
        faults: Sequence[Fault] = FAULTS,
        lasting: Sequence[Fault] = LASTING,
    ) -> None:
        """Do something under faults, each met once, and under those that last.

        A fault is met at another request than the one before, in turn.
        """
        shared = "shared"
        trial, plain = self.begin(shared)
        await make().prepare(plain)
        try:
            await make().run(self.open_behind(trial))
            await trial.settle()
            count = len(trial.proxy.exchanges)
        finally:
            await trial.end()
        self.assertGreater(count, 0)
        trials: list[Callable[[], Coroutine[Any, Any, None]]] = []
        for lasts, table in ((False, faults), (True, lasting)):
            for place, fault in enumerate(table):
                first = (place + lasts) % count + 1
                root = shared if make().shares else f"trial {len(trials)}"
                rule = Rule(fault.act, first=first, times=None if lasts else 1)
                trials.append(partial(self._try, make, fault, rule, root))
        await self.in_turns(trials)

    async def _try(
        self, make: Callable[[], Work], fault: Fault, rule: Rule, root: str
    ) -> None:
        """Do something under a fault.

        Raises:
            Wrong: something is not as it must be.
        """
        work = make()
        trial, plain = self.begin(root)
        try:
            if not work.shares:
                await work.prepare(plain)
            trial.proxy.rules.append(rule)
            store = self.open_behind(trial)
            error = await _outcome(work.run(store))
            trial.proxy.rules.clear()
            await trial.settle()
            _judge(work, fault, rule, error)
            await work.verify(plain, done=error is None)
            if error is not None or not work.shares:
                await work.again(store)
                await trial.settle()
        except BaseException as error:
            what = f"{fault.name}, at request {rule.first}"
            raise trial.wrong(what, error) from error
        finally:
            await trial.end()


def _begin(work: Callable[[], Coroutine[Any, Any, None]]) -> Deferred[None]:
    return Deferred.fromCoroutine(work())


async def _outcome(work: Awaitable[None]) -> Exception | None:
    """Give None where some work is done, else why it is not."""
    try:
        await work
    except (StorageUnavailable, NotFound) as error:
        return error
    return None


def _judge(work: Work, fault: Fault, rule: Rule, error: Exception | None) -> None:
    """Say whether that may come of a fault.

    Raises:
        Wrong: it may not.
    """
    if fault.kind is Kind.LIE:
        return
    if isinstance(error, NotFound):
        raise Wrong("A fault was taken for an absence")
    met, lasts = rule.met >= rule.first, rule.times is None
    if error is None:
        if met and (lasts or fault.kind is Kind.REFUSAL) and not work.spares:
            raise Wrong("It was done, although it could not be done")
        return
    if not met or fault.kind is Kind.SLOW:
        raise Wrong(f"Nothing was wrong, but: {error}")
    if fault.kind is Kind.MOMENTARY and not lasts and work.repeatable:
        raise Wrong(f"To ask again would have helped: {error}")


def _say(outcome: Any) -> str:
    failure: Failure = outcome
    return failure.getErrorMessage()
