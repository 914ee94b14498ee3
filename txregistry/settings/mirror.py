"""``mirror`` and ``proxy``: other registries, of which this is a mirror."""

from urllib.parse import urlsplit

from txregistry.model.durations import Duration
from txregistry.settings.otherregistry import OtherRegistry
from txregistry.settings.section import Bytes, Section

HUB = "docker.io"
"""What clients call Docker Hub."""

ALL = "*"
"""Stands for all registries that nothing else is meant by (``spaces``)."""

_LIFETIME = Duration(300)
_HUB_URL = "https://registry-1.docker.io"
_HUB_HOSTS = (HUB, "registry-1.docker.io", "index.docker.io", "registry.hub.docker.com")


class Schedule(Section, frozen=True):
    """An entry of ``mirror.upstreams[].schedule``: what is fetched time and again."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    platforms: tuple[str, ...] = ()
    every: Duration = Duration(86_400)


class Pinned(Section, frozen=True):
    """An entry of ``mirror.upstreams[].pinned``: what is kept though nobody uses it."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...] = ("*",)


class Upstream(OtherRegistry, frozen=True):
    """An entry of ``mirror.upstreams``: another registry.

    What is None follows from the name.
    """

    name: str
    url: str | None = None
    api: str = "v2"
    prefix: str | None = None
    spaces: tuple[str, ...] | None = None
    hosts: tuple[str, ...] = ()
    library: bool | None = None
    recheck: Duration = Duration(300)
    absent: Duration = Duration(30)
    patience: Duration = Duration(3)
    passthrough: bool = False
    schedule: tuple[Schedule, ...] = ()
    keep: Duration | None = None
    pinned: tuple[Pinned, ...] = ()

    @property
    def address(self) -> str:
        """Where it is, as a URL."""
        if self.url is not None:
            return self.url.rstrip("/")
        return _HUB_URL if self.name == HUB else f"https://{self.name}"

    @property
    def start(self) -> str:
        """How the names of its repositories begin here, without a ``/`` at the end.

        It is empty where they are called the same as there.
        """
        return self.name if self.prefix is None else self.prefix

    @property
    def is_hub(self) -> bool:
        """Whether names of one part lie below ``library/`` there."""
        return self.name == HUB if self.library is None else self.library

    @property
    def called(self) -> tuple[str, ...]:
        """What clients call it that say it with each request (``?ns=``)."""
        if self.spaces is not None:
            return self.spaces
        return _HUB_HOSTS if self.name == HUB else (self.name,)


class Mirror(Section, frozen=True):
    """``mirror``: of this registry alone."""

    upstreams: tuple[Upstream, ...] = ()
    own: tuple[str, ...] = ("private",)
    offline: bool = False
    size: Bytes | None = None


class ProxyCommand(Section, frozen=True):
    """``proxy.exec``: a credential helper."""

    command: str
    lifetime: Duration = Duration(0)


class Proxy(Section, frozen=True):
    """``proxy``: Distribution's way to be the mirror of one registry."""

    remoteurl: str
    username: str | None = None
    password: str | None = None
    exec: ProxyCommand | None = None
    ttl: Duration | None = None

    def as_upstream(self) -> Upstream:
        """Say the same as an entry of ``mirror.upstreams``: names stay as they are."""
        host = urlsplit(self.remoteurl).netloc.rpartition("@")[2]
        helper = self.exec
        named = Upstream(HUB if host in _HUB_HOSTS else host)
        return Upstream(
            named.name,
            url=self.remoteurl,
            prefix="",
            spaces=(*named.called, ALL),
            username=self.username or None,
            password=self.password or None,
            command=() if helper is None else (helper.command, "get"),
            lifetime=_LIFETIME if helper is None else helper.lifetime,
            keep=self.ttl or None,
        )
