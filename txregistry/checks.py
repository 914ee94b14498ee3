"""What settings may not be, beyond what their types say."""

import re
from collections.abc import Sequence
from typing import Final

from txregistry.model.access import Action
from txregistry.settings import Http, Index, Listener, Settings, SettingsError

_CHOICES: Final = {
    "role": ("private",),
    "log.level": ("error", "warn", "info", "debug"),
    "log.formatter": ("text", "json", "logstash"),
    "http.tls.minimumtls": ("tls1.2", "tls1.3"),
}

_APIS: Final = ("v1", "v2")
_ACTIONS: Final = tuple(map(str, Action))
_ENDPOINT: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?",
    re.ASCII,
)
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+: [\x20-\x7e]*", re.ASCII)


def check_settings(settings: Settings) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    for path, allowed in _CHOICES.items():
        value: object = settings
        for name in path.split("."):
            value = getattr(value, name)
        if value not in allowed:
            raise SettingsError(
                f"{path}: {value!r} cannot be used; allowed are: {', '.join(allowed)}."
            )
    storage = settings.storage
    if storage.filesystem is not None and storage.inmemory is not None:
        raise SettingsError("storage: give one of filesystem and inmemory, not both.")
    if storage.maintenance.uploadpurging.interval <= 0:
        setting = "storage.maintenance.uploadpurging.interval"
        raise SettingsError(f"{setting}: 0 cannot be used: it must be longer.")
    if storage.filesystem is not None and not storage.filesystem.rootdirectory:
        raise SettingsError(
            "storage.filesystem.rootdirectory: '' cannot be used: it must be a folder."
        )
    _check_http(settings.http)
    _check_index(settings.index)
    _check_apis(settings)


def _check_http(http: Http) -> None:
    if http.idletimeout < 1:
        raise SettingsError(
            f"http.idletimeout: {http.idletimeout:g}s cannot be used: it must be 1s or "
            "longer."
        )
    for name, values in http.headers.items():
        for value in values:
            if not _HEADER.fullmatch(f"{name}: {value}"):
                raise SettingsError(
                    f"http.headers: {name!r}: {value!r} cannot be used: a name has "
                    "letters, digits and '-', a value printable ASCII characters."
                )
    if (http.tls.certificate is None) != (http.tls.key is None):
        raise SettingsError("http.tls: give both certificate and key, or neither.")
    if http.tls.clientcas and not http.tls.certificate:
        raise SettingsError("http.tls.clientcas: a certificate and key are needed too.")


def _check_index(index: Index) -> None:
    for endpoint in index.endpoints:
        if not _ENDPOINT.fullmatch(endpoint):
            raise SettingsError(
                f"index.endpoints: {endpoint!r} cannot be used; it must be 'host' or "
                "'host:port', as clients reach the registry."
            )
    if index.url is not None and index.trust:
        raise SettingsError("index: give one of url and trust, not both.")
    if index.is_elsewhere and (index.alone or index.htpasswd or index.access):
        raise SettingsError(
            "index: with url or trust the Index is elsewhere; alone, htpasswd and "
            "access are for the one that is here."
        )
    for place, rule in enumerate(index.access):
        _check_words(f"index.access[{place}].may", rule.may, _ACTIONS)
    if (index.certificate is None) != (index.certificatekey is None):
        raise SettingsError(
            "index: give both certificate and certificatekey, or neither."
        )


def _check_words(path: str, words: Sequence[str], allowed: Sequence[str]) -> None:
    for word in words:
        if word not in allowed:
            raise SettingsError(
                f"{path}: {word!r} cannot be used; allowed are: {', '.join(allowed)}."
            )


def _check_apis(settings: Settings) -> None:
    http, index = settings.http, settings.index
    if index.certificates and not http.tls.clientcas:
        raise SettingsError("index.certificates: http.tls.clientcas is needed too.")
    apis = [each.apis for each in http.listen if isinstance(each, Listener)]
    if len(apis) < len(http.listen) or http.addr is not None or not http.listen:
        apis.append(http.apis)
    for each in apis:
        _check_words("http.apis", each, _APIS)
        if not each:
            raise SettingsError("http.apis: () cannot be used; give v1, v2 or both.")
    version2 = any("v2" in each for each in apis) and not index.alone
    if index.restricts and version2 and not settings.v2.anonymous:
        raise SettingsError(
            "index: it says who may do what by version 1, but by version 2 everybody "
            "who gets here may do everything; listen for version 1 only "
            "(http.apis: [v1]), or say v2.anonymous: true if that is meant."
        )
