"""Sentences on settings that are not of the types that they must be of."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec

from txregistry.settings.section import Section
from txregistry.settings.sections import Settings

_WIDTH: Final = 1 << 20
"""Characters in a line of YAML: a proposal is one line, however long."""
_STEP: Final = re.compile(r"\[[^\]]*\]|[^.\[\]]+")
_UNNAMED: Final = "[...]"
"""How msgspec names what is in a mapping."""
_LISTENERS: Final = "http.listen["


def explain(error: msgspec.ValidationError, document: object) -> str:
    """Say which setting is wrong, what it is and what is allowed."""
    text, _, where = str(error).partition(" - at ")
    of_key = where.startswith("`key` in ")
    path = where.removeprefix("`key` in ").strip("`").removeprefix("$").lstrip(".")
    if of_key:
        return f"{path or 'the settings'}: the names of settings must be text."
    place, value = _find(document, path)
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", text)
    if unknown:
        name = f"{place}.{unknown[1]}".removeprefix(".")
        known = ", ".join(_known(path))
        if path.startswith(_LISTENERS):
            known += "; quote a string that has ': '"
        return f"{name}: there is no such setting; allowed are: {known}."
    if isinstance(value, str) and _takes_texts(path):
        text += f"; write {_as_yaml([value])}"
    return f"{place}: {value!r} cannot be used: {text}."


def alternatives(kind: Any) -> tuple[Any, ...]:
    """List what a setting may be: its type, or those of a union."""
    return get_args(kind) if get_origin(kind) in {UnionType, Union} else (kind,)


def _known(path: str) -> list[str]:
    """List what may be in a section."""
    return sorted(
        field.encode_name
        for kind in _kinds(path)
        if _is_section(kind)
        for field in msgspec.structs.fields(kind)
    )


def _takes_texts(path: str) -> bool:
    """Say whether a setting is a list of texts."""
    return any(
        str in alternatives(member)
        for kind in _kinds(path)
        for member in _members(kind, tuple, list)
    )


def _kinds(path: str) -> tuple[Any, ...]:
    """List what a setting may be, by its path."""
    found: tuple[Any, ...] = (Settings,)
    for step in _STEP.findall(path):
        found = tuple(
            each
            for kind in found
            for inner in _inner(kind, step)
            for each in alternatives(inner)
        )
    return found


def _inner(kind: Any, step: str) -> Iterator[Any]:
    """Give the types of what is in a setting, one step below."""
    if step.startswith("["):
        yield from _members(kind, tuple, list, dict)
    elif _is_section(kind):
        for field in msgspec.structs.fields(kind):
            if field.encode_name == step:
                yield field.type


def _members(kind: Any, *containers: type) -> Iterator[Any]:
    """Give the type of what is in a container, if it is one of some kinds."""
    if get_origin(kind) in containers:
        arguments = [each for each in get_args(kind) if each is not ...]
        yield arguments[-1]


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _find(document: object, path: str) -> tuple[str, object]:
    """Find what a path is about, and name the member of a mapping in it.

    msgspec does not name it. All mappings of ours are of lists of texts.
    """
    before, unnamed, after = path.partition(_UNNAMED)
    found = _below(document, before)
    if not unnamed or not isinstance(found, dict):
        return path, found
    for name, value in found.items():
        try:
            msgspec.convert(value, list[str])
        except msgspec.ValidationError:
            return f"{before}.{name}{after}", _below(value, after)
    return path, found


def _below(document: object, path: str) -> object:
    """Go along a path, as far as that goes."""
    for step in _STEP.findall(path):
        if isinstance(document, list):
            document = document[int(step[1:-1])]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            break
    return document


def _as_yaml(value: object) -> str:
    """Write a value in one line."""
    import yaml  # noqa: PLC0415 - it takes a while, and only a mistake needs it here

    text = yaml.safe_dump(
        value, default_flow_style=True, width=_WIDTH, allow_unicode=True
    )
    return str(text).strip()
