"""What ``mirror`` and ``proxy`` may not be, beyond what their types say."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from txregistry.client.upstreams.making import parse_home
from txregistry.client.upstreams.tunnels import Proxy as Tunnel
from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.settings.mirror import ALL, Mirror, Proxy, Upstream
from txregistry.settings.section import SettingsError

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,98}[A-Za-z0-9])?", re.ASCII)
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::[0-9]{1,5})?",
    re.ASCII,
)
_APIS: Final = ("v1", "v2")
_OFTEN: Final = 60.0
"""Seconds between two turns: more often, an upstream would take it amiss."""
_SHORTEST: Final = 0.1
"""Seconds in which another registry can answer."""


def check_mirror(mirror: Mirror, proxy: Proxy | None) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    for text in mirror.own:
        _check_start("mirror.own", text)
    for place, upstream in enumerate(mirror.upstreams):
        _check_upstream(f"mirror.upstreams[{place}]", upstream)
    upstreams = mirror.upstreams
    if proxy is not None:
        _check_url("proxy.remoteurl", proxy.remoteurl)
        _check_login("proxy", proxy.as_upstream(), "exec")
        upstreams = (*upstreams, proxy.as_upstream())
    for setting, values in (
        ("name", [each.name for each in upstreams]),
        ("prefix", [each.start for each in upstreams]),
        ("spaces", [space for each in upstreams for space in each.called]),
        ("hosts", [host for each in upstreams for host in each.hosts]),
    ):
        _check_once(f"mirror.upstreams: {setting}", values)


def _check_once(setting: str, values: Sequence[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise SettingsError(
                f"{setting} {value!r} is that of {count} upstreams; it can be that of "
                "one."
            )


def _check_upstream(setting: str, upstream: Upstream) -> None:
    if not _NAME.fullmatch(upstream.name):
        raise _refuse(setting, "name", upstream.name, "such as docker.io")
    _check_url(f"{setting}.url", upstream.address)
    if upstream.api not in _APIS:
        raise _refuse(setting, "api", upstream.api, "v1 or v2")
    if upstream.passthrough and upstream.api == "v1":
        raise SettingsError(
            f"{setting}.passthrough: true cannot be used with api: v1: there, names "
            "and passwords are for an Index."
        )
    if upstream.start:
        _check_start(f"{setting}.prefix", upstream.start)
    _check_called(setting, upstream)
    _check_schedule(setting, upstream)
    _check_login(setting, upstream, "command")
    if (upstream.certificate is None) != (upstream.key is None):
        raise SettingsError(f"{setting}: give both certificate and key, or neither.")
    if upstream.proxy is not None:
        _check_proxy(f"{setting}.proxy", upstream.proxy)
    for name in ("patience", "timeout"):
        value = getattr(upstream, name)
        if value < _SHORTEST:
            raise SettingsError(
                f"{setting}.{name}: {value:g}s cannot be used: it must be "
                f"{_SHORTEST:g}s or longer."
            )


def _check_schedule(setting: str, upstream: Upstream) -> None:
    for place, each in enumerate(upstream.schedule):
        if each.every < _OFTEN:
            raise SettingsError(
                f"{setting}.schedule[{place}].every: {each.every:g}s cannot be used; "
                f"it must be {_OFTEN:g}s or longer."
            )


def _check_called(setting: str, upstream: Upstream) -> None:
    for host in upstream.hosts:
        if not _HOST.fullmatch(host) or host != host.lower():
            allowed = "a host in small letters, and maybe a port"
            raise _refuse(setting, "hosts", host, allowed)
    for space in upstream.spaces or ():
        if space != ALL and not _HOST.fullmatch(space):
            raise _refuse(setting, "spaces", space, "a host and maybe a port, or *")


def _check_proxy(setting: str, url: str) -> None:
    try:
        Tunnel.parse(url)
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


def _check_start(setting: str, text: str) -> None:
    try:
        RepositoryName.parse(text)
    except NameInvalid as error:
        raise SettingsError(
            f"{setting}: {text!r} cannot be used; it must be how names of repositories "
            "begin, such as team or docker.io, without '/' at the end."
        ) from error


def _check_login(setting: str, upstream: Upstream, command: str) -> None:
    if (upstream.username is None) != (upstream.password is None):
        raise SettingsError(f"{setting}: give both username and password, or neither.")
    if upstream.username is not None and ":" in upstream.username:
        raise _refuse(setting, "username", upstream.username, "a name without ':'")
    ways = [
        name
        for name, given in (
            ("username", upstream.username),
            ("credentials", upstream.credentials),
            (command, upstream.command),
        )
        if given
    ]
    if len(ways) > 1:
        raise SettingsError(
            f"{setting}: give one of {' and '.join(ways)}, not both: who are we there?"
        )


def _refuse(setting: str, name: str, value: str, allowed: str) -> SettingsError:
    return SettingsError(
        f"{setting}.{name}: {value!r} cannot be used; it must be {allowed}."
    )
