"""The roles: pieces of the settings that go together.

A role only chooses what the settings leave open, and ``txregistry check-config`` spells
out what it came to.

Source: Docker Registry API v1, "Roles": sponsor, mirror, vendor and private registries.
"""

from collections.abc import Callable
from itertools import chain
from typing import Final

import msgspec

from txregistry.settings.section import SettingsError
from txregistry.settings.sections import (
    Auth,
    Http,
    Listener,
    Rule,
    Settings,
    TokenEndpoint,
)

PUBLIC: Final = ("public", "public/**")
"""What a vendor shows to everybody."""

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


def chosen_rules(settings: Settings) -> tuple[Rule, ...]:
    """Say what rules the role chooses where the settings leave them open.

    Raises:
        SettingsError: the role needs what is not there.
    """
    open_auth = msgspec.structs.replace(settings.auth, rules=None)
    left_open = msgspec.structs.replace(settings, auth=open_auth)
    return apply_role(left_open).auth.rules or ()


def spoken_apis(http: Http) -> list[tuple[str, ...]]:
    """List the APIs that are spoken, by each listener."""
    own = [each.apis for each in http.listen if isinstance(each, Listener)]
    found = [http.apis if apis is None else apis for apis in own]
    if len(found) < len(http.listen) or http.addr is not None or not http.listen:
        found.append(http.apis)
    return found


def names_vendors(auth: Auth) -> bool:
    """Say whether anybody can be in the group that pushes to a vendor's registry."""
    by_certificate = auth.certificates is not None and auth.certificates.groups
    return bool(by_certificate) or VENDORS.removeprefix("@") in auth.groups


def _private(settings: Settings) -> Auth:
    """Everything to whoever gets in: to those who are known, where anybody can be.

    Where rules give something to everybody as well, there are tokens: Docker cannot be
    asked for a password only at times.
    """
    auth = settings.auth
    mixed = auth.htpasswd is not None and auth.token is None and _is_mixed(auth)
    someone = auth.knows_accounts or settings.index.is_elsewhere
    rule = Rule(_KNOWN if someone else _EVERYONE, _EVERYTHING, ("admin",))
    return _filled(auth, (rule,), endpoint=mixed)


def _is_mixed(auth: Auth) -> bool:
    """Say whether rules give something to who is not known."""
    nobody = {"everyone", "anonymous"}
    return any(rule.may and nobody.intersection(rule.who) for rule in auth.rules or ())


def _vendor(settings: Settings) -> Auth:
    """Pulls of what is public to everybody, of all to those who are known.

    Only the vendor's own may push.
    """
    auth = settings.auth
    if not auth.knows_accounts:
        raise SettingsError(
            "role: 'vendor' needs auth.htpasswd, auth.certificates or auth.token; "
            "without, nobody could push."
        )
    own = (Rule((VENDORS,), _EVERYTHING, ("admin",)),) if names_vendors(auth) else ()
    others = (
        Rule(_EVERYONE, PUBLIC, ("pull",)),
        Rule(_KNOWN, _EVERYTHING, ("pull",)),
    )
    return _filled(auth, own + others, endpoint=auth.token is None)


def _sponsor(settings: Settings) -> Auth:
    """What tokens allow that others issue, and nothing else."""
    auth = settings.auth
    apis = set(chain.from_iterable(spoken_apis(settings.http)))
    if settings.v1.enabled and "v1" in apis and not settings.index.is_elsewhere:
        raise SettingsError(
            "role: 'sponsor' needs an Index whose tokens decide by version 1: give "
            "index.url or index.trust, or v1.enabled: false."
        )
    if auth.token is None and "v2" in apis:
        raise SettingsError(
            "role: 'sponsor' needs auth.token; without, nobody could do anything by "
            "version 2 (http.apis: [v1] leaves that out)."
        )
    return _filled(auth, (), endpoint=False)


def _mirror(settings: Settings) -> Auth:
    """Pulls to everybody, pushes to those who are known, where it is no mirror."""
    auth = settings.auth
    own = tuple(
        pattern for each in settings.mirror.own for pattern in (each, f"{each}/**")
    )
    private = (Rule(_KNOWN, own, ("push", "delete")), Rule(_EVERYONE, own))
    return _filled(
        auth,
        (*(private if own else ()), Rule(_EVERYONE, _EVERYTHING, ("pull",))),
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


def _filled(auth: Auth, rules: tuple[Rule, ...], *, endpoint: bool) -> Auth:
    return msgspec.structs.replace(
        auth,
        rules=rules if auth.rules is None else auth.rules,
        endpoint=auth.endpoint or TokenEndpoint(enabled=endpoint),
    )
