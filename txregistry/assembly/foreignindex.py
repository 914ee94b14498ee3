"""What asks somebody else's Index, as the settings describe it."""

from typing import Any

from twisted.web.client import HTTPConnectionPool

from txregistry.client.agent import ClientCertificate, make_agent
from txregistry.client.index import ForeignIndex
from txregistry.registry.askedauthority import AskedAuthority
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Index
from txregistry.tls.pem import read_certificates, read_key


def make_asked(
    index: Index, url: str, reactor: Any, pool: HTTPConnectionPool
) -> AskedAuthority:
    """Make what asks an Index about each token.

    Args:
        index: The settings.
        url: Where the Index is.
        reactor: The reactor.
        pool: Connections to other servers.

    Raises:
        SettingsError: one of them cannot be used.
    """
    trust = [
        each for path in index.cas for each in read_certificates("index.cas", path)
    ]
    certificate = None
    if index.certificate is not None:
        certificate = ClientCertificate(
            read_certificates("index.certificate", index.certificate),
            read_key("index.certificatekey", index.certificatekey),
        )
    agent = make_agent(
        reactor,
        trust=trust or None,
        client_certificate=certificate,
        connect_timeout=index.timeout,
        pool=pool,
    )
    try:
        asked = ForeignIndex(
            url, agent, reactor, timeout=index.timeout, keep=index.keep
        )
    except ValueError as error:
        raise SettingsError(f"index.url: {url!r} cannot be used: {error}") from error
    return AskedAuthority(asked)
