"""Who is let in: the ways to know somebody, and the rules, as the settings say."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from txregistry.auth.basicidentifier import BasicIdentifier
from txregistry.auth.bearer import (
    BearerIdentifier,
    BearerVerifier,
    OwnBearerIdentifier,
)
from txregistry.auth.certificates import CertificateIdentifier, NameSource
from txregistry.auth.hashes import HtpasswdError
from txregistry.auth.htpasswd import HtpasswdAccounts
from txregistry.auth.identifiers import Identifiers
from txregistry.auth.interfaces import IIdentifier
from txregistry.auth.issuing import BearerIssuer
from txregistry.auth.keysets import (
    ALGORITHMS,
    KeySetError,
    TrustedKeys,
    join,
    parse_bundle,
    parse_jwks,
)
from txregistry.auth.passing import PassedCredentials
from txregistry.auth.patterns import EVERYTHING
from txregistry.auth.policy import ANONYMOUS, EVERYONE
from txregistry.model.access import Action
from txregistry.registry.repositories import Registry
from txregistry.settings.policies import make_policy
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import (
    Auth,
    Certificates,
    Htpasswd,
    Rule,
    Settings,
    TokenEndpoint,
    TokenService,
)
from txregistry.tasks import Blocking
from txregistry.tls.pem import read_file, read_key
from txregistry.web.access import Access, Rules
from txregistry.web.login import LogIn
from txregistry.web.tokens import TokenRoute

_ID_BYTES: Final = 12
_OWN_LEEWAY: Final = 10.0
"""Seconds that the clocks of several nodes may differ."""
_SERVICE: Final = "txregistry"


@dataclass(frozen=True, slots=True)
class Admission:
    """What lets somebody in.

    Attributes:
        access: Who asks, and what they may do.
        tokens: Gives tokens of our own; None where there are none.
        verifier: Verifies tokens of an external service, whose keys can be replaced;
            None where there is none.
    """

    access: Access
    tokens: TokenRoute | None
    verifier: BearerVerifier | None


def make_admission(
    settings: Settings,
    registry: Registry,
    signer: Ed25519PrivateKey,
    passing: bytes,
    reactor: Any,
    blocking: Blocking,
) -> Admission:
    """Make what lets somebody in.

    Args:
        settings: The settings.
        registry: What there is to be let in to.
        signer: What our own tokens are signed with, unless the settings name a key.
        passing: The key of what is for other registries to judge.
        reactor: The reactor.
        blocking: Where work goes that blocks.

    Raises:
        SettingsError: one of them cannot be used.
    """
    auth = settings.auth
    ways: list[IIdentifier] = []
    schemes = []
    issuer, verifier = None, None
    if auth.htpasswd is not None:
        processes = settings.http.worker_count
        accounts = _accounts(auth.htpasswd, reactor, blocking, processes)
        ways.append(BasicIdentifier(accounts))
        schemes.append("basic")
    if auth.token is not None:
        verifier = _verifier(auth.token, reactor)
        ways.append(BearerIdentifier(verifier))
        schemes.append("bearer")
    elif auth.given_endpoint is not None:
        issuer = _issuer(auth.given_endpoint, signer, reactor)
        own = _own_verifier(auth.given_endpoint, issuer, reactor)
        ways.append(OwnBearerIdentifier(own))
        schemes.append("bearer")
    if auth.certificates is not None:
        ways.append(_certificates(auth.certificates, reactor))
    access = Access(
        registry,
        Identifiers(ways, schemes),
        make_rules(settings),
        _log_in(auth),
    )
    if registry.mirror.rules.passing:
        access.passed = PassedCredentials(passing, reactor)
    tokens = None
    if issuer is not None:
        tokens = TokenRoute(access, issuer.issue, issuer.lifetime, reactor)
    elif access.passed is not None:
        tokens = TokenRoute(access, None, 0.0, reactor)
    return Admission(access, tokens, verifier)


def make_rules(settings: Settings) -> Rules:
    """Make the rules that the settings describe.

    Raises:
        SettingsError: one of them cannot be used.
    """
    rules = settings.auth.rules or ()
    return Rules(
        make_policy(settings),
        open=any(map(_opens, rules[:1])),
        anonymous=any(
            rule.may and not {EVERYONE, ANONYMOUS}.isdisjoint(rule.who)
            for rule in rules
        ),
    )


def read_trusted_keys(token: TokenService) -> TrustedKeys:
    """Read the keys of an external service of tokens; this blocks.

    Raises:
        SettingsError: a file cannot be used.
    """
    found = []
    readers: list[tuple[str, str | None, Callable[[bytes], TrustedKeys]]] = [
        ("auth.token.rootcertbundle", token.rootcertbundle, parse_bundle),
        ("auth.token.jwks", token.jwks, parse_jwks),
    ]
    for setting, path, parse in readers:
        if path is None:
            continue
        try:
            found.append(parse(read_file(setting, path)))
        except KeySetError as error:
            raise SettingsError(
                f"{setting}: {path!r} cannot be used: {error}"
            ) from error
    try:
        return join(found)
    except KeySetError as error:
        raise SettingsError(f"auth.token: {error}") from error


def _accounts(
    htpasswd: Htpasswd, reactor: Any, blocking: Blocking, processes: int
) -> HtpasswdAccounts:
    try:
        return HtpasswdAccounts(htpasswd.path, reactor, blocking, processes=processes)
    except HtpasswdError as error:
        raise SettingsError(
            f"auth.htpasswd.path: {htpasswd.path!r} cannot be used: {error}"
        ) from error


def _verifier(token: TokenService, reactor: Any) -> BearerVerifier:
    try:
        return BearerVerifier(
            read_trusted_keys(token),
            token.issuer,
            token.service,
            reactor,
            token.signingalgorithms or ALGORITHMS,
            token.leeway,
        )
    except ValueError as error:
        raise SettingsError(f"auth.token.signingalgorithms: {error}") from error


def _issuer(
    endpoint: TokenEndpoint, signer: Ed25519PrivateKey, reactor: Any
) -> BearerIssuer:
    key: Any = signer
    if endpoint.key is not None:
        key = read_key("auth.endpoint.key", endpoint.key)
        if not isinstance(
            key, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey
        ):
            raise SettingsError(
                f"auth.endpoint.key: {endpoint.key!r} cannot be used; it must be an "
                "Ed25519, ECDSA or RSA key."
            )
    try:
        return BearerIssuer(
            key,
            endpoint.issuer,
            endpoint.service or _SERVICE,
            reactor,
            lambda: secrets.token_urlsafe(_ID_BYTES),
            endpoint.lifetime,
        )
    except ValueError as error:
        raise SettingsError(f"auth.endpoint.key: {error}") from error


def _own_verifier(
    endpoint: TokenEndpoint, issuer: BearerIssuer, reactor: Any
) -> BearerVerifier:
    return BearerVerifier(
        parse_jwks(issuer.jwks()),
        endpoint.issuer,
        endpoint.service or _SERVICE,
        reactor,
        leeway=_OWN_LEEWAY,
    )


def _certificates(certificates: Certificates, reactor: Any) -> CertificateIdentifier:
    try:
        return CertificateIdentifier(
            [NameSource(each.source, each.pattern) for each in certificates.names],
            reactor,
            units=certificates.groups == "ou",
        )
    except ValueError as error:
        raise SettingsError(f"auth.certificates.names: {error}") from error


def _log_in(auth: Auth) -> LogIn:
    service, realm = None, None
    if auth.token is not None:
        service, realm = auth.token.service, auth.token.realm
    elif auth.given_endpoint is not None:
        service = auth.given_endpoint.service or _SERVICE
    return LogIn(
        service,
        realm,
        None if auth.htpasswd is None else auth.htpasswd.realm,
        certificates=auth.certificates is not None,
    )


def _opens(rule: Rule) -> bool:
    """Say whether a rule lets everybody do everything."""
    return (
        EVERYONE in rule.who
        and EVERYTHING in rule.repositories
        and Action.ADMIN in rule.may
        and not rule.networks
    )
