"""Who is let in: the ways to know somebody, and the rules, as the settings say."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from txregistry.auth.basicidentifier import BasicIdentifier
from txregistry.auth.certificates import CertificateIdentifier, NameSource
from txregistry.auth.hashes import HtpasswdError
from txregistry.auth.htpasswd import HtpasswdAccounts
from txregistry.auth.identifiers import Identifiers
from txregistry.auth.interfaces import IIdentifier
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
)
from txregistry.tasks import Blocking
from txregistry.web.access import Access, Rules
from txregistry.web.login import LogIn
from txregistry.web.tokens import TokenRoute

_SERVICE: Final = "txregistry"


class Trusting(Protocol):
    """Something that believes what was signed with keys that it trusts."""

    def trust(self, keys: Any) -> None:
        """Trust other keys from now on: those of `read_trusted_keys`."""


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
    verifier: Trusting | None


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
    if auth.token is not None or auth.given_endpoint is not None:
        # JSON Web Tokens take a while to load, and only this needs them.
        from txregistry.assembly.bearers import make_bearers  # noqa: PLC0415 - as said

        bearers = make_bearers(auth, _SERVICE, signer, reactor)
        issuer, verifier = bearers.issuer, bearers.verifier
        ways.append(bearers.identifier)
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


def _accounts(
    htpasswd: Htpasswd, reactor: Any, blocking: Blocking, processes: int
) -> HtpasswdAccounts:
    try:
        return HtpasswdAccounts(htpasswd.path, reactor, blocking, processes=processes)
    except HtpasswdError as error:
        raise SettingsError(
            f"auth.htpasswd.path: {htpasswd.path!r} cannot be used: {error}"
        ) from error


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
