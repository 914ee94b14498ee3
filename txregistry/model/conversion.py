"""An image of version 1, in the form of schema 2: its config and its manifest.

Source: ``image/v1`` and ``distribution/pull_v1.go`` of Docker 1.12. The config is to
the byte what that engine makes of the same images when it pulls them, and so it is
called by the same image id.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from txregistry.model import gojson, schema2
from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageInvalid
from txregistry.model.gojson import Value

YEAR_ONE: Final = "0001-01-01T00:00:00Z"
"""The time that Go writes where there is none."""

_VERBATIM: Final = (1, 8, 3)
"""Versions of Docker from this on wrote JSON that later ones take as it is."""

_DROPPED: Final = ("id", "parent", "Size", "parent_id", "layer_id", "throwaway")
_TIME: Final = re.compile(
    r"(\d{4}-(\d\d)-(\d\d)T\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_CLOCK: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INT64: Final = range(-(2**63), 2**63)


def make_config(images: Sequence[tuple[bytes, Digest]]) -> bytes:
    """Make the config of an image of version 1.

    The top image's JSON is taken as it is, or squeezed if an engine before 1.8.3 made
    it. A layer without content stays a layer.

    Only this differs from what Docker does: a missing ``architecture`` becomes
    ``amd64`` and a missing ``os`` ``linux``, because OCI wants them to be there;
    ``x86_64`` becomes ``amd64``; and a field of a wrong type, at which Docker gives up,
    counts as missing.

    Args:
        images: Each image's JSON and the digest of its layer, as a plain tar; the base
            first, and at least one.

    Raises:
        ImageInvalid: the JSON of one is no object that can be read.
    """
    top = images[-1][0]
    documents = [_document(data) for data, _ in images]
    members = gojson.read_object(top)
    known = [_fill(_IMAGE, document) for document in documents]
    if _is_old(known[-1]):
        members = {name: gojson.encode(each) for name, each in known[-1].items()}
    for name in _DROPPED:
        members.pop(name, None)
    _add_platform(members)
    diff_ids = [str(diff_id) for _, diff_id in images]
    members["rootfs"] = gojson.encode({"type": "layers", "diff_ids": diff_ids})
    members["history"] = gojson.encode([_history(each) for each in known])
    return gojson.write_object(members)


def make_manifest(
    config: Descriptor, layers: Sequence[Descriptor], annotations: Mapping[str, str]
) -> bytes:
    """Make the manifest of an image of version 1.

    Args:
        config: What `make_config` made, as of ``DOCKER_CONFIG``.
        layers: The base first, as of ``DOCKER_LAYER`` or ``DOCKER_TAR``.
        annotations: For people, such as the ids that were; schema 2 knows none, and
            those who read it pass over them.
    """
    return schema2.write_manifest(
        schema2.Entry.of(config),
        [schema2.Entry.of(each) for each in layers],
        annotations,
    )


def squeeze(data: bytes) -> dict[str, bytes]:
    """Keep of an image's JSON what Docker 1.12 knows, written as its structs are.

    Fields that it does not know vanish, and those of a wrong type are left at nothing.
    Neither ``id``, ``parent`` nor ``Size`` is among what comes out.

    Raises:
        ImageInvalid: it is no object that can be read.
    """
    image = _fill(_IMAGE, _document(data))
    return {name: gojson.encode(value) for name, value in image.items()}


def _document(data: bytes) -> dict[str, Value]:
    try:
        document = gojson.read(data)
    except ValueError as error:
        raise ImageInvalid("Invalid JSON") from error
    if not isinstance(document, dict):
        raise ImageInvalid("Invalid JSON")
    return document


def _history(image: Mapping[str, Value]) -> dict[str, Value]:
    container = image["container_config"]
    command = container["Cmd"] if isinstance(container, Mapping) else None
    entry = {
        "author": image.get("author"),
        "created_by": " ".join(_texts(command) or ()),
        "comment": image.get("comment"),
    }
    present = {name: value for name, value in entry.items() if value}
    return {"created": image["created"], **present}


def _add_platform(members: dict[str, bytes]) -> None:
    for name, usual in (("architecture", "amd64"), ("os", "linux")):
        found = gojson.read(members.get(name, b"null"))
        if not isinstance(found, str) or not found:
            members[name] = gojson.encode(usual)
    if gojson.read(members["architecture"]) == "x86_64":
        members["architecture"] = b'"amd64"'


def _is_old(image: Mapping[str, Value]) -> bool:
    parts = _text(image.get("docker_version")).split(".")[: len(_VERBATIM)]
    parts += ["0"] * (len(_VERBATIM) - len(parts))
    return tuple(map(_number, parts)) < _VERBATIM


def _number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        return 0
    return int(text[:20])  # as good as any larger


# How Go's decoder reads a field, and its encoder writes it again. What is of another
# type gives what is written for nothing.

_Reader = Callable[[Value], Value]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    read: _Reader
    omit: Callable[[Value], bool] = lambda value: False  # noqa: ARG005 - it is always written


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _flag(value: Value) -> bool:
    return value is True


def _whole(value: Value) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value in _INT64 else None


def _texts(value: Value) -> list[str] | None:
    if not isinstance(value, list) or not all(
        each is None or isinstance(each, str) for each in value
    ):
        return None
    return [each or "" for each in value]


def _words(value: Value) -> list[str] | None:
    return [value] if isinstance(value, str) else _texts(value)


def _set(value: Value) -> dict[str, Value] | None:
    if not isinstance(value, Mapping) or not all(
        each is None or isinstance(each, Mapping) for each in value.values()
    ):
        return None
    return {name: {} for name in _sorted(value)}


def _labels(value: Value) -> dict[str, Value] | None:
    if not isinstance(value, Mapping) or not all(
        each is None or isinstance(each, str) for each in value.values()
    ):
        return None
    return {name: value[name] or "" for name in _sorted(value)}


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=str.encode)


def _time(value: Value) -> str:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or not _is_date(match):
        return YEAR_ONE
    moment, _, _, fraction, zone = match.groups()
    fraction = (fraction or "")[:10].rstrip("0").rstrip(".")
    return moment + fraction + ("Z" if zone[1:] == "00:00" else zone)


def _is_date(match: re.Match[str]) -> bool:
    year, month, day = int(match[1][:4]), int(match[2]), int(match[3])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    good = 1 <= month <= len(days) and 1 <= day <= days[month - 1]
    return good and _CLOCK.fullmatch(match[1][11:]) is not None


def _fill(fields: Sequence[_Field], value: Mapping[str, Value]) -> dict[str, Value]:
    names = {field.name.lower(): field.name for field in fields}
    # Go takes a field by its name in any case, and the last of several.
    found = {names.get(name.lower()): value[name] for name in value}
    read = ((field, field.read(found.get(field.name))) for field in fields)
    return {field.name: each for field, each in read if not field.omit(each)}


def _struct(fields: Sequence[_Field]) -> _Reader:
    return lambda value: _fill(fields, value) if isinstance(value, Mapping) else None


def _is_empty(value: Value) -> bool:
    return not value


def _is_absent(value: Value) -> bool:
    return value is None


_HEALTHCHECK: Final = (
    _Field("Test", _texts, _is_empty),
    _Field("Interval", _whole, _is_empty),
    _Field("Timeout", _whole, _is_empty),
    _Field("Retries", _whole, _is_empty),
)
_CONFIG: Final = (
    _Field("Hostname", _text),
    _Field("Domainname", _text),
    _Field("User", _text),
    _Field("AttachStdin", _flag),
    _Field("AttachStdout", _flag),
    _Field("AttachStderr", _flag),
    _Field("ExposedPorts", _set, _is_empty),
    _Field("Tty", _flag),
    _Field("OpenStdin", _flag),
    _Field("StdinOnce", _flag),
    _Field("Env", _texts),
    _Field("Cmd", _words),
    _Field("Healthcheck", _struct(_HEALTHCHECK), _is_absent),
    _Field("ArgsEscaped", _flag, _is_empty),
    _Field("Image", _text),
    _Field("Volumes", _set),
    _Field("WorkingDir", _text),
    _Field("Entrypoint", _words),
    _Field("NetworkDisabled", _flag, _is_empty),
    _Field("MacAddress", _text, _is_empty),
    _Field("OnBuild", _texts),
    _Field("Labels", _labels),
    _Field("StopSignal", _text, _is_empty),
    _Field("StopTimeout", _whole, _is_absent),
    _Field("Shell", _words, _is_empty),
)
_config: Final = _struct(_CONFIG)
_IMAGE: Final = (
    _Field("comment", _text, _is_empty),
    _Field("created", _time),
    _Field("container", _text, _is_empty),
    _Field("container_config", lambda value: _config(value) or _config({})),
    _Field("docker_version", _text, _is_empty),
    _Field("author", _text, _is_empty),
    _Field("config", _config, _is_absent),
    _Field("architecture", _text, _is_empty),
    _Field("os", _text, _is_empty),
)
