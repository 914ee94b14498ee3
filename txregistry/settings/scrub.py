"""``scrub``: whether content is read time and again, to find what has rotted."""

from typing import Annotated

import msgspec

from txregistry.model.durations import Duration
from txregistry.settings.section import Section, SettingsError

_DAY = 24 * 3600.0
_LEAST = 3600.0


class Scrub(Section, frozen=True):
    """``scrub``: None for whether it is enabled means where content is local files."""

    enabled: bool | None = None
    rate: Annotated[int, msgspec.Meta(ge=1024)] = 8 * 1024 * 1024
    every: Duration = Duration(30 * _DAY)


def check_scrub(scrub: Scrub) -> None:
    """Refuse what nothing can come of.

    Raises:
        SettingsError: it is so.
    """
    if scrub.every < _LEAST:
        raise SettingsError(
            f"scrub.every: {scrub.every:g}s cannot be used: it must be {_LEAST:g}s or "
            "longer."
        )
