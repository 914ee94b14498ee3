"""What a client's certificate says of it, and whether it is still good."""

from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from twisted.internet.interfaces import ISSLTransport
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import Interface, implementer

from txregistry.model.errors import Denied
from txregistry.web.dialect import is_v1
from txregistry.web.errors import write_error
from txregistry.web.remembered import IRepeating
from txregistry.web.request import RegistryRequest


class ICertifiedTransport(Interface):
    """A transport that knows who is at its other end, and whether that still holds."""

    def client_certificate() -> x509.Certificate | None:
        """Give the certificate that the other side has shown; cheap the second time.

        Returns:
            The certificate; None where it has shown none.

        Raises:
            Denied: it was good once, and is no longer.
        """


@implementer(IRepeating)
class CertifiedResource(Resource):
    """Let nobody go on whose certificate was revoked since they came.

    What they asked for before goes on to its end.

    Args:
        inner: What answers all others.
    """

    isLeaf = True

    def __init__(self, inner: IResource) -> None:
        super().__init__()
        self._inner = inner

    def admits(self, request: RegistryRequest) -> bool:
        """See `IRepeating`."""
        try:
            _ = client_certificate(request)
        except Denied:
            return False
        return bool(IRepeating(self._inner).admits(request))

    def render(self, request: RegistryRequest) -> Any:
        """Answer a request."""
        try:
            _ = client_certificate(request)
        except Denied as refusal:
            if is_v1(request.path):
                request.answer_as_v1()
            request.needs = "connect"
            request.channel.persistent = False
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
            write_error(request, refusal)
            request.finish()
            return NOT_DONE_YET
        return self._inner.render(request)


def client_certificate(request: RegistryRequest) -> x509.Certificate | None:
    """Give the certificate of a client, which is good at this moment.

    Returns:
        The certificate; None where there is no TLS, or none was shown.

    Raises:
        Denied: it was revoked, or has expired, since the client came.
    """
    transport: Any = request.channel.transport
    if ICertifiedTransport.providedBy(transport):
        found: x509.Certificate | None = transport.client_certificate()
        return found
    if not ISSLTransport.providedBy(transport):
        return None
    shown: Any = transport.getPeerCertificate()  # where an endpoint has its own TLS
    return None if shown is None else shown.to_cryptography()


def certificate_name(request: RegistryRequest) -> str | None:
    """Give the common name in the certificate of a client, which TLS has verified.

    Returns:
        The name; None where there is no TLS, no certificate, or not one name in it.

    Raises:
        Denied: the certificate was revoked, or has expired, since the client came.
    """
    certificate = client_certificate(request)
    if certificate is None:
        return None
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 and names[0].value else None
