"""``collection``: what becomes of what nobody needs."""

from typing import Annotated

import msgspec

from txregistry.model.durations import Duration
from txregistry.settings.section import Section, SettingsError

_DAY = Duration(24 * 3600)
_LEAST = 1.0
_SHORT = 3600.0
"""Seconds: last uses are written down some minutes after."""


class Retention(Section, frozen=True):
    """An entry of ``collection.retention``: which tags and manifests stay."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...] = ("*",)
    newest: Annotated[int, msgspec.Meta(ge=0)] | None = None
    pushed: Duration | None = None
    pulled: Duration | None = None
    keep: tuple[str, ...] = ()
    untagged: Duration | None = None


class Collection(Section, frozen=True):
    """``collection``: garbage is collected while the registry runs."""

    enabled: bool = True
    interval: Duration = _DAY
    floor: Duration = _DAY
    retention: tuple[Retention, ...] = ()


def check_collection(collection: Collection) -> None:
    """Refuse times in which nothing can come of it.

    Raises:
        SettingsError: there is one.
    """
    for name in ("interval", "floor"):
        value = getattr(collection, name)
        if value < _LEAST:
            raise SettingsError(
                f"collection.{name}: {value:g}s cannot be used: it must be "
                f"{_LEAST:g}s or longer."
            )
    for place, rule in enumerate(collection.retention):
        _check_retention(f"collection.retention[{place}]", rule)


def _check_retention(setting: str, rule: Retention) -> None:
    if not rule.repositories or not rule.tags:
        raise SettingsError(
            f"{setting}: it must say which repositories and which tags."
        )
    given = [rule.newest, rule.pushed, rule.pulled, rule.untagged]
    if all(each is None for each in given):
        raise SettingsError(
            f"{setting}: it keeps nothing back and removes nothing; give newest, "
            "pushed, pulled or untagged."
        )
    for name in ("pushed", "pulled", "untagged"):
        value = getattr(rule, name)
        if value is not None and value < _SHORT:
            raise SettingsError(
                f"{setting}.{name}: {value:g}s cannot be used: it must be "
                f"{_SHORT:g}s or longer."
            )
