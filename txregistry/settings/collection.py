"""``collection``: what becomes of what nobody needs."""

from txregistry.model.durations import Duration
from txregistry.settings.section import Section, SettingsError

_DAY = Duration(24 * 3600)
_LEAST = 1.0


class Collection(Section, frozen=True):
    """``collection``: garbage is collected while the registry runs."""

    enabled: bool = True
    interval: Duration = _DAY
    floor: Duration = _DAY


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
