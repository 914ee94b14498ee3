"""The workers of a registry, and who looks after them."""

import secrets
from typing import Any, Final

from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txregistry.metrics.families import Family
from txregistry.tasks import Bell
from txregistry.workers.launch import Launch
from txregistry.workers.polls import Polls
from txregistry.workers.ports import HeldPorts
from txregistry.workers.process import FIRST_PORT, WorkerProcess
from txregistry.workers.setup import Order, Setup, encode

_STEADY: Final = 10.0
"""Seconds after which a worker that ends is no sign that the next one will."""
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 10.0
"""Seconds until the next worker begins, where several have ended at once."""
_KEYS_LAST: Final = 4 * 3600.0
"""Seconds for which TLS sessions begin with the same keys."""
_SECRET: Final = 32
_MARGIN: Final = 10.0
"""Seconds that a worker has to end, beyond those that its requests have."""


class Crew:
    """Have as many workers as there are to be, whatever becomes of one.

    It is served by them: `RegistryService` has it in place of a site.

    Args:
        reactor: Begins processes, and tells the time.
        setup: What workers are told, but for what differs among them.
        ports: What they serve at: it says how many they are.
        launch: How they are begun.
        speaks_tls: Whether they need keys for sessions of TLS.
    """

    setting: Final = "http.listen"
    """The setting that says where it is served."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        setup: Setup,
        ports: HeldPorts,
        launch: Launch,
        *,
        speaks_tls: bool = False,
    ) -> None:
        self._reactor = reactor
        self._setup = setup
        self._ports = ports
        self._launch = launch
        self._tickets = _new_secret() if speaks_tls else None
        self._workers: dict[int, WorkerProcess] = {}
        self._begun: dict[int, float] = {}
        self._waiting: dict[int, Any] = {}
        self._short_lives: dict[int, int] = {}
        self._have_served: set[int] = set()
        self._stopping = False
        self._ended = Bell()
        self._polls = Polls(reactor)
        self._renewing = LoopingCall(self._renew)
        self._renewing.clock = reactor

    def start(self) -> None:
        """Begin all workers."""
        for number in range(1, self._ports.count + 1):
            self._begin(number)
        if self._tickets is not None:
            _ = self._renewing.start(_KEYS_LAST, now=False)

    def stop(self) -> None:
        """Begin no more workers; those that there are end by `drain`."""
        self._stopping = True
        for each in self._waiting.values():
            each.cancel()
        self._waiting.clear()
        if self._renewing.running:
            self._renewing.stop()

    def reload(self) -> Deferred[None]:
        """Have all workers read their files anew."""
        self._tell(Order(reload=True))
        return succeed(None)

    def away(self) -> list[int]:
        """Give the numbers of those workers that do not serve at present."""
        workers = self._workers
        return [
            number
            for number in range(1, self._ports.count + 1)
            if number not in workers
            or not workers[number].serves
            or workers[number].is_silent
        ]

    async def figures(self) -> dict[str, list[Family]]:
        """Give what all have counted, and those had who are no more; see `Polls`."""
        return await self._polls.take(list(self._workers.values()))

    def have_served(self) -> bool:
        """Say whether each worker has served at least once."""
        return len(self._have_served) == self._ports.count

    async def drain(self, patience: float) -> None:
        """Have all workers finish their requests and end; then wait for that."""
        for each in list(self._workers.values()):
            each.let_go()
        timer = self._reactor.callLater(patience + _MARGIN, self._kill)
        while self._workers:
            await self._ended.wait()
        if timer.active():
            timer.cancel()

    def doStart(self) -> None:  # noqa: N802 - Twisted's
        """See ``IProtocolFactory``: no connection is made here."""

    def doStop(self) -> None:  # noqa: N802 - Twisted's
        """See ``IProtocolFactory``."""

    def _begin(self, number: int) -> None:
        self._waiting.pop(number, None)
        ports = self._ports.descriptors(number - 1)
        setup = replace(
            self._setup,
            number=number,
            ports=list(range(FIRST_PORT, FIRST_PORT + len(ports))),
            tickets=self._tickets,
        )
        worker = WorkerProcess(
            number,
            self._launch.write,
            self._note_service,
            self._note_end,
            self._polls.hear,
        )
        self._workers[number] = worker
        self._begun[number] = self._reactor.seconds()
        try:
            worker.begin(self._reactor, encode(setup), ports)
        except OSError as error:
            self._note_end(worker, f"before it began: {error.strerror}")

    def _note_service(self, worker: WorkerProcess) -> None:
        self._have_served.add(worker.number)
        self._log.info(
            "Worker {number} serves (process {pid})",
            number=worker.number,
            pid=worker.pid,
        )

    def _note_end(self, worker: WorkerProcess, how: str) -> None:
        """Have another one begin in the place of one that ended."""
        number = worker.number
        del self._workers[number]
        self._polls.keep(worker)
        if self._stopping:
            self._ended.ring()
            return
        if number not in self._have_served:
            self._stopping = True
            self._log.critical(
                "Worker {number} ended {how} before it served at all: the registry "
                "ends too",
                number=number,
                how=how,
            )
            self._launch.failed()
            return
        pause = self._pause(number)
        self._log.error(
            "Worker {number} (process {pid}) ended {how}; another one takes its place "
            "{when}",
            number=number,
            pid=worker.pid,
            how=how,
            when=f"in {pause:.0f} s" if pause else "at once",
        )
        self._waiting[number] = self._reactor.callLater(pause, self._begin, number)

    def _pause(self, number: int) -> float:
        """Say how long to wait, by how soon the last ones ended."""
        lived = self._reactor.seconds() - self._begun[number]
        short = 0 if lived >= _STEADY else self._short_lives.get(number, 0) + 1
        self._short_lives[number] = short
        if short <= 1:
            return 0.0
        return min(_FIRST_PAUSE * 2.0 ** min(short - 2, 10), _LONGEST_PAUSE)

    def _renew(self) -> None:
        """Let sessions of TLS begin with other keys."""
        self._tickets = _new_secret()
        self._tell(Order(tickets=self._tickets))

    def _tell(self, order: Order) -> None:
        message = encode(order)
        for each in self._workers.values():
            each.send(message)

    def _kill(self) -> None:
        for each in list(self._workers.values()):
            self._log.error(
                "Worker {number} did not end, and was killed", number=each.number
            )
            each.kill()


def _new_secret() -> bytes:
    return secrets.token_bytes(_SECRET)
