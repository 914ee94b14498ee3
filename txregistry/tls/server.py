"""The TLS of the server: its files are read anew whenever they change."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Tls
from txregistry.stamps import newest, stamp
from txregistry.tasks import Blocking, Turns, detach
from txregistry.tls.context import TlsContext
from txregistry.tls.files import Expiry, TlsFiles, read_tls, tls_paths
from txregistry.tls.tickets import TicketKeys
from txregistry.tls.turns import TurnFactory

_LOOK: Final = 1.0
"""Seconds between looks at the files."""
_SETTLED: Final = timedelta(seconds=2)
"""A file changed later than this may change again within one tick of its clock."""
_DAY: Final = timedelta(days=1)
_INTERMEDIATES: Final = 64
_utc_now: Final = partial(datetime.now, UTC)


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """Speak TLS by the files that the settings name, as they are at present.

    What is not whole, or does not fit together, is not taken: the old stays in force,
    and the log says why. Connections go on through all of it; what their clients show
    is verified anew, at their next request.

    Args:
        tls: Which files, and what is asked of clients.
        clock: Tells when to look at the files.
        blocking: Where that is done.
        now: Tells the time of day, in UTC.
        tickets: What the keys of sessions are made of, where other processes serve the
            same clients; see `renew`.

    Attributes:
        current: What is in force; another object after each change.
        trouble: Why the files were not taken when they were last read; None if they
            were.

    Raises:
        SettingsError: one of the files cannot be used.
    """

    _log = Logger()

    def __init__(
        self,
        tls: Tls,
        clock: IReactorTime,
        blocking: Blocking,
        now: Callable[[], datetime] = _utc_now,
        tickets: bytes | None = None,
    ) -> None:
        self._tls = tls
        self._clock = clock
        self._blocking = blocking
        self.now = now
        self._tickets = tickets
        self._paths = tls_paths(tls)
        self._turns = Turns()
        self._intermediates: dict[bytes, X509] = {}
        self._wrapped: list[TurnFactory] = []
        self._next_warning = datetime.min.replace(tzinfo=UTC)
        self.trouble: str | None = None
        self._note(stamp(self._paths))
        self._files = self._read_files()
        self.current = self._make_context(self._files)
        self._looking = self._every(self._look, "looking at certificates")
        self._renewing = self._every(self._renew, "renewing session tickets")

    def start(self) -> None:
        """Begin to watch the files, and tell what will expire soon."""
        self._warn(self.now())
        _ = self._looking.start(_LOOK, now=False)
        _ = self._renewing.start(_DAY.total_seconds(), now=False)

    def stop(self) -> None:
        """End to watch the files."""
        for loop in (self._looking, self._renewing):
            if loop.running:
                loop.stop()

    def reload(self) -> Deferred[None]:
        """Read the files now.

        Returns:
            A Deferred that fires when what is good of them is in force; never with a
            failure.
        """
        return detach(self._read(), self._log, "reading certificates")

    def renew(self, tickets: bytes) -> Deferred[None]:
        """Let sessions begin with other keys.

        All processes that serve the same clients are told the same at about the same
        time; between that, a session is begun anew where it would have gone on.

        Args:
            tickets: What they are made of.
        """
        self._tickets = tickets
        return detach(self._renew(), self._log, "renewing session tickets")

    def wrap(self, factory: IProtocolFactory) -> IProtocolFactory:
        """Put TLS on the connections of a factory."""
        wrapped = TurnFactory(self, self, factory, self._clock)
        self._wrapped.append(wrapped)
        found: IProtocolFactory = wrapped
        return found

    @property
    def failures(self) -> int:
        """How many handshakes failed."""
        return sum(each.failures for each in self._wrapped)

    def expiries(self) -> list[Expiry]:
        """Tell when what is in force ends to be good."""
        return list(self._files.expiries)

    def serverConnectionForTLS(  # noqa: N802 - Twisted's name
        self, protocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """See ``IOpenSSLServerConnectionCreator``."""
        del protocol
        return SSL.Connection(self.current.context, None)

    def verify(self, certificate: X509, chain: list[X509]) -> None:
        """See `Verifier`."""
        self.current.verify(certificate, [*chain, *self._intermediates.values()])

    def remember(self, verified: list[X509]) -> None:
        """See `Verifier`."""
        known = self._intermediates
        for each in verified:
            known[each.digest("sha256")] = each
            if len(known) > _INTERMEDIATES:
                del known[next(iter(known))]

    def _every(
        self, work: Callable[[], Coroutine[Any, Any, None]], what: str
    ) -> LoopingCall:
        loop = LoopingCall(lambda: detach(work(), self._log, what))
        loop.clock = self._clock
        return loop

    async def _look(self) -> None:
        """Read the files if there may be something new in them."""
        stamps = await self._blocking(stamp, self._paths)
        if stamps != self._stamps or self._unsettled or self.trouble is not None:
            await self._read()
        now = self.now()
        if now < self._next_warning:
            return
        self._warn(now)
        if any(now - _DAY < each.moment <= now for each in self._files.expiries):
            await self._renew()  # who was verified before that is so no longer

    async def _read(self) -> None:
        """Read the files, and put them in force if they are good and new."""
        async with self._turns.on("files"):
            # What is changed after this is seen at the next look.
            self._note(await self._blocking(stamp, self._paths))
            try:
                files = await self._blocking(self._read_files)
                new = files.digest != self._files.digest
                if new:
                    context = await self._blocking(self._make_context, files)
                    self._files, self.current = files, context
            except SettingsError as error:
                self._tell(str(error))
                return
            self.trouble = None
        if new:
            self._log.info("Certificates were read anew, and are in force")
            self._warn(self.now())

    async def _renew(self) -> None:
        """Begin anew: the keys of session tickets must not last."""
        async with self._turns.on("files"):
            self.current = await self._blocking(self._make_context, self._files)

    def _note(self, stamps: tuple[object, ...]) -> None:
        """Remember how the files looked before they were read."""
        self._stamps = stamps
        settled = (self.now() - _SETTLED).timestamp()
        self._unsettled = newest(stamps) > settled * 1e9

    def _read_files(self) -> TlsFiles:
        try:
            return read_tls(self._tls, self.now())
        except SettingsError:
            raise
        except Exception as error:  # what parses is large, and its failures many
            raise SettingsError(f"http.tls: a file cannot be used: {error}.") from error

    def _make_context(self, files: TlsFiles) -> TlsContext:
        only = self._tls.minimumtls == "tls1.3"
        return TlsContext(
            files,
            minimum=SSL.TLS1_3_VERSION if only else SSL.TLS1_2_VERSION,
            required=self._tls.requires_clients,
            tickets=self._ticket_keys(files),
        )

    def _ticket_keys(self, files: TlsFiles) -> TicketKeys | None:
        """Give the keys of sessions that all processes find who read the same files.

        They are others once something in those has expired, as time alone can end what
        is good.
        """
        if self._tickets is None:
            return None
        now = self.now()
        expired = sum(each.moment <= now for each in files.expiries)
        state = b"%b %d %b" % (files.digest, expired, repr(self._tls).encode())
        return TicketKeys.derive(self._tickets, state)

    def _tell(self, trouble: str) -> None:
        """Log why the files were not taken, once for each reason."""
        if trouble != self.trouble:
            self._log.error(
                "{trouble} The certificates that were read before stay in force.",
                trouble=trouble,
            )
        self.trouble = trouble

    def _warn(self, now: datetime) -> None:
        """Log what will soon be good no longer."""
        expiries = self._files.expiries
        for each in expiries:
            if each.moment <= now:
                self._log.error("{expiry} has expired", expiry=str(each))
            elif each.warned_from <= now:
                days = (each.moment - now).days
                self._log.warn(
                    "{expiry} expires in {days} days", expiry=str(each), days=days
                )
        later = (each.moment for each in expiries if each.moment > now)
        self._next_warning = min([now + _DAY, *later])
