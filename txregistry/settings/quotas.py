"""``quotas``: how much repositories may hold together."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from txregistry.auth.patterns import Patterns
from txregistry.model.sizes import Size
from txregistry.settings.section import Section, SettingsError

_MOST: Final = 1000
"""Rules: a pushed name is compared with each."""


class Quota(Section, frozen=True):
    """An entry of ``quotas``: how much some repositories may hold together.

    Attributes:
        repositories: Patterns of repositories, as of ``auth.rules``.
        bytes: Of their content, each blob once; None for as many as there is room for.
        tags: Of all of them; None for any number.
    """

    repositories: tuple[str, ...]
    bytes: Size | None = None
    tags: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None

    @property
    def called(self) -> str:
        """What it is called, the same in whatever order patterns are."""
        return " ".join(sorted(set(self.repositories)))


def check_quotas(quotas: Sequence[Quota]) -> None:
    """Refuse quotas that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    if len(quotas) > _MOST:
        raise SettingsError(
            f"quotas: {len(quotas)} entries cannot be used: {_MOST} are the most."
        )
    places: dict[str, int] = {}
    for place, quota in enumerate(quotas):
        setting = f"quotas[{place}]"
        if not quota.repositories:
            raise SettingsError(f"{setting}.repositories: give some, such as team/**.")
        try:
            Patterns(quota.repositories)
        except ValueError as error:
            raise SettingsError(f"{setting}.repositories: {error}") from error
        if quota.bytes is None and quota.tags is None:
            raise SettingsError(
                f"{setting}: it allows everything; give bytes, such as 50GiB, or tags, "
                "or both."
            )
        other = places.setdefault(quota.called, place)
        if other != place:
            raise SettingsError(
                f"{setting}: it is about the same repositories as quotas[{other}]; "
                "make one of them."
            )
