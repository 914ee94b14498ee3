"""What is served at the listeners of a registry."""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from txregistry.assembly.admission import Admission
from txregistry.openfiles import open_files
from txregistry.registry.repositories import Registry
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking
from txregistry.web.audit import AuditTrail
from txregistry.web.certificates import CertifiedResource
from txregistry.web.connections import Connections
from txregistry.web.cors import Cors
from txregistry.web.counting import Counting
from txregistry.web.proxies import Proxies
from txregistry.web.root import make_root
from txregistry.web.sendfile import Sender
from txregistry.web.site import RegistrySite
from txregistry.web.v1.root import Version1


class Sites:
    """Make sites: one for all listeners that speak the same APIs.

    Args:
        settings: The settings.
        registry: What is served.
        admission: Who asks, and what they may do.
        version1: What version 1 is to be; None where there is none.
        trail: Who did what; None where nobody wants to know.
        reactor: The reactor.
        blocking: Where reads go that wait for a disk.

    Attributes:
        made: Those that were made.
        counting: Counts what goes on at them; None where nobody can ask.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        admission: Admission,
        version1: Version1 | None,
        trail: AuditTrail | None,
        reactor: Any,
        blocking: Blocking,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._admission = admission
        self._version1 = version1
        self._trail = trail
        self._reactor = reactor
        self._sender = Sender(blocking)
        self._proxies = Proxies(map(ip_network, settings.http.proxies))
        self._connections = Connections(open_files(), reactor, self._proxies)
        self._make = lru_cache(self._make_site)
        self.made: list[RegistrySite] = []
        self.counting: Counting | None = None
        if settings.http.debug.counts:
            self.counting = Counting(reactor, lambda: self.made, trail)

    def site(self, apis: Collection[str]) -> RegistrySite:
        """Give what is served where some APIs are spoken."""
        return self._make(frozenset(apis))

    def _make_site(self, apis: frozenset[str]) -> RegistrySite:
        http = self._settings.http
        root = make_root(
            self._registry,
            self._sender,
            self._admission.access,
            self._version1 if "v1" in apis else None,
            version2="v2" in apis and not self._settings.index.alone,
            tokens=self._admission.tokens,
            fallback=self._settings.v1.fallback,
        )
        site = RegistrySite(
            CertifiedResource(root) if http.tls.clientcas else root,
            self._reactor,
            idle=http.idletimeout,
            access_log=not self._settings.log.accesslog.disabled,
            headers=http.headers,
            proxies=self._proxies,
            base_url=None if http.host is None else http.host.rstrip("/"),
            cors=Cors(
                http.cors.origins,
                credentials=http.cors.credentials,
                max_age=http.cors.maxage,
            ),
            audit=self.counting or self._trail,
            connections=self._connections,
        )
        self.made.append(site)
        return site
