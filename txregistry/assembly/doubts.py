"""What settings allow, and who gave them may not have meant."""

import os
import stat
from collections.abc import Iterator

from txregistry.assembly.listening import LOOPBACK, is_for_others, reaches_others
from txregistry.client.upstreams.places import Place, parse_home
from txregistry.client.upstreams.proxies import Proxy
from txregistry.settings.debug import Debug
from txregistry.settings.mirror import Upstream
from txregistry.settings.otherregistry import OtherRegistry
from txregistry.settings.sections import Settings


def find_doubts(settings: Settings, path: str | None = None) -> Iterator[str]:
    """Give sentences that say what to look at; this blocks.

    Args:
        settings: The settings, with what the role chose.
        path: Their file; None where there is none.
    """
    http, auth = settings.http, settings.auth
    first = (auth.rules or (None,))[0]
    is_open = first is not None and "everyone" in first.who and "admin" in first.may
    if is_open and not http.tls.requires_clients and reaches_others(http):
        yield (
            "Whoever reaches the registry may push and delete: it listens not only on "
            "loopback, and there is no auth to say who may."
        )
    yield from _doubts_of_debug(http.debug)
    others = list(_other_registries(settings))
    for setting, other, (url_setting, url) in others:
        yield from _doubts_of_other(setting, other, f"{setting}.{url_setting}", url)
    if settings.ssh.keys is not None and not settings.ssh.enabled:
        yield (
            f"ssh.keys: {settings.ssh.keys!r} is of no use: nothing listens for SSH; "
            "give ssh.listen as well, such as [tcp:2222], or --ssh."
        )
    secrets = {
        "http.tls.key": http.tls.key,
        "index.key": settings.index.key,
        "index.certificatekey": settings.index.certificatekey,
        "auth.endpoint.key": None if auth.endpoint is None else auth.endpoint.key,
        "ssh.hostkey": settings.ssh.hostkey,
        **{f"{setting}.credentials": other.credentials for setting, other, _ in others},
        **{f"{setting}.key": other.key for setting, other, _ in others},
    }
    for setting, secret in secrets.items():
        if _has_mode(secret, stat.S_IROTH):
            yield f"{setting}: {secret!r} can be read by everybody; chmod o-r."
    trusted = {"--config": path, "ssh.keys": settings.ssh.keys}
    if auth.htpasswd is not None:
        trusted["auth.htpasswd.path"] = auth.htpasswd.path
    if auth.token is not None:
        trusted["auth.token.jwks"] = auth.token.jwks
        trusted["auth.token.rootcertbundle"] = auth.token.rootcertbundle
    for setting, file in trusted.items():
        if _has_mode(file, stat.S_IWOTH):
            yield f"{setting}: {file!r} can be written by everybody; chmod o-w."


def _doubts_of_debug(debug: Debug) -> Iterator[str]:
    if debug.addr and is_for_others(debug.addr):
        yield (
            f"http.debug.addr: {debug.addr!r} answers whoever reaches it, and asks "
            "nobody who they are: how the registry is and what it does is no secret "
            "there; let only those in who collect it, by a firewall say."
        )
    if debug.prometheus.enabled and not debug.addr:
        yield (
            "http.debug.prometheus.enabled: true is of no use: nothing listens for "
            "it; give http.debug.addr as well, such as 127.0.0.1:5001."
        )


def _other_registries(
    settings: Settings,
) -> Iterator[tuple[str, OtherRegistry, tuple[str, str]]]:
    """Give other registries, what their sections are called, and where they are."""
    for place, upstream in enumerate(settings.mirror.upstreams):
        yield f"mirror.upstreams[{place}]", upstream, ("url", upstream.address)
    if settings.proxy is not None:
        upstream = settings.proxy.as_upstream()
        yield "proxy", upstream, ("remoteurl", upstream.address)
    for place, rule in enumerate(settings.replication):
        yield f"replication[{place}]", rule, ("to", rule.to)


def _doubts_of_other(
    setting: str, other: OtherRegistry, url_setting: str, url: str
) -> Iterator[str]:
    """Say what is doubtful about how another registry is dealt with."""
    passing = isinstance(other, Upstream) and other.passthrough
    ways = [
        name for name in ("username", "credentials", "command") if getattr(other, name)
    ]
    home = parse_home(url)
    if _is_in_clear(home):
        shown = ["who we are"] if ways else []
        shown += ["who our clients are, with their passwords,"] if passing else []
        for what in shown:
            yield (
                f"{url_setting}: {url!r} is shown {what} without TLS; whoever is on "
                "the way reads that."
            )
    if passing and ways:
        yield (
            f"{setting}.{ways[0]}: clients show who they are themselves (passthrough); "
            "this is used for nothing but what is fetched ahead (schedule, and "
            "txregistry warm), and who may pull that is still for the upstream to say."
        )
    if other.proxy is not None:
        proxy = Proxy.parse(other.proxy)
        if proxy.authorization and _is_in_clear(proxy.place):
            yield (
                f"{setting}.proxy: {proxy.place.authority} is shown its password "
                "without TLS; whoever is on the way reads that."
            )
    if other.credentials is not None and not os.path.exists(other.credentials):
        yield (
            f"{setting}.credentials: there is no file {other.credentials!r}, or it "
            "cannot be looked for; until it is there, nothing can be had."
        )


def _is_in_clear(place: Place) -> bool:
    """Say whether others can read what is sent to a place."""
    return place.scheme == "http" and not LOOPBACK.fullmatch(place.host)


def _has_mode(path: str | None, bit: int) -> bool:
    try:
        return path is not None and bool(os.stat(path).st_mode & bit)
    except OSError:
        return False
