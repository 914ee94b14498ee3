"""How another registry is reached, and who we are there."""

from typing import Annotated

import msgspec

from txregistry.model.durations import Duration
from txregistry.settings.section import Section


class OtherRegistry(Section, frozen=True, kw_only=True):
    """What ``mirror.upstreams`` and ``replication`` say alike of a registry."""

    username: str | None = None
    password: str | None = None
    credentials: str | None = None
    command: tuple[str, ...] = ()
    lifetime: Duration = Duration(300)
    certificate: str | None = None
    key: str | None = None
    cas: tuple[str, ...] = ()
    proxy: str | None = None
    timeout: Duration = Duration(30)
    connections: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16
    rate: Annotated[float, msgspec.Meta(gt=0, le=10_000)] | None = None
    allowprivate: bool = False
