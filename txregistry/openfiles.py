"""How many files and connections the process may have open."""

import resource
from typing import Final

from twisted.logger import Logger

_MOST: Final = 1 << 20
"""More are of no use, and some kernels allow any number."""
_FEW: Final = 4096
_log = Logger()


def open_files() -> int:
    """Say how many there may be."""
    return _bounded(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def allow_open_files() -> None:
    """Let there be as many as whoever started us allows.

    By default that is far more than a process has: 1024, as some programs still use
    calls that cannot have more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _bounded(soft) < _bounded(hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (_bounded(hard), hard))
        except (OSError, ValueError) as error:  # a kernel or a jail with other limits
            _log.warn("The limit of open files cannot be raised: {error}", error=error)
    found = open_files()
    if found < _FEW:
        _log.warn(
            "No more than {found} files and connections can be open; raise the hard "
            "limit (LimitNOFILE= of systemd, ulimit -Hn) to {few} or more",
            found=found,
            few=_FEW,
        )


def _bounded(limit: int) -> int:
    return _MOST if limit == resource.RLIM_INFINITY else min(limit, _MOST)
