"""New connections, one for each request: handshakes in full, and those cut short."""

import ssl
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.benchmarks.certificates import Certificates
from tests.benchmarks.connections import head
from tests.benchmarks.costs import cost, memory, together
from tests.benchmarks.report import Measure, MeasureError, Sample, Samples
from tests.benchmarks.servers import HOST, Server, Side

_REQUEST = head("GET", "/v2/", "Connection: close")
_GOOD = b"HTTP/1.1 200"
_GROUP = "new connections"


@dataclass(frozen=True)
class Kind:
    """How connections begin.

    Args:
        name: What the report calls it.
        version: What is spoken.
        resumed: Whether a client comes back with a ticket.
    """

    name: str
    version: ssl.TLSVersion
    resumed: bool


KINDS = (
    Kind("TLS 1.3, in full", ssl.TLSVersion.TLSv1_3, resumed=False),
    Kind("TLS 1.3, resumed", ssl.TLSVersion.TLSv1_3, resumed=True),
    Kind("TLS 1.2, in full", ssl.TLSVersion.TLSv1_2, resumed=False),
    Kind("TLS 1.2, resumed", ssl.TLSVersion.TLSv1_2, resumed=True),
)


class Comer:
    """A client that connects, asks one thing, is answered and cut off, over and over.

    Args:
        server: Where it goes.
        kind: How it connects.
        context: What it connects with.
    """

    def __init__(self, server: Server, kind: Kind, context: ssl.SSLContext) -> None:
        self._server = server
        self._kind = kind
        self._context = context
        self._session: ssl.SSLSession | None = None
        #: Seconds from each connect to the end, in the last run.
        self.latencies: list[float] = []

    def come(self) -> None:
        """Come once.

        Raises:
            MeasureError: The connection or the answer is not what it must be.
        """
        kind, session = self._kind, self._session
        with self._context.wrap_socket(
            self._server.reach(), server_hostname=HOST, session=session
        ) as connection:
            connection.sendall(_REQUEST)
            answer = b""
            while data := connection.recv(65536):
                answer += data
            if not answer.startswith(_GOOD):
                raise MeasureError(f"answered {answer[9:12].decode(errors='replace')}")
            if connection.version() != kind.version.name.replace("v1_", "v1."):
                raise MeasureError(f"{connection.version()} instead of {kind.name}")
            if connection.session_reused is not (session is not None):
                raise MeasureError(f"{kind.name}: the session was begun otherwise")
            if kind.resumed:
                # As the server sends new tickets, each is used once.
                self._session = connection.session

    def run(self, seconds: float) -> None:
        """Come again and again."""
        self.latencies = []
        before = time.perf_counter()
        deadline = before + seconds
        while before < deadline:
            self.come()
            now = time.perf_counter()
            self.latencies.append(now - before)
            before = now


def measure_handshakes(
    certificates: Certificates,
    clients: tuple[int, ...],
    seconds: float,
    *,
    side: Side,
    place: Path,
) -> Samples:
    """Connect in every way, by one client and by several."""
    with side.start(place) as server:
        _refuses(server, certificates)
        for kind in KINDS:
            context = certificates.client(kind.version)
            for number in clients:
                comers = [Comer(server, kind, context) for _ in range(number)]
                yield from _measure(server, kind, comers, seconds)
        yield memory(_GROUP, "all of these", server)


def _measure(
    server: Server, kind: Kind, comers: list[Comer], seconds: float
) -> Samples:
    for comer in comers:
        comer.come()  # for a ticket
    work = [partial(comer.run, seconds) for comer in comers]
    spent = cost(server, partial(together, work))
    latencies = sorted(taken for comer in comers for taken in comer.latencies)
    thousands = len(latencies) / 1000
    plural = "s" if len(comers) > 1 else ""
    measure = partial(Measure, _GROUP, f"{kind.name}, {len(comers)} client{plural}")
    yield Sample(measure("connections/s", ">1"), len(latencies) / spent.seconds)
    yield Sample(measure("p50, ms", "<1"), latencies[len(latencies) // 2] * 1000)
    yield Sample(measure("server CPU, s/1000", "<1"), spent.server / thousands)
    yield Sample(measure("client CPU, s/1000", ""), spent.client / thousands)


def _refuses(server: Server, certificates: Certificates) -> None:
    """See that a client without a certificate is let in by no version.

    Raises:
        MeasureError: It is, so that nothing here would be what it seems.
    """
    for version in {kind.version for kind in KINDS}:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(
                    certificates.client(version, known=False).wrap_socket(
                        server.reach(), server_hostname=HOST
                    )
                )
                connection.sendall(_REQUEST)
                answered = connection.recv(65536)
            except OSError:
                continue
            if answered:
                raise MeasureError("answered a client that has no certificate")
