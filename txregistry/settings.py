"""Settings, as frozen values: each section of the file is a class here.

They are those of CNCF Distribution's ``config.yml``, and more; ``config.py`` reads
them.
"""

from typing import Annotated, Any

import msgspec

from txregistry.model.durations import Duration

Bytes = Annotated[int, msgspec.Meta(ge=0)]


class SettingsError(Exception):
    """A setting cannot be used; the text names it, its value and what is allowed."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="lower"):
    """Part of the settings."""


class Filesystem(Section, frozen=True):
    """``storage.filesystem``: local files."""

    rootdirectory: str = "./registry-data"
    maxthreads: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16
    minfree: Bytes = 64 * 1024 * 1024


class Delete(Section, frozen=True):
    """``storage.delete``: whether content may be deleted."""

    enabled: bool = True


class UploadPurging(Section, frozen=True):
    """``storage.maintenance.uploadpurging``: what becomes of abandoned uploads."""

    enabled: bool = True
    age: Duration = Duration(168 * 3600)
    interval: Duration = Duration(24 * 3600)
    dryrun: bool = False


class ReadOnly(Section, frozen=True):
    """``storage.maintenance.readonly``: whether pushes are refused."""

    enabled: bool = False


class Maintenance(Section, frozen=True):
    """``storage.maintenance``."""

    uploadpurging: UploadPurging = UploadPurging()
    readonly: ReadOnly = ReadOnly()


class Storage(Section, frozen=True):
    """``storage``: where content is kept."""

    filesystem: Filesystem | None = None
    inmemory: dict[str, Any] | None = None
    delete: Delete = Delete()
    maintenance: Maintenance = Maintenance()


class Tls(Section, frozen=True):
    """``http.tls``: certificates, as files in PEM form."""

    certificate: str | None = None
    key: str | None = None
    clientcas: tuple[str, ...] = ()
    minimumtls: str = "tls1.2"


class Listener(Section, frozen=True):
    """An entry of ``http.listen`` that speaks not all that there is."""

    endpoint: str
    apis: tuple[str, ...]


class Http(Section, frozen=True):
    """``http``: where and how clients are listened to."""

    addr: str | None = None
    listen: tuple[str | Listener, ...] = ()
    apis: tuple[str, ...] = ("v1", "v2")
    tls: Tls = Tls()
    headers: dict[str, list[str]] = {}
    draintimeout: Duration = Duration(30)
    idletimeout: Duration = Duration(60)


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


class Version2(Section, frozen=True):
    """``v2``: OCI Distribution and Docker Registry v2."""

    anonymous: bool = False


class Rule(Section, frozen=True):
    """An entry of ``index.access``."""

    who: tuple[str, ...]
    repositories: tuple[str, ...]
    may: tuple[str, ...] = ()


class Index(Section, frozen=True):
    """``index``: version 1's service of accounts and tokens."""

    alone: bool = False
    endpoints: tuple[str, ...] = ()
    htpasswd: str | None = None
    certificates: bool = False
    access: tuple[Rule, ...] = ()
    administrators: tuple[str, ...] = ()
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

    @property
    def restricts(self) -> bool:
        """Whether not everybody may do everything."""
        accounts = self.htpasswd is not None or self.certificates
        return self.is_elsewhere or accounts or bool(self.access)


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
    v2: Version2 = Version2()
    index: Index = Index()
