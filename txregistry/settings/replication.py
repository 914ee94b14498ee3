"""``replication``: what is pushed here, and other registries get as well."""

import hashlib

from txregistry.client.upstreams.places import parse_home
from txregistry.settings.otherregistry import OtherRegistry


class PushTo(OtherRegistry, frozen=True):
    """An entry of ``replication``: another registry.

    Attributes:
        to: Its URL.
        repositories: Patterns of repositories, as of ``auth.rules``.
        tags: Patterns of tags, as of ``auth.immutable``.
        prefix: How names begin there, without a ``/`` at the end.
        replaces: How names begin here that is left out there, likewise.
        referrers: Whether what refers to manifests goes there too.
        name: What the rule is called; None for what follows from where it goes. Jobs
            that wait are kept by it.
    """

    to: str
    repositories: tuple[str, ...] = ("**",)
    tags: tuple[str, ...] = ("*",)
    prefix: str = ""
    replaces: str = ""
    referrers: bool = True
    name: str | None = None

    @property
    def called(self) -> str:
        """What the rule is called, the same after a restart."""
        if self.name is not None:
            return self.name
        words = f"{self.to}\n{self.prefix}\n{self.replaces}"
        number = hashlib.sha256(words.encode()).hexdigest()[:8]
        host = parse_home(self.to).host.replace(":", "-").replace("_", "-")
        return f"{host.strip('.-')[:64]}-{number}"
