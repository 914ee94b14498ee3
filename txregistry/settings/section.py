"""What all sections of the settings are made of."""

from typing import Annotated

import msgspec

Bytes = Annotated[int, msgspec.Meta(ge=0)]


class SettingsError(Exception):
    """A setting cannot be used; the text names it, its value and what is allowed."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="lower"):
    """Part of the settings."""
