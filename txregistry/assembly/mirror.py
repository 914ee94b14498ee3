"""The registries that this one is a mirror of, as the settings describe them."""

from typing import Any

from txregistry.client.agent import ClientCertificate
from txregistry.client.upstreams.commands import CommandLogin
from txregistry.client.upstreams.interfaces import IUpstream
from txregistry.client.upstreams.limits import (
    USUAL_LIMITS,
    USUAL_PATIENCE,
    Limits,
    Patience,
)
from txregistry.client.upstreams.logins import (
    FileLogin,
    Login,
    LoginSource,
    ToldLogin,
)
from txregistry.client.upstreams.making import make_upstream, parse_home
from txregistry.client.upstreams.making1 import make_version1_upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.settings.mirror import Upstream
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking
from txregistry.tls.pem import read_certificates, read_key


def make_rules(settings: Settings, reactor: Any, blocking: Blocking) -> MirrorRules:
    """Make the rules in front of reading. No other registry is contacted yet.

    Raises:
        SettingsError: a file cannot be used.
    """
    named = [
        (f"mirror.upstreams[{place}]", upstream)
        for place, upstream in enumerate(settings.mirror.upstreams)
    ]
    if settings.proxy is not None:
        named.append(("proxy", settings.proxy.as_upstream()))
    return MirrorRules(
        [_make_rule(setting, each, reactor, blocking) for setting, each in named],
        settings.mirror.own,
    )


def _make_rule(
    setting: str, upstream: Upstream, reactor: Any, blocking: Blocking
) -> MirrorRule:
    return MirrorRule(
        _make_upstream(setting, upstream, reactor, blocking),
        upstream.start and f"{upstream.start}/",
        frozenset(upstream.called),
        frozenset(upstream.hosts),
        upstream.is_hub,
        upstream.recheck,
        upstream.absent,
        upstream.patience,
        upstream.passthrough,
    )


def _make_upstream(
    setting: str, upstream: Upstream, reactor: Any, blocking: Blocking
) -> IUpstream:
    authorities = [
        each
        for path in upstream.cas
        for each in read_certificates(f"{setting}.cas", path)
    ]
    certificate = None
    if upstream.certificate is not None:
        certificate = ClientCertificate(
            read_certificates(f"{setting}.certificate", upstream.certificate),
            read_key(f"{setting}.key", upstream.key),
        )
    make = make_version1_upstream if upstream.api == "v1" else make_upstream
    made: IUpstream = make(
        reactor,
        blocking,
        Terms(
            upstream.name,
            upstream.address,
            login=_make_login(upstream, reactor, blocking),
            authorities=authorities or None,
            client_certificate=certificate,
            proxy=upstream.proxy,
            allow_private=upstream.allowprivate,
            patience=Patience(
                connect=min(USUAL_PATIENCE.connect, upstream.timeout),
                answer=upstream.timeout,
                stall=upstream.timeout,
            ),
            limits=Limits(
                concurrency=upstream.connections,
                rate=upstream.rate,
                # A tag is to be fresh again so soon after the upstream is there again.
                longest_alone=max(
                    USUAL_LIMITS.alone,
                    min(USUAL_LIMITS.longest_alone, upstream.recheck / 2),
                ),
            ),
        ),
    )
    return made


def _make_login(upstream: Upstream, reactor: Any, blocking: Blocking) -> LoginSource:
    if upstream.credentials is not None:
        return FileLogin(upstream.name, upstream.credentials, blocking, reactor)
    if upstream.command:
        return CommandLogin(
            upstream.name,
            upstream.command,
            parse_home(upstream.address).authority,
            reactor,
            timeout=upstream.timeout,
            lifetime=upstream.lifetime,
        )
    if upstream.username is None or upstream.password is None:
        return ToldLogin()
    return ToldLogin(Login(upstream.username, upstream.password))
