"""What ``mirror`` and ``proxy`` may not be, beyond what their types say."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from txregistry.settings.mirror import ALL, Mirror, Proxy, Upstream
from txregistry.settings.otherchecks import (
    check_other,
    check_start,
    check_time,
    refuse,
)
from txregistry.settings.section import SettingsError

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,98}[A-Za-z0-9])?", re.ASCII)
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::[0-9]{1,5})?",
    re.ASCII,
)
_SHORT: Final = 3600.0
"""Seconds: uses are written down some minutes after."""
_APIS: Final = ("v1", "v2")
_OFTEN: Final = 60.0
"""Seconds between two turns: more often, an upstream would take it amiss."""


def check_mirror(mirror: Mirror, proxy: Proxy | None) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    for text in mirror.own:
        check_start("mirror.own", text)
    for place, upstream in enumerate(mirror.upstreams):
        setting = f"mirror.upstreams[{place}]"
        _check_upstream(setting, upstream)
        _check_reach(setting, upstream, mirror.own)
    upstreams = mirror.upstreams
    if proxy is not None:
        url = ("proxy.remoteurl", proxy.remoteurl)
        check_other("proxy", proxy.as_upstream(), url, "exec")
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
        raise refuse(setting, "name", upstream.name, "such as docker.io")
    check_other(setting, upstream, (f"{setting}.url", upstream.address))
    if upstream.api not in _APIS:
        raise refuse(setting, "api", upstream.api, "v1 or v2")
    if upstream.passthrough and upstream.api == "v1":
        raise SettingsError(
            f"{setting}.passthrough: true cannot be used with api: v1: there, names "
            "and passwords are for an Index."
        )
    if upstream.start:
        check_start(f"{setting}.prefix", upstream.start)
    _check_called(setting, upstream)
    _check_schedule(setting, upstream)
    if upstream.keep is not None and upstream.keep < _SHORT:
        raise SettingsError(
            f"{setting}.keep: {upstream.keep:g}s cannot be used: it must be "
            f"{_SHORT:g}s or longer."
        )
    check_time(setting, "patience", upstream.patience)


def _check_reach(setting: str, upstream: Upstream, own: Sequence[str]) -> None:
    """Refuse names that nobody can mean, as they are ours alone."""
    for text in own:
        if f"{upstream.start}/".startswith(f"{text}/"):
            raise SettingsError(
                f"{setting}.prefix: {upstream.start!r} cannot be used: {text!r} is "
                "among mirror.own, and in no other registry, nor is what is below it; "
                "give another prefix, or take it from mirror.own."
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
            raise refuse(setting, "hosts", host, allowed)
    for space in upstream.spaces or ():
        if space != ALL and not _HOST.fullmatch(space):
            raise refuse(setting, "spaces", space, "a host and maybe a port, or *")
