"""``txregistry check-config``: say what the settings come to."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.python import usage

from txregistry.heap import loading
from txregistry.model.sizes import Size
from txregistry.settings.reading import load_settings
from txregistry.settings.roles import ROLES
from txregistry.settings.sections import Settings

_SECRETS: Final = frozenset(
    {"applicationcredentialsecret", "password", "secretkey", "sessiontoken"}
)
_HIDDEN: Final = "(not shown)"
_USER: Final = re.compile(r"(https?://[^/?#@:]*:)[^/?#@]*(@)", re.IGNORECASE)
"""A URL with a password in it."""


class CheckConfig(usage.Options):
    """``check-config``: say what the settings come to, or what is wrong with them.

    Every file that they name is read, as at the start; nothing is listened at, and
    nothing written.
    """

    synopsis = "Usage: txregistry check-config [--config FILE] [--role ROLE]"
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["config", "c", None, "A config.yml, as of CNCF Distribution."],
        ["role", "r", None, f"What the registry is for: {', '.join(ROLES)}."],
    ]

    def run(self) -> None:
        """Print the settings in force, as YAML.

        Raises:
            SettingsError: one cannot be used.
        """
        settings, ignored = load_settings(self["config"], os.environ, self["role"])
        for name in ignored:
            sys.stderr.write(f"{name}: the setting has no meaning here.\n")
        with loading():  # all of the service: only what can be used is looked at so
            from txregistry.assembly.doubts import find_doubts  # noqa: PLC0415 - as said
            from txregistry.service import rehearse  # noqa: PLC0415 - as said

        rehearse(settings)
        for doubt in find_doubts(settings, self["config"]):
            sys.stderr.write(f"{doubt}\n")
        sys.stdout.write(_as_yaml(settings))


def _as_yaml(settings: Settings) -> str:
    import yaml  # noqa: PLC0415 - it takes a while, and a mistake needs it not

    plain = msgspec.to_builtins(settings, enc_hook=_spell)
    return str(yaml.safe_dump(_given(plain), sort_keys=False))


def _spell(value: Any) -> str:
    """Write a size, or a length of time."""
    return str(value) if isinstance(value, Size) else f"{value:.12g}s"


def _given(value: Any) -> Any:
    """Leave out what is None, and do not show what is nobody's business.

    As text, a section that is empty would be given.
    """
    if isinstance(value, list | tuple):
        return [_given(each) for each in value]
    if isinstance(value, str):
        return _USER.sub(rf"\1{_HIDDEN}\2", value)
    if not isinstance(value, dict):
        return value
    return {
        name: _HIDDEN if name in _SECRETS else _given(each)
        for name, each in value.items()
        if each is not None
    }
