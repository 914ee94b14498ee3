"""How we reach other servers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

_IDLE_CONNECTIONS: Final = 8
_IDLE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What we show to who asks who we are.

    Attributes:
        chain: Our certificate, and those between it and its authority.
        key: The private key of our certificate.
    """

    chain: Sequence[x509.Certificate]
    key: PrivateKeyTypes


@implementer(IPolicyForHTTPS)
class _Verifying:
    """Make TLS connections that end unless the server is who it should be."""

    def __init__(
        self,
        trust: Sequence[x509.Certificate] | None,
        client_certificate: ClientCertificate | None,
    ) -> None:
        self._root: Any = None
        if trust is not None:
            self._root = trustRootFromCertificates(
                [Certificate(X509.from_cryptography(each)) for each in trust]
            )
        self._options: dict[str, Any] = {"raiseMinimumTo": TLSVersion.TLSv1_2}
        if client_certificate is not None:
            self._options |= {
                "privateKey": client_certificate.key,
                "certificate": client_certificate.chain[0],
                "extraCertChain": list(client_certificate.chain[1:]),
            }

    def creatorForNetloc(  # noqa: N802 - Twisted's name
        self, hostname: bytes, port: int
    ) -> IOpenSSLClientConnectionCreator:
        """See ``IPolicyForHTTPS``."""
        del port
        return optionsForClientTLS(
            hostname.decode("ascii"),
            trustRoot=self._root,
            extraCertificateOptions=dict(self._options),
        )


def make_agent(
    reactor: Any,
    *,
    trust: Sequence[x509.Certificate] | None,
    client_certificate: ClientCertificate | None,
    connect_timeout: float,
    pool: HTTPConnectionPool | None = None,
) -> Agent:
    """Make an agent that keeps its connections, and verifies who it talks to.

    Args:
        reactor: Makes connections.
        trust: The authorities that are trusted; None for those of the platform.
        client_certificate: What we show to servers that ask; None for nothing.
        connect_timeout: Seconds in which a connection must come about.
        pool: Where connections are kept, which its owner closes; None for a new one.
    """
    if pool is None:
        pool = make_pool(reactor)
    return Agent(
        reactor,
        contextFactory=_Verifying(trust, client_certificate),
        connectTimeout=connect_timeout,
        pool=pool,
    )


def make_pool(reactor: Any) -> HTTPConnectionPool:
    """Make what keeps connections while nobody needs them."""
    pool = HTTPConnectionPool(reactor, persistent=True)
    pool.maxPersistentPerHost = _IDLE_CONNECTIONS
    pool.cachedConnectionTimeout = _IDLE_SECONDS
    return pool
