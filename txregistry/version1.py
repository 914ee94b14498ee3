"""Put version 1 together: who is known, who decides, and what is served."""

import secrets
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from twisted.logger import Logger
from twisted.web.client import HTTPConnectionPool

from txregistry.auth.accounts import OpenAccounts
from txregistry.auth.cookies import SessionCookies
from txregistry.auth.hashes import HtpasswdError
from txregistry.auth.htpasswd import HtpasswdAccounts
from txregistry.auth.interfaces import IAccounts, IPolicy
from txregistry.auth.policy import AUTHENTICATED, EVERYONE, Rule, RulePolicy
from txregistry.auth.tokens import TokenSigner, TokenVerifier
from txregistry.client.agent import ClientCertificate, make_agent
from txregistry.client.index import ForeignIndex
from txregistry.model.access import Action
from txregistry.pem import read_certificates, read_key, read_public_key
from txregistry.registry.authorities import AskedAuthority, SignedAuthority
from txregistry.registry.interfaces import IAuthority
from txregistry.registry.repositories import Registry
from txregistry.settings import Index, Settings, SettingsError
from txregistry.tasks import Blocking
from txregistry.web.v1.access import Access
from txregistry.web.v1.index import IndexRoutes
from txregistry.web.v1.root import Version1

COOKIES: Final = "cookies"
TOKENS: Final = "tokens"
"""Purposes of secrets."""

_COOKIE_LIFETIME: Final = 900.0
_EVERYTHING: Final = frozenset(Action)
_NONCE_BYTES: Final = 12

_log: Final = Logger()


def make_version1(
    settings: Settings,
    registry: Registry,
    found: dict[str, bytes],
    reactor: Any,
    blocking: Blocking,
    pool: HTTPConnectionPool,
) -> Version1:
    """Make version 1 as the settings describe it.

    Args:
        settings: The settings.
        registry: What is served.
        found: The secrets for ``COOKIES`` and ``TOKENS``.
        reactor: The reactor.
        blocking: Where work goes that blocks.
        pool: Connections to other servers.

    Raises:
        SettingsError: one of them cannot be used.
    """
    index = settings.index
    signer_key = _signer_key(index, found[TOKENS])
    cookies = SessionCookies(found[COOKIES], reactor, _COOKIE_LIFETIME)
    access = Access(
        registry,
        _authority(index, signer_key, reactor, pool),
        cookies,
        _accounts(index, reactor, blocking),
        None if index.is_elsewhere else _policy(index),
        certificates=index.certificates,
        knows_accounts=index.htpasswd is not None or index.certificates,
    )
    routes = None
    if not index.is_elsewhere:
        routes = IndexRoutes(
            registry,
            access,
            TokenSigner(signer_key, reactor),
            index.endpoints,
            lambda: secrets.token_urlsafe(_NONCE_BYTES),
            alone=index.alone,
            standalone=settings.v1.standalone,
        )
        if not index.endpoints and settings.http.tls.certificate is not None:
            _log.warn(
                "index.endpoints is not given: engines that push or pull by version 1 "
                "are sent to the address at which they came in, which the certificate "
                "must name"
            )
    return Version1(
        access,
        routes,
        registry=not index.alone,
        standalone=settings.v1.standalone,
        administrators=frozenset(index.administrators),
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
        return AskedAuthority(_foreign(index, index.url, reactor, pool))
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


def _foreign(
    index: Index, url: str, reactor: Any, pool: HTTPConnectionPool
) -> ForeignIndex:
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
        return ForeignIndex(url, agent, reactor, timeout=index.timeout, keep=index.keep)
    except ValueError as error:
        raise SettingsError(f"index.url: {url!r} cannot be used: {error}") from error


def _accounts(index: Index, reactor: Any, blocking: Blocking) -> IAccounts:
    if index.htpasswd is None:
        return OpenAccounts()
    try:
        return HtpasswdAccounts(index.htpasswd, reactor, blocking)
    except HtpasswdError as error:
        raise SettingsError(
            f"index.htpasswd: {index.htpasswd!r} cannot be used: {error}"
        ) from error


def _policy(index: Index) -> IPolicy:
    """Make the policy; without rules, everything for everybody who is known.

    Where nobody can be known, that is everybody.
    """
    rules = [
        Rule(
            frozenset(each.who),
            each.repositories,
            frozenset(map(Action, each.may)),
        )
        for each in index.access
    ]
    if not rules:
        known = index.htpasswd is not None or index.certificates
        who = AUTHENTICATED if known else EVERYONE
        rules = [Rule(frozenset({who}), ("**",), _EVERYTHING)]
    try:
        return RulePolicy(rules)
    except ValueError as error:
        raise SettingsError(f"index.access: {error}") from error
