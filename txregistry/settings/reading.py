"""Settings out of a file and the environment: text is parsed here, once.

The file is CNCF Distribution's ``config.yml``, extended, with its ``REGISTRY_...``
variables over it. A stock file runs unchanged: settings of Distribution's that mean
nothing here are told by ``txregistry check-config``; those that would mean something,
were they obeyed, stop the start, and so does whatever is no setting at all.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from txregistry.model.durations import Duration
from txregistry.model.sizes import Size
from txregistry.settings.checks import check_settings
from txregistry.settings.mistakes import alternatives, explain
from txregistry.settings.policies import make_policy
from txregistry.settings.roles import apply_role
from txregistry.settings.section import Section, SettingsError
from txregistry.settings.sections import Settings

MEANINGLESS: Final = (
    "auth.token.autoredirect",
    "auth.token.autoredirectpath",
    "http.relativeurls",
    "http.secret",
    "http.net",
    "http.http2",
    "http.h2c",
    "log.fields",
    "log.hooks",
    "loglevel",
    "health",
    "storage.cache",
    "storage.s3.loglevel",
    "storage.s3.useragent",
    "storage.tag",
    "reporting",
    "compatibility",
    "redis",
)
"""Settings of Distribution's that change nothing here; each covers all below it."""

NOT_YET: Final = (
    "auth.silly",
    "http.prefix",
    "http.tls.letsencrypt",
    "http.tls.ciphersuites",
    "middleware",
    "notifications",
    "policy",
    "storage.azure",
    "storage.gcs",
    "storage.middleware",
    "storage.oss",
    "validation.manifests",
)
"""Settings of Distribution's that must not be passed over, and cannot be obeyed."""


_CHOOSING: Final = ("storage.", "auth.")
"""Sections in which a name alone, with nothing to it, chooses what there is to be."""

_SERVICE_LINK: Final = re.compile(
    r"REGISTRY_(?:AUTH_FILE|(?:SERVICE|PORT)(?:_.*)?|.+_SERVICE_HOST|.+_SERVICE_PORT(?:_.+)?"
    r"|.+_PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_.+)?)?)"
)
"""What Kubernetes sets for services called ``registry``, or ``registry-ui``; and where
podman and skopeo look for their passwords."""


def load_settings(
    path: str | None, environment: Mapping[str, str], role: str | None = None
) -> tuple[Settings, list[str]]:
    """Read the settings, and fill in what the role chooses.

    Args:
        path: A YAML file; None for none.
        environment: Variables; those named ``REGISTRY_...`` go over the file.
        role: What the registry is for, over both; None for what they say.

    Returns:
        The settings, and the names of those that were given and mean nothing here.

    Raises:
        SettingsError: a setting cannot be used.
    """
    settings, ignored = read_settings(path, environment, role)
    return apply_role(settings), ignored


def read_settings(
    path: str | None, environment: Mapping[str, str], role: str | None = None
) -> tuple[Settings, list[str]]:
    """Read the settings as they are given; else as `load_settings`."""
    document = _read(path)
    auth = document.get("auth")
    if isinstance(auth, str):
        document["auth"] = {} if auth == "none" else {auth: {}}
    if isinstance(document.get("storage"), str):
        document["storage"] = {document["storage"]: {}}
    for variable, value in sorted(environment.items()):
        if variable.startswith("REGISTRY_") and not _SERVICE_LINK.fullmatch(variable):
            _override(document, variable, value)
    if role is not None:
        document["role"] = role
    for name in NOT_YET:
        chooses = name.startswith(_CHOOSING)
        given = _find(document, name) is not None
        if _remove(document, name) and (given or chooses):
            raise SettingsError(
                f"{name}: this version cannot do what the setting asks for, and it is "
                "not safe to pass it over; remove it."
            )
    ignored = [name for name in MEANINGLESS if _remove(document, name)]
    _complete(document, Settings)
    try:
        settings = msgspec.convert(document, Settings, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsError(explain(error, document)) from error
    check_settings(settings)
    make_policy(apply_role(settings))
    return settings, ignored


def _decode(kind: type, value: object) -> object:
    if kind is Duration:
        return Duration.parse(str(value))
    if kind is Size:
        return Size.parse(str(value))
    raise NotImplementedError(kind)  # msgspec's way to say that it is not ours


def _read(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = _load_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the file cannot be read: {error}.") from error
    except Exception as error:  # what PyYAML raises is of many kinds: see its dates
        raise SettingsError(f"{path}: this is no YAML: {error}.") from error
    if document is None:
        raise SettingsError(f"{path}: the file is empty; leave it out, or say {{}}.")
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: settings must be a mapping of names to values.")
    return document


def _override(document: dict[str, Any], variable: str, text: str) -> None:
    """Put a variable's value over the file's."""
    wanted = variable.removeprefix("REGISTRY_")
    if wanted == "AUTH":  # as Distribution has it; what it is to be like comes after it
        place = document["auth"] = document.get("auth") or {}
        if isinstance(place, dict) and text not in {"", "none"}:
            place.setdefault(text, {})
        return
    if wanted == "STORAGE":  # likewise; but nothing is left of what the file says
        value = _yaml(variable, text)
        document["storage"] = {value: {}} if isinstance(value, str) else value
        return
    for path in _paths(Settings):
        if path.upper().replace(".", "_") == wanted:
            break
    else:
        for path in (*MEANINGLESS, *NOT_YET):
            start = path.upper().replace(".", "_")
            if wanted == start or wanted.startswith(start + "_"):
                break
        else:
            raise SettingsError(
                f"{variable}: there is no such setting; the variable of a setting is "
                "REGISTRY_ and its name in capitals, with '_' for '.'."
            )
    value = _yaml(variable, text)
    *sections, last = path.split(".")
    place = document
    for section in sections:
        inner = place.setdefault(section, {})
        if not isinstance(inner, dict):
            inner = place[section] = {}
        place = inner
    place[last] = value


def _yaml(variable: str, text: str) -> Any:
    try:
        return _load_yaml(text)
    except Exception as error:  # as above
        raise SettingsError(f"{variable}: {text!r} is no YAML value.") from error


def _load_yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415 - it takes a while, and who sets nothing needs it not

    return yaml.safe_load(text)


def _paths(section: type[msgspec.Struct], prefix: str = "") -> list[str]:
    found = []
    for field in msgspec.structs.fields(section):
        path = prefix + field.encode_name
        inner = _inner(field)
        found += [path] if inner is None else _paths(inner, path + ".")
    return found


def _inner(field: msgspec.structs.FieldInfo) -> type[Section] | None:
    """Say what section a field is, if it is one, and no list of them."""
    for kind in alternatives(field.type):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def _complete(document: dict[str, Any], section: type[msgspec.Struct]) -> None:
    """Make empty mappings of sections with nothing in them, such as ``inmemory:``."""
    for field in msgspec.structs.fields(section):
        name = field.encode_name
        inner = _inner(field)
        if name not in document or (inner is None and name != "inmemory"):
            continue
        if document[name] is None:
            document[name] = {}
        if inner is not None and isinstance(document[name], dict):
            _complete(document[name], inner)


def _find(document: object, path: str) -> object:
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def _remove(document: dict[str, Any], path: str) -> bool:
    *sections, last = path.split(".")
    place: object = document
    for section in sections:
        place = place.get(section) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place:
        return False
    del place[last]
    return True
