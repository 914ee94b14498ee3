"""What OpenSSL is told: how TLS is spoken, and who may come in."""

from typing import Any, Final

from OpenSSL import SSL
from OpenSSL.crypto import X509, X509Store, X509StoreContext, X509StoreFlags
from twisted.logger import Logger

from txregistry.settings.section import SettingsError
from txregistry.tls.files import TlsFiles
from txregistry.tls.tickets import TicketKeys, TicketsUnknown, share_tickets

_SUITES: Final = (
    b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
)
"""Of TLS 1.3: all good; in the order of Go's servers, which is that of their cost."""
_CIPHERS: Final = b"ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, likewise."""
_SESSION: Final = 3600
"""Seconds in which a client may come back without a handshake in full."""
_PARTIAL_WRITES: Final = 1
"""OpenSSL's SSL_MODE_ENABLE_PARTIAL_WRITE, which pyOpenSSL sets and does not name."""


class TlsContext:
    """A context of OpenSSL's, of one state of the files.

    A new one has new keys for session tickets: who got in by the old one is verified in
    full when coming back.

    Args:
        files: Certificates and keys.
        minimum: OpenSSL's number of the oldest version that is spoken.
        required: Whether a client must have a certificate; else it may.
        tickets: Keys of session tickets that other processes have too; None where
            nobody else is to know them.

    Attributes:
        shares_sessions: Whether those that begin here go on at other processes.

    Raises:
        SettingsError: OpenSSL takes not all of the files.
    """

    _log = Logger()

    def __init__(
        self,
        files: TlsFiles,
        *,
        minimum: int,
        required: bool,
        tickets: TicketKeys | None = None,
    ) -> None:
        self.context = context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(minimum)
        context.set_options(
            SSL.OP_NO_RENEGOTIATION
            | SSL.OP_NO_COMPRESSION
            | SSL.OP_CIPHER_SERVER_PREFERENCE
        )
        context.clear_mode(_PARTIAL_WRITES)  # one call takes all that there is
        context.set_tls13_ciphersuites(_SUITES)
        context.set_cipher_list(_CIPHERS)
        context.set_alpn_select_callback(_choose_protocol)
        # Sessions are kept by clients, as tickets; those of another context are none.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_session_id(b"txregistry")
        context.set_timeout(_SESSION)
        key: Any = files.key
        try:
            context.use_certificate(files.chain[0])
            context.use_privatekey(key)
            for each in files.chain[1:]:
                context.add_extra_chain_cert(each)
        except (SSL.Error, TypeError) as error:
            raise SettingsError(
                f"http.tls: OpenSSL refuses the certificate or key: {reason_of(error)}."
            ) from error
        self._store = self._trust(files)
        if files.authorities:
            strict = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if required else 0
            context.set_verify(SSL.VERIFY_PEER | strict)
        self.shares_sessions = tickets is not None and self._share(tickets)

    def _share(self, tickets: TicketKeys) -> bool:
        try:
            share_tickets(self.context, tickets)
        except TicketsUnknown as error:
            self._log.warn(
                "Sessions of TLS go on only at the worker that they began at: this "
                "OpenSSL does not show where it has their keys ({reason})",
                reason=str(error),
            )
            return False
        return True

    def _trust(self, files: TlsFiles) -> X509Store:
        store: X509Store | None = self.context.get_cert_store()
        assert store is not None  # noqa: S101 - a context always has one
        for each in files.authorities:
            self.context.add_client_ca(each)
            store.add_cert(X509.from_cryptography(each))
        for crl in files.crls:
            store.add_crl(crl)
        # Without lists, each authority is trusted for itself, as in Distribution. With
        # them OpenSSL goes up to the root, and asks the list of each on the way.
        store.set_flags(
            X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL
            if files.crls
            else X509StoreFlags.PARTIAL_CHAIN
        )
        return store

    def verify(self, certificate: X509, chain: list[X509]) -> None:
        """Verify a certificate as a handshake would now.

        Args:
            certificate: That of a client.
            chain: Others, which may lead from it to an authority.

        Raises:
            X509StoreContextError: it is good no longer.
        """
        X509StoreContext(self._store, certificate, chain).verify_certificate()


def reason_of(error: BaseException | None) -> str:
    """Say in words what OpenSSL has against something."""
    queue = error.args[0] if error is not None and error.args else None
    if isinstance(queue, list) and queue:
        return str(queue[-1][-1])
    return str(error) or type(error).__name__


def _choose_protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """Choose HTTP/1.1 where it is offered; else go on as if nothing was."""
    del connection
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS
