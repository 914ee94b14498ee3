"""Put version 1 together: who is known, who decides, and what is served."""

import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from twisted.logger import Logger
from twisted.web.client import HTTPConnectionPool

from txregistry.auth.cookies import SessionCookies
from txregistry.auth.tokens import TokenSigner, TokenVerifier
from txregistry.registry.authorities import SignedAuthority
from txregistry.registry.interfaces import IAuthority
from txregistry.registry.repositories import Registry
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Index, Settings
from txregistry.tls.pem import read_key, read_public_key
from txregistry.web.access import Access
from txregistry.web.v1.access import V1Access
from txregistry.web.v1.index import IndexRoutes
from txregistry.web.v1.root import Version1

COOKIES: Final = "cookies"
TOKENS: Final = "tokens"
PASSING: Final = "passing"
"""Purposes of secrets."""

_COOKIE_LIFETIME: Final = 900.0
_NONCE_BYTES: Final = 12

_log: Final = Logger()


def make_version1(
    settings: Settings,
    registry: Registry,
    access: Access,
    found: Mapping[str, bytes],
    reactor: Any,
    pool: HTTPConnectionPool,
) -> Version1:
    """Make version 1 as the settings describe it.

    Args:
        settings: The settings.
        registry: What is served.
        access: Who asks, and what they may do.
        found: The secrets for ``COOKIES`` and ``TOKENS``.
        reactor: The reactor.
        pool: Connections to other servers.

    Raises:
        SettingsError: one of them cannot be used.
    """
    index = settings.index
    signer_key = _signer_key(index, found[TOKENS])
    cookies = SessionCookies(found[COOKIES], reactor, _COOKIE_LIFETIME)
    access1 = V1Access(
        registry,
        access,
        _authority(index, signer_key, reactor, pool),
        cookies,
        tokens_only=index.is_elsewhere,
    )
    endpoints = index.endpoints
    if not (endpoints or index.alone or settings.http.host is None):
        endpoints = (urlsplit(settings.http.host).netloc,)
    routes = None
    if not index.is_elsewhere:
        routes = IndexRoutes(
            registry,
            access1,
            TokenSigner(signer_key, reactor),
            endpoints,
            lambda: secrets.token_urlsafe(_NONCE_BYTES),
            alone=index.alone,
            standalone=settings.v1.standalone,
        )
        if not endpoints and settings.http.tls.certificate is not None:
            _log.warn(
                "index.endpoints is not given: engines that push or pull by version 1 "
                "are sent to the address at which they came in, which the certificate "
                "must name"
            )
    return Version1(
        access1,
        routes,
        registry=not index.alone,
        standalone=settings.v1.standalone,
    )


def _signer_key(index: Index, secret: bytes) -> Ed25519PrivateKey:
    if index.key is None:
        return Ed25519PrivateKey.from_private_bytes(secret)
    key = read_key("index.key", index.key)
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            f"index.key: {index.key!r} cannot be used; it must be an Ed25519 key, as "
            "of 'openssl genpkey -algorithm ed25519'."
        )
    return key


def _authority(
    index: Index,
    signer_key: Ed25519PrivateKey,
    reactor: Any,
    pool: HTTPConnectionPool,
) -> IAuthority:
    if index.url is not None:
        # It takes a while to load, and few have an Index elsewhere.
        from txregistry.assembly.foreignindex import (  # noqa: PLC0415 - as said
            make_asked,
        )

        return make_asked(index, index.url, reactor, pool)
    keys = []
    for path in index.trust:
        key = read_public_key("index.trust", path)
        if not isinstance(key, Ed25519PublicKey):
            raise SettingsError(
                f"index.trust: {path!r} cannot be used; it must be the public part of "
                "an Ed25519 key, as of 'openssl pkey -pubout'."
            )
        keys.append(key)
    return SignedAuthority(TokenVerifier(keys or [signer_key.public_key()], reactor))
