"""What may not be said of other registries, beyond what its types say."""

import re
from typing import Final

from txregistry.client.upstreams.places import parse_home
from txregistry.client.upstreams.proxies import Proxy
from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.settings.otherregistry import OtherRegistry
from txregistry.settings.section import SettingsError

SHORTEST: Final = 0.1
"""Seconds in which another registry can answer."""


def check_other(
    setting: str, other: OtherRegistry, url: tuple[str, str], command: str = "command"
) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Args:
        setting: What the section is called.
        other: The section.
        url: What the setting of its URL is called, and the URL.
        command: What the setting of a helper is called.

    Raises:
        SettingsError: there is one.
    """
    _check_url(*url)
    _check_login(setting, other, command)
    if (other.certificate is None) != (other.key is None):
        raise SettingsError(f"{setting}: give both certificate and key, or neither.")
    if other.proxy is not None:
        _check_proxy(f"{setting}.proxy", other.proxy)
    check_time(setting, "timeout", other.timeout)


def check_time(setting: str, name: str, value: float) -> None:
    """Refuse a time in which nobody answers.

    Raises:
        SettingsError: it is none in which anybody does.
    """
    if value < SHORTEST:
        raise SettingsError(
            f"{setting}.{name}: {value:g}s cannot be used: it must be {SHORTEST:g}s or "
            "longer."
        )


def check_start(setting: str, text: str) -> None:
    """Refuse what names of repositories cannot begin with.

    Raises:
        SettingsError: they cannot.
    """
    try:
        RepositoryName.parse(text)
    except NameInvalid as error:
        raise SettingsError(
            f"{setting}: {text!r} cannot be used; it must be how names of repositories "
            "begin, such as team or docker.io, without '/' at the end."
        ) from error


def refuse(setting: str, name: str, value: str, allowed: str) -> SettingsError:
    """Say that a setting cannot be used, and what is allowed."""
    return SettingsError(
        f"{setting}.{name}: {value!r} cannot be used; it must be {allowed}."
    )


def _check_proxy(setting: str, url: str) -> None:
    try:
        Proxy.parse(url)
    except ValueError as error:
        raise SettingsError(
            f"{setting}: this cannot be used; it must be a URL such as "
            "http://user:password@proxy.example:3128."
        ) from error


def _check_url(setting: str, url: str) -> None:
    try:
        parse_home(url)
    except ValueError as error:
        raise SettingsError(
            f"{setting}: {_without_user(url)!r} cannot be used; it must be the URL of "
            "a registry such as https://registry.example:5000, without who we are "
            "there."
        ) from error


def _without_user(url: str) -> str:
    """Leave out what may be a password."""
    return re.sub(r"//[^/]*@", "//...@", url)


def _check_login(setting: str, other: OtherRegistry, command: str) -> None:
    if (other.username is None) != (other.password is None):
        raise SettingsError(f"{setting}: give both username and password, or neither.")
    if other.username is not None and ":" in other.username:
        raise refuse(setting, "username", other.username, "a name without ':'")
    ways = [
        name
        for name, given in (
            ("username", other.username),
            ("credentials", other.credentials),
            (command, other.command),
        )
        if given
    ]
    if len(ways) > 1:
        raise SettingsError(
            f"{setting}: give one of {' and '.join(ways)}, not both: who are we there?"
        )
