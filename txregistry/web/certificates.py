"""What a client's certificate says of it."""

from typing import Any

from cryptography.x509.oid import NameOID
from twisted.internet.interfaces import ISSLTransport

from txregistry.web.request import RegistryRequest


def certificate_name(request: RegistryRequest) -> str | None:
    """Give the common name in the certificate of a client, which TLS has verified.

    Returns:
        The name; None where there is no TLS, no certificate, or not one name in it.
    """
    transport: Any = request.channel.transport
    if not ISSLTransport.providedBy(transport):
        return None
    certificate: Any = transport.getPeerCertificate()
    if certificate is None:
        return None
    subject = certificate.to_cryptography().subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 and names[0].value else None
