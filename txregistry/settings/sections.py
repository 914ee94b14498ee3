"""Settings, as frozen values: each section of the file is a class here.

They are those of CNCF Distribution's ``config.yml``, and more; ``config.py`` reads
them.
"""

import os

import msgspec

from txregistry.model.durations import Duration
from txregistry.settings.collection import Collection
from txregistry.settings.debug import Debug
from txregistry.settings.mirror import Mirror, Proxy
from txregistry.settings.quotas import Quota
from txregistry.settings.replication import PushTo
from txregistry.settings.scrub import Scrub
from txregistry.settings.section import Bytes, Section
from txregistry.settings.ssh import Ssh
from txregistry.settings.storage import Storage

REQUIRED_CLIENTS = ("require", "require-and-verify-client-cert")
OPTIONAL_CLIENTS = ("optional", "verify-client-cert-if-given")
"""What ``http.tls.clientauth`` may be: in our words, and in Distribution's."""

AUTO = "auto"
MOST_WORKERS = 64
"""What ``http.workers`` may be, beside a number; and the largest of those."""


class Tls(Section, frozen=True):
    """``http.tls``: certificates, as files in PEM form."""

    certificate: str | None = None
    key: str | None = None
    clientcas: tuple[str, ...] = ()
    clientauth: str | None = None
    crls: tuple[str, ...] = ()
    minimumtls: str = "tls1.2"

    @property
    def requires_clients(self) -> bool:
        """Whether nobody is let in without a certificate."""
        return bool(self.clientcas) and self.clientauth not in OPTIONAL_CLIENTS


class Listener(Section, frozen=True):
    """An entry of ``http.listen`` that speaks not all that there is, or not plainly."""

    endpoint: str
    apis: tuple[str, ...] | None = None
    tls: bool = False
    proxyprotocol: bool = False


class Cors(Section, frozen=True):
    """``http.cors``: which web pages of elsewhere may ask, in somebody's browser."""

    origins: tuple[str, ...] = ()
    credentials: bool = False
    maxage: Duration = Duration(600)


class Http(Section, frozen=True):
    """``http``: where and how clients are listened to."""

    addr: str | None = None
    host: str | None = None
    proxies: tuple[str, ...] = ()
    cors: Cors = Cors()
    listen: tuple[str | Listener, ...] = ()
    apis: tuple[str, ...] = ("v1", "v2")
    tls: Tls = Tls()
    headers: dict[str, list[str]] = msgspec.field(default_factory=dict)
    draintimeout: Duration = Duration(30)
    idletimeout: Duration = Duration(60)
    workers: int | str = 1
    debug: Debug = Debug()

    @property
    def worker_count(self) -> int:
        """How many processes serve: with ``auto``, one for each processor we have."""
        if isinstance(self.workers, int):
            return self.workers
        return min(MOST_WORKERS, len(os.sched_getaffinity(0)))


class AccessLog(Section, frozen=True):
    """``log.accesslog``: the line that each request leaves."""

    disabled: bool = False


class Log(Section, frozen=True):
    """``log``: what is told, and how."""

    level: str = "info"
    formatter: str = "text"
    accesslog: AccessLog = AccessLog()


class Validation(Section, frozen=True):
    """``validation``: whether manifests must be complete."""

    disabled: bool = False
    enabled: bool = True


class Referrers(Section, frozen=True):
    """``referrers``: of this registry alone."""

    fallbacktag: bool = True


class Version1(Section, frozen=True):
    """``v1``: Docker Registry API v1."""

    enabled: bool = True
    fallback: bool = True
    standalone: bool = False
    maxlayer: Bytes | None = None


class Htpasswd(Section, frozen=True):
    """``auth.htpasswd``: accounts in a file, their passwords hashed by bcrypt."""

    path: str
    realm: str = "txregistry"


class TokenService(Section, frozen=True):
    """``auth.token``: a service elsewhere whose tokens decide."""

    realm: str
    service: str
    issuer: str
    rootcertbundle: str | None = None
    jwks: str | None = None
    signingalgorithms: tuple[str, ...] = ()
    leeway: Duration = Duration(60)


class CertificateName(Section, frozen=True):
    """An entry of ``auth.certificates.names``: where a certificate has a name."""

    source: str = msgspec.field(name="from")
    pattern: str = ".+"


class Certificates(Section, frozen=True):
    """``auth.certificates``: client certificates say who somebody is."""

    names: tuple[CertificateName, ...] = (CertificateName("cn"),)
    groups: str | None = None


class TokenEndpoint(Section, frozen=True):
    """``auth.endpoint``: tokens of our own, for whoever is known here."""

    enabled: bool = True
    service: str | None = None
    issuer: str = "txregistry"
    lifetime: Duration = Duration(300)
    key: str | None = None


class Rule(Section, frozen=True):
    """An entry of ``auth.rules``: who may do what to which repositories."""

    who: tuple[str, ...]
    repositories: tuple[str, ...]
    may: tuple[str, ...] = ()
    networks: tuple[str, ...] = msgspec.field(default=(), name="from")


class ImmutableTags(Section, frozen=True):
    """An entry of ``auth.immutable``: tags that stay where they are."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...] = ("*",)


class Auth(Section, frozen=True):
    """``auth``: who is known, and who may do what.

    What is None is chosen by the role.
    """

    htpasswd: Htpasswd | None = None
    token: TokenService | None = None
    certificates: Certificates | None = None
    endpoint: TokenEndpoint | None = None
    groups: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    rules: tuple[Rule, ...] | None = None
    immutable: tuple[ImmutableTags, ...] = ()

    @property
    def knows_accounts(self) -> bool:
        """Whether anybody can be somebody."""
        return any((self.htpasswd, self.token, self.certificates))

    @property
    def given_endpoint(self) -> TokenEndpoint | None:
        """The endpoint, if it is switched on."""
        endpoint = self.endpoint
        return endpoint if endpoint is not None and endpoint.enabled else None


class Audit(Section, frozen=True):
    """``audit``: who did what, in lines of JSON."""

    enabled: bool = False
    file: str | None = None
    pulls: bool = True


class Index(Section, frozen=True):
    """``index``: version 1's service of accounts and tokens."""

    alone: bool = False
    endpoints: tuple[str, ...] = ()
    key: str | None = None
    trust: tuple[str, ...] = ()
    url: str | None = None
    cas: tuple[str, ...] = ()
    certificate: str | None = None
    certificatekey: str | None = None
    timeout: Duration = Duration(5)
    keep: Duration = Duration(10)

    @property
    def is_elsewhere(self) -> bool:
        """Whether somebody else decides what tokens are good for."""
        return self.url is not None or bool(self.trust)


class Settings(Section, frozen=True):
    """All settings."""

    version: str | float = "0.1"
    role: str = "private"
    log: Log = Log()
    storage: Storage = Storage()
    http: Http = Http()
    validation: Validation = Validation()
    referrers: Referrers = Referrers()
    v1: Version1 = Version1()
    auth: Auth = Auth()
    audit: Audit = Audit()
    index: Index = Index()
    collection: Collection = Collection()
    quotas: tuple[Quota, ...] = ()
    scrub: Scrub = Scrub()
    mirror: Mirror = Mirror()
    proxy: Proxy | None = None
    replication: tuple[PushTo, ...] = ()
    ssh: Ssh = Ssh()

    @property
    def is_local(self) -> bool:
        """Whether content is here, and neither comes from others nor goes to them."""
        others = self.mirror.upstreams or self.proxy or self.replication
        return not self.storage.is_remote and not others
