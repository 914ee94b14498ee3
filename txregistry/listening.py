"""Where the registry listens."""

import re
from typing import Any, Final

from OpenSSL.crypto import X509
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    trustRootFromCertificates,
)

from txregistry.pem import read_certificates, read_key
from txregistry.settings import Http, Listener, SettingsError, Tls

DEFAULT: Final = "tcp:5000:interface=127.0.0.1"

_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/]*)):([0-9]{1,5})")
_BACKLOG: Final = 1024


def make_endpoints(
    reactor: Any, http: Http
) -> list[tuple[IStreamServerEndpoint, tuple[str, ...]]]:
    """Make the endpoints to listen at: on loopback only, unless told otherwise.

    Returns:
        The endpoints, and the APIs that each is to speak.

    Raises:
        SettingsError: one of the settings cannot be used.
    """
    found = []
    for each in http.listen:
        listener = Listener(each, http.apis) if isinstance(each, str) else each
        found.append((_from_string(reactor, listener.endpoint), listener.apis))
    if http.addr is not None:
        found.append((_from_address(reactor, http.addr, http.tls), http.apis))
    elif http.tls.certificate is not None:
        raise SettingsError("http.tls: it is for http.addr, which is not given.")
    return found or [(_from_string(reactor, DEFAULT), http.apis)]


def _from_string(reactor: Any, description: str) -> IStreamServerEndpoint:
    kind = description.partition(":")[0]
    whole = description
    if kind in {"tcp", "tcp6", "ssl", "unix"} and ":backlog=" not in description:
        whole = f"{description}:backlog={_BACKLOG}"  # Twisted's 50 are too few
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, whole)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise SettingsError(
            f"http.listen: {description!r} is no endpoint that Twisted knows, such as "
            f"'tcp:5000:interface=127.0.0.1': {error}."
        ) from error
    return endpoint


def _from_address(reactor: Any, address: str, tls: Tls) -> IStreamServerEndpoint:
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[3]) > 65535:  # noqa: PLR2004 - the largest port
        raise SettingsError(
            f"http.addr: {address!r} cannot be used; it must be 'host:port', ':port' "
            "or '[IPv6 address]:port'."
        )
    six, host, port = match[1], match[2], int(match[3])
    host = "127.0.0.1" if host == "localhost" else host
    if tls.certificate is not None:
        options = _certificate_options(tls)
        return SSL4ServerEndpoint(
            reactor, port, options, backlog=_BACKLOG, interface=six or host
        )
    if six is not None:
        return TCP6ServerEndpoint(reactor, port, backlog=_BACKLOG, interface=six)
    return TCP4ServerEndpoint(reactor, port, backlog=_BACKLOG, interface=host)


def _certificate_options(tls: Tls) -> CertificateOptions:
    chain = read_certificates("http.tls.certificate", tls.certificate)
    key = read_key("http.tls.key", tls.key)
    clients = [
        Certificate(X509.from_cryptography(certificate))
        for path in tls.clientcas
        for certificate in read_certificates("http.tls.clientcas", path)
    ]
    # Twisted's annotations are of pyOpenSSL's own classes, which that deprecates.
    make: Any = CertificateOptions
    options: CertificateOptions = make(
        privateKey=key,
        certificate=chain[0],
        extraCertChain=chain[1:],
        trustRoot=trustRootFromCertificates(clients) if clients else None,
        raiseMinimumTo=(
            TLSVersion.TLSv1_3 if tls.minimumtls == "tls1.3" else TLSVersion.TLSv1_2
        ),
        acceptableProtocols=[b"http/1.1"],
    )
    return options
