"""Whom we believe who they are, and to whom we show who we are."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from cryptography import x509
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    OpenSSLDefaultPaths,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from txregistry.client.agent import ClientCertificate
from txregistry.tasks import Blocking

_KEPT: Final = 32
"""Servers whose settings are kept: to read the platform's authorities takes a while."""


class _Both(OpenSSLDefaultPaths):
    """Trust our own authorities, and those of the platform too."""

    def __init__(self, own: Sequence[X509]) -> None:
        self._own = own

    def _addCACertsToContext(self, context: Any) -> None:  # noqa: N802 - Twisted's name
        super()._addCACertsToContext(context)  # type: ignore[no-untyped-call]  # Twisted's
        for each in self._own:
            context.get_cert_store().add_cert(each)


@implementer(IPolicyForHTTPS)
class Trust:
    """Make TLS connections to an upstream, and to those it sends us to.

    Who is shown our certificate is the upstream itself, on any port, and where it has
    us get tokens. These must be vouched for by our own authorities, where there are
    any; everybody else may be by those of the platform as well.

    Args:
        home: The upstream's own host.
        authorities: Those that are ours; None for those of the platform.
        certificate: What is shown to who asks; None for nothing.
    """

    def __init__(
        self,
        home: str,
        authorities: Sequence[x509.Certificate] | None,
        certificate: ClientCertificate | None,
    ) -> None:
        self._friends = {home}
        self._of_friends: Any = None
        self._of_others: Any = None
        if authorities is not None:
            own = [X509.from_cryptography(each) for each in authorities]
            self._of_friends = trustRootFromCertificates(map(Certificate, own))
            self._of_others = _Both(own)
        self._shown: dict[str, Any] = {}
        if certificate is not None:
            self._shown = {
                "privateKey": certificate.key,
                "certificate": certificate.chain[0],
                "extraCertChain": list(certificate.chain[1:]),
            }
        self._kept: OrderedDict[tuple[str, bool], IOpenSSLClientConnectionCreator] = (
            OrderedDict()
        )

    def befriend(self, host: str) -> None:
        """Take it that the upstream gets its tokens from a host."""
        self._friends.add(host)

    async def prepare(self, host: str, blocking: Blocking) -> None:
        """Read what a connection to a host needs, where that may take its time.

        Args:
            host: The host.
            blocking: Where work goes that reads files.
        """
        key = (host, host in self._friends)
        if key not in self._kept:
            self._keep(key, await blocking(self._make_ready, *key))

    def creatorForNetloc(  # noqa: N802 - Twisted's name
        self, hostname: bytes, port: int
    ) -> IOpenSSLClientConnectionCreator:
        """See ``IPolicyForHTTPS``."""
        del port
        host = hostname.decode("ascii")
        key = (host, host in self._friends)
        if key not in self._kept:
            self._keep(key, self._make(*key))
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(
        self, key: tuple[str, bool], creator: IOpenSSLClientConnectionCreator
    ) -> None:
        self._kept[key] = creator
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _make(self, host: str, friend: bool) -> IOpenSSLClientConnectionCreator:  # noqa: FBT001 - as in the key
        shown = self._shown if friend else {}
        return optionsForClientTLS(
            host,
            trustRoot=self._of_friends if friend else self._of_others,
            extraCertificateOptions={
                "raiseMinimumTo": TLSVersion.TLSv1_2,
                **shown,
            },
        )

    def _make_ready(self, host: str, friend: bool) -> IOpenSSLClientConnectionCreator:  # noqa: FBT001 - as in the key
        """Make it so that the authorities have been read: the first connection does."""
        creator = self._make(host, friend)
        factory = TLSMemoryBIOFactory(creator, True, Factory.forProtocol(Protocol))
        creator.clientConnectionForTLS(factory.buildProtocol(None))
        return creator
