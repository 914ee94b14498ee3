"""On what terms other registries are dealt with, as the settings say."""

from typing import Any

from txregistry.client.agent import ClientCertificate
from txregistry.client.upstreams.commands import CommandLogin
from txregistry.client.upstreams.limits import USUAL_PATIENCE, Limits, Patience
from txregistry.client.upstreams.logins import (
    FileLogin,
    Login,
    LoginSource,
    ToldLogin,
)
from txregistry.client.upstreams.places import parse_home
from txregistry.client.upstreams.terms import Terms
from txregistry.settings.otherregistry import OtherRegistry
from txregistry.tasks import Blocking
from txregistry.tls.pem import read_certificates, read_key


def make_terms(
    setting: str,
    name: str,
    url: str,
    other: OtherRegistry,
    reactor: Any,
    blocking: Blocking,
    longest_alone: float = Limits().longest_alone,
) -> Terms:
    """Make the terms for a registry.

    Args:
        setting: What its section is called.
        name: What it is called.
        url: Where it is.
        other: The section.
        reactor: The reactor.
        blocking: Where files are read.
        longest_alone: Seconds for which it is left alone at most, when it fails.

    Raises:
        SettingsError: a file cannot be used.
    """
    authorities = [
        each for path in other.cas for each in read_certificates(f"{setting}.cas", path)
    ]
    certificate = None
    if other.certificate is not None:
        certificate = ClientCertificate(
            read_certificates(f"{setting}.certificate", other.certificate),
            read_key(f"{setting}.key", other.key),
        )
    return Terms(
        name,
        url,
        login=_make_login(name, url, other, reactor, blocking),
        authorities=authorities or None,
        client_certificate=certificate,
        proxy=other.proxy,
        allow_private=other.allowprivate,
        patience=Patience(
            connect=min(USUAL_PATIENCE.connect, other.timeout),
            answer=other.timeout,
            stall=other.timeout,
        ),
        limits=Limits(
            concurrency=other.connections,
            rate=other.rate,
            longest_alone=longest_alone,
        ),
    )


def _make_login(
    name: str, url: str, other: OtherRegistry, reactor: Any, blocking: Blocking
) -> LoginSource:
    if other.credentials is not None:
        return FileLogin(name, other.credentials, blocking, reactor)
    if other.command:
        return CommandLogin(
            name,
            other.command,
            parse_home(url).authority,
            reactor,
            timeout=other.timeout,
            lifetime=other.lifetime,
        )
    if other.username is None or other.password is None:
        return ToldLogin()
    return ToldLogin(Login(other.username, other.password))
