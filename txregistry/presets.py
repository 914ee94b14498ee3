"""The roles: pieces of the settings that go together.

A role only chooses what the settings leave open, and ``txregistry check-config`` spells
out what it came to.

Source: Docker Registry API v1, "Roles": sponsor, mirror, vendor and private registries.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from txregistry.settings import Auth, Rule, Settings, SettingsError, TokenEndpoint

PUBLIC: Final = "public/**"
"""What a vendor shows to everybody."""

PRIVATE: Final = "private/**"
"""Where a mirror takes pushes."""

VENDORS: Final = "@vendor"
"""Who may push to a vendor's registry."""

_EVERYTHING: Final = ("**",)
_EVERYONE: Final = ("everyone",)
_KNOWN: Final = ("authenticated",)


def apply_role(settings: Settings) -> Settings:
    """Choose what the settings leave open, as the role has it.

    Raises:
        SettingsError: the role needs what is not there.
    """
    choose = _ROLES[settings.role]
    return msgspec.structs.replace(settings, auth=choose(settings))


def _private(settings: Settings) -> Auth:
    """Everything to whoever gets in: to those who are known, where anybody can be."""
    auth = settings.auth
    someone = auth.knows_accounts or settings.index.is_elsewhere
    rule = Rule(_KNOWN if someone else _EVERYONE, _EVERYTHING, ("admin",))
    return _filled(auth, (rule,), endpoint=False)


def _vendor(settings: Settings) -> Auth:
    """Pulls of what is public to everybody, of all to those who are known.

    Only the vendor's own may push.
    """
    auth = settings.auth
    _require(
        settings,
        "htpasswd, certificates or token",
        found=auth.knows_accounts,
        why="nobody could push",
    )
    return _filled(
        auth,
        (
            Rule((VENDORS,), _EVERYTHING, ("admin",)),
            Rule(_EVERYONE, (PUBLIC,), ("pull",)),
            Rule(_KNOWN, _EVERYTHING, ("pull",)),
        ),
        endpoint=auth.token is None,
    )


def _sponsor(settings: Settings) -> Auth:
    """What tokens allow that others issue, and nothing else."""
    auth = settings.auth
    listeners = [each for each in settings.http.listen if not isinstance(each, str)]
    apis = {*settings.http.apis, *(api for each in listeners for api in each.apis)}
    if settings.v1.enabled and "v1" in apis and not settings.index.is_elsewhere:
        raise SettingsError(
            "role: 'sponsor' needs an Index whose tokens decide by version 1: give "
            "index.url or index.trust, or v1.enabled: false."
        )
    _require(
        settings,
        "token",
        found=auth.token is not None or "v2" not in apis,
        why="nobody could do anything by version 2 (http.apis: [v1] leaves that out)",
    )
    return _filled(auth, (), endpoint=False)


def _mirror(settings: Settings) -> Auth:
    """Pulls to everybody, pushes to those who are known, below private prefixes."""
    auth = settings.auth
    return _filled(
        auth,
        (
            Rule(_KNOWN, (PRIVATE,), ("push", "delete")),
            Rule(_EVERYONE, (PRIVATE,)),
            Rule(_EVERYONE, _EVERYTHING, ("pull",)),
        ),
        endpoint=auth.knows_accounts and auth.token is None,
    )


_ROLES: Final[dict[str, Callable[[Settings], Auth]]] = {
    "private": _private,
    "vendor": _vendor,
    "sponsor": _sponsor,
    "mirror": _mirror,
}

ROLES: Final = tuple(_ROLES)
"""Their names."""


def _require(settings: Settings, names: str, *, found: bool, why: str) -> None:
    if not found:
        raise SettingsError(
            f"role: {settings.role!r} needs one of auth: {names}; without, {why}."
        )


def _filled(auth: Auth, rules: tuple[Rule, ...], *, endpoint: bool) -> Auth:
    return msgspec.structs.replace(
        auth,
        rules=rules if auth.rules is None else auth.rules,
        endpoint=auth.endpoint or TokenEndpoint(enabled=endpoint),
    )
