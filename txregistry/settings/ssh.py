"""``ssh``: the registry by SSH."""

from typing import Annotated

import msgspec

from txregistry.model.durations import Duration
from txregistry.settings.section import Section


class Ssh(Section, frozen=True):
    """``ssh``: where it is listened to, and who is known there."""

    listen: tuple[str, ...] = ()
    keys: str | None = None
    hostkey: str | None = None
    maxconnections: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 100
    logintimeout: Duration = Duration(30)
    idletimeout: Duration = Duration(300)

    @property
    def enabled(self) -> bool:
        """Whether there is any of it."""
        return bool(self.listen)
