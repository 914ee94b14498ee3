"""How stores on other machines are reached."""

from collections.abc import Sequence
from typing import Any, Final

from OpenSSL.SSL import Connection
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IPolicyForHTTPS
from zope.interface import implementer

from txregistry.client.agent import make_agent
from txregistry.tls.pem import read_certificates

_CONNECT: Final = 10.0
"""Seconds in which a connection must come about."""


def make_store_agent(
    reactor: Any,
    pool: HTTPConnectionPool,
    setting: str,
    cas: Sequence[str],
    *,
    verify: bool,
) -> IAgent:
    """Make an agent that keeps its connections.

    Args:
        reactor: Makes connections.
        pool: Where they are kept, which its owner closes.
        setting: What the authorities are called in the settings.
        cas: Files with authorities that are trusted; none for the platform's.
        verify: Whether servers prove who they are.

    Raises:
        SettingsError: a file cannot be used.
    """
    if not verify:
        return Agent(reactor, _Unverifying(), connectTimeout=_CONNECT, pool=pool)
    trust = [each for path in cas for each in read_certificates(setting, path)]
    agent: IAgent = make_agent(
        reactor,
        trust=trust or None,
        client_certificate=None,
        connect_timeout=_CONNECT,
        pool=pool,
    )
    return agent


@implementer(IOpenSSLClientConnectionCreator)
class _UnverifiedConnections:
    """Make TLS connections to whoever answers."""

    def __init__(self, hostname: bytes) -> None:
        self._hostname = hostname
        self._options = CertificateOptions(raiseMinimumTo=TLSVersion.TLSv1_2)

    def clientConnectionForTLS(  # noqa: N802 - Twisted's name
        self, protocol: TLSMemoryBIOProtocol
    ) -> Connection:
        """See ``IOpenSSLClientConnectionCreator``."""
        del protocol
        connection = Connection(self._options.getContext(), None)
        connection.set_tlsext_host_name(self._hostname)
        return connection


@implementer(IPolicyForHTTPS)
class _Unverifying:
    """Verify nobody, as somebody asked for."""

    def creatorForNetloc(  # noqa: N802 - Twisted's name
        self, hostname: bytes, port: int
    ) -> IOpenSSLClientConnectionCreator:
        """See ``IPolicyForHTTPS``."""
        del port
        return _UnverifiedConnections(hostname)
