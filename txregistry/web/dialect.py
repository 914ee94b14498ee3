"""Which protocol a path belongs to, for what is answered before or beside its route."""

from typing import Final

V1_VERSION: Final = b"0.9.1"
"""What answers of version 1 say of us: engines up to 0.10 take no host without it."""

V1_VERSION_HEADER: Final = b"x-docker-registry-version"
V2_VERSION_HEADER: Final = b"docker-distribution-api-version"

_PATHS: Final = frozenset({b"/", b"/_ping", b"/_status", b"/v1"})


def is_v1(path: bytes) -> bool:
    """Say whether a path is of version 1."""
    return path.startswith(b"/v1/") or path in _PATHS


def is_v2(path: bytes) -> bool:
    """Say whether a path is of version 2."""
    return path.startswith(b"/v2/") or path == b"/v2"
