"""What a Docker engine says of itself in ``User-Agent``.

Example: ``docker/1.5.0 go/go1.4.1 git-commit/a8a31ef kernel/3.13.0 os/linux
arch/amd64``; engines from 1.11 on append ``UpstreamClient(...)``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PART: Final = re.compile(r"([a-z-]{1,20})/([!-'*-~]{1,100})", re.ASCII)
_LIMIT: Final = 1000
_UP_TO_0_10: Final = re.compile(r"0\.(?:[0-9]|10)(?![0-9])", re.ASCII)
_SCHEMA1_ONLY: Final = re.compile(r"docker/1\.[5-9](?![0-9])", re.ASCII)
_NAMELESS: Final = "Go 1.1 package http"
"""What Docker 1.5 says when it looks for version 2, as all did whose Go was before 1.5
and who gave no name."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine and where it runs; None is what it does not say."""

    version: str | None
    go_version: str | None
    kernel: str | None
    os: str
    architecture: str

    @property
    def needs_sizes(self) -> bool:
        """Whether it takes no layer of a size that it is not told: up to 0.10."""
        return self.version is not None and _UP_TO_0_10.match(self.version) is not None


def parse_engine(agent: str) -> Engine:
    """Read ``User-Agent``, of whomever it is: what is missing has a default."""
    said: Mapping[str, str] = dict(_PART.findall(agent[:_LIMIT].partition(" Upstr")[0]))
    return Engine(
        version=said.get("docker"),
        go_version=said.get("go"),
        kernel=said.get("kernel"),
        os=said.get("os", "linux"),
        architecture=said.get("arch", "amd64"),
    )


def knows_only_schema1(agent: str) -> bool:
    """Say whether this is an engine 1.5 to 1.9.

    They speak version 2 wherever they find it, and there only manifests of schema 1,
    which this registry does not make; where it seems absent they speak version 1.
    """
    return agent == _NAMELESS or _SCHEMA1_ONLY.match(agent) is not None
