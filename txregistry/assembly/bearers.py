"""Bearer tokens: what issues and verifies them, as the settings say."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from txregistry.auth.bearer import (
    BearerIdentifier,
    BearerVerifier,
    OwnBearerIdentifier,
)
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
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Auth, TokenEndpoint, TokenService
from txregistry.tls.pem import read_file, read_key

_ID_BYTES: Final = 12
_OWN_LEEWAY: Final = 10.0
"""Seconds that the clocks of several nodes may differ."""


@dataclass(frozen=True, slots=True)
class Bearers:
    """What there is to do with bearer tokens.

    Attributes:
        identifier: Knows somebody by one.
        issuer: Issues our own; None where another service does.
        verifier: Verifies those of another service, whose keys can be replaced; None
            where there is none.
    """

    identifier: IIdentifier
    issuer: BearerIssuer | None
    verifier: BearerVerifier | None


def make_bearers(
    auth: Auth, service: str, signer: Ed25519PrivateKey, reactor: Any
) -> Bearers:
    """Make what the settings describe.

    Args:
        auth: The settings, which have tokens of one kind or the other.
        service: What our own are for, unless the settings say that.
        signer: What our own are signed with, unless the settings name a key.
        reactor: The reactor.

    Raises:
        SettingsError: one of them cannot be used.
        ValueError: they have no tokens.
    """
    if auth.token is not None:
        verifier = _verifier(auth.token, reactor)
        return Bearers(BearerIdentifier(verifier), None, verifier)
    endpoint = auth.given_endpoint
    if endpoint is None:
        raise ValueError("no bearer tokens are asked for")
    service = endpoint.service or service
    issuer = _issuer(endpoint, service, signer, reactor)
    own = _own_verifier(endpoint, service, issuer, reactor)
    return Bearers(OwnBearerIdentifier(own), issuer, None)


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
    endpoint: TokenEndpoint, service: str, signer: Ed25519PrivateKey, reactor: Any
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
            service,
            reactor,
            lambda: secrets.token_urlsafe(_ID_BYTES),
            endpoint.lifetime,
        )
    except ValueError as error:
        raise SettingsError(f"auth.endpoint.key: {error}") from error


def _own_verifier(
    endpoint: TokenEndpoint, service: str, issuer: BearerIssuer, reactor: Any
) -> BearerVerifier:
    return BearerVerifier(
        parse_jwks(issuer.jwks()),
        endpoint.issuer,
        service,
        reactor,
        leeway=_OWN_LEEWAY,
    )
