"""Registries that images come from and go to over HTTP."""

from typing import Any

from txregistry.assembly.imageplaces import PASSWORD, USER, Means, Work
from txregistry.client.agent import ClientCertificate
from txregistry.client.downstreams.making import make_downstream
from txregistry.client.upstreams.logins import (
    FileLogin,
    Login,
    LoginSource,
    ToldLogin,
)
from txregistry.client.upstreams.making import make_upstream
from txregistry.client.upstreams.places import parse_home
from txregistry.client.upstreams.terms import Terms
from txregistry.tls.pem import read_certificates, read_key
from txregistry.transfer.images.downstream import DownstreamTarget
from txregistry.transfer.images.interfaces import IImageSource, IImageTarget
from txregistry.transfer.images.originsource import OriginSource
from txregistry.transfer.images.upstream import UpstreamOrigin


def open_source(url: str, means: Means, work: Work) -> IImageSource:
    """Open a registry to get images.

    Raises:
        SettingsError: a file cannot be used.
    """
    upstream = make_upstream(work.reactor, work.blocking, _make_terms(url, means, work))
    return _ClosingSource(UpstreamOrigin(upstream, work.reactor), work, upstream)


def open_target(url: str, means: Means, work: Work) -> IImageTarget:
    """Open a registry to put images.

    Raises:
        SettingsError: a file cannot be used.
    """
    terms = _make_terms(url, means, work)
    return DownstreamTarget(
        make_downstream(work.reactor, work.blocking, terms),
        make_upstream(work.reactor, work.blocking, terms),
        work.reactor,
        work.blocking,
    )


class _ClosingSource(OriginSource):
    """Close what is asked, too."""

    def __init__(self, origin: UpstreamOrigin, work: Work, upstream: Any) -> None:
        super().__init__(origin, work.blocking)
        self._upstream = upstream

    async def close(self) -> None:
        """See `IImageSource`."""
        await self._upstream.close()


def _make_terms(url: str, means: Means, work: Work) -> Terms:
    """Say on what terms it is dealt with.

    Raises:
        SettingsError: a file cannot be used.
    """
    name = parse_home(url).authority
    cas = [each for path in means.cas for each in read_certificates("cacert", path)]
    certificate = None
    if means.certificate is not None:
        certificate = ClientCertificate(
            read_certificates("cert", means.certificate),
            read_key("key", means.key),
        )
    return Terms(
        name,
        url,
        login=_make_login(name, means, work),
        authorities=cas or None,
        client_certificate=certificate,
    )


def _make_login(name: str, means: Means, work: Work) -> LoginSource:
    if means.credentials is not None:
        return FileLogin(name, means.credentials, work.blocking, work.reactor)
    user = means.environment.get(USER)
    password = means.environment.get(PASSWORD)
    if not user or not password:
        return ToldLogin()
    return ToldLogin(Login(user, password))
