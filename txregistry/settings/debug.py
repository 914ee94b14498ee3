"""``http.debug``: where people and programs ask how the registry is.

The names are CNCF Distribution's.
"""

import re
from typing import Final

from txregistry.settings.section import Section, SettingsError

HEALTH: Final = ("/livez", "/readyz", "/startupz", "/debug/health")
"""Paths that tell how the registry is."""

_ADDRESS: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^:\[\]/\s]*):([0-9]{1,5})")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*", re.ASCII)
_LARGEST_PORT: Final = 65535


class Prometheus(Section, frozen=True):
    """``http.debug.prometheus``: figures, as Prometheus collects them."""

    enabled: bool = False
    path: str = "/metrics"


class Debug(Section, frozen=True):
    """``http.debug``: a listener of its own; without an address there is none."""

    addr: str | None = None
    prometheus: Prometheus = Prometheus()

    @property
    def counts(self) -> bool:
        """Whether anybody can ask for figures."""
        return bool(self.addr) and self.prometheus.enabled


def check_debug(debug: Debug) -> None:
    """Refuse what nothing can listen at, or nobody could ask for.

    Raises:
        SettingsError: it is so.
    """
    match = _ADDRESS.fullmatch(debug.addr) if debug.addr else None
    if debug.addr and (match is None or int(match[1]) > _LARGEST_PORT):
        raise SettingsError(
            f"http.debug.addr: {debug.addr!r} cannot be used; it must be 'host:port', "
            "':port' or '[IPv6 address]:port'."
        )
    path = debug.prometheus.path
    if not _PATH.fullmatch(path) or path in HEALTH:
        raise SettingsError(
            f"http.debug.prometheus.path: {path!r} cannot be used; it must be a path "
            f"such as '/metrics', and none of {', '.join(HEALTH)}."
        )
