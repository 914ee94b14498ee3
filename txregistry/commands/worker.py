"""A worker of the daemon's: it is begun by that, and by nobody else.

It reads what to be from its standard input, says at another descriptor that it serves,
and there tells its figures where it is asked for them. It ends in good order
when the input ends: also when who began it is no more.
"""

import os
import signal
import struct
import sys
from contextlib import suppress
from typing import Any, Final

from twisted.internet.error import ReactorNotRunning
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.logger import globalLogBeginner
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure

from txregistry.allocator import keep_buffers
from txregistry.assembly.serving import Part
from txregistry.daemon import RegistryService
from txregistry.heap import keep_loaded, loading
from txregistry.logs import make_observer
from txregistry.openfiles import allow_open_files
from txregistry.options import Options
from txregistry.service import build
from txregistry.settings.section import SettingsError
from txregistry.workers.process import CONTROL, STATUS
from txregistry.workers.setup import (
    LARGEST,
    Order,
    Setup,
    read_order,
    read_setup,
    write_figures,
)

_LENGTH: Final = struct.Struct("!I")
_READY: Final = b"serves\n"


class Control(Int32StringReceiver):
    """Do what we are told.

    Args:
        service: What is told of it.
        reactor: What ends when nobody tells anything any more.
    """

    MAX_LENGTH = LARGEST

    transport: Any  # what writes to where we say that we serve

    def __init__(self, service: RegistryService, reactor: Any) -> None:
        self._service = service
        self._reactor = reactor

    def stringReceived(self, string: bytes) -> None:
        """See ``IntNStringReceiver``."""
        self.do(read_order(string))

    def do(self, order: Order) -> None:
        """Do something."""
        if order.reload:
            _ = self._service.reload()
        if order.tickets is not None and self._service.tls is not None:
            _ = self._service.tls.renew(order.tickets)
        if order.figures and self._service.figures is not None:
            self.transport.write(write_figures(self._service.figures()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See ``IProtocol``: we are to end, or who began us is no more."""
        del reason
        self.end()

    def end(self) -> None:
        """Finish what there is to finish."""
        with suppress(ReactorNotRunning):  # it may be about to end already
            self._reactor.stop()


def read_first(descriptor: int) -> Setup | None:
    """Read what to be; this waits for it.

    Returns:
        The setup; None where nobody wants us any more.
    """
    size = _read_whole(descriptor, _LENGTH.size)
    if size is None:
        return None
    data = _read_whole(descriptor, *_LENGTH.unpack(size))
    return None if data is None else read_setup(data)


def _read_whole(descriptor: int, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        piece = os.read(descriptor, size - len(data))
        if not piece:
            return None
        data += piece
    return data


def make_service(setup: Setup, reactor: Any) -> RegistryService:
    """Make what serves.

    Raises:
        SettingsError: something cannot be used that could be a moment ago.
    """
    options = Options()
    options.update(setup.options)
    path = setup.options.get("config")
    read = lambda: options.read()[0]  # noqa: E731 - what twistd read, once more
    return build(setup.settings, reactor, read, path, Part(setup))


def main() -> None:
    """Be a worker."""
    # Who is at the terminal tells who began us, and that tells us what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    setup = read_first(CONTROL)
    if setup is None:
        return
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - as makeService

    running: Any = reactor
    keep_buffers()
    allow_open_files()
    log = setup.settings.log
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]  # a real file
    try:
        with loading():
            service = make_service(setup, running)
        # What was logged until now has been told by who began us.
        globalLogBeginner.beginLoggingTo(
            [make_observer(sys.stdout, log.formatter, log.level, setup.number)],
            redirectStandardIO=False,
            discardBuffer=True,
        )
        service.privilegedStartService()
        service.startService()
    except SettingsError as error:
        raise SystemExit(str(error)) from error
    running.addSystemEventTrigger("before", "shutdown", service.stopService)
    keep_loaded()
    control = Control(service, running)
    make_pipes: Any = StandardIO  # mypy reads that of another system
    status = make_pipes(control, stdin=CONTROL, stdout=STATUS, reactor=running)
    status.write(_READY)
    end = lambda *_: running.callFromThread(control.end)  # noqa: E731 - as signals have it
    running.callWhenRunning(signal.signal, signal.SIGTERM, end)  # in place of its own
    running.run()
