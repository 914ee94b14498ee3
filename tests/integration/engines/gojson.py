"""JSON as Go reads it into a type, and as it writes it."""

import json
from typing import Any


class GoError(ValueError):
    """The JSON is not, or is not of the type."""


def _no_constant(text: str) -> None:
    raise ValueError(f"invalid character {text[0]!r} looking for beginning of value")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def decode(data: bytes, *, whole: bool) -> Any:
    """Decode a value.

    Args:
        data: The text.
        whole: Whether nothing may follow it, as with Go's ``Unmarshal``; its
            ``Decoder`` takes the first value and leaves the rest.
    """
    text = data.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise GoError("unexpected end of JSON input" if whole else "EOF")
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise GoError(f"invalid character: {error}") from None
    if whole and text[end:].strip(" \t\r\n"):
        raise GoError("invalid character after top-level value")
    return value


def strings(data: bytes, *, whole: bool) -> dict[str, str]:
    """Decode a map of strings to strings; null is the empty map, or string."""
    value = decode(data, whole=whole)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _mismatch(value, "map[string]string")
    return {name: text_of(entry) for name, entry in value.items()}


def texts(data: bytes, *, whole: bool) -> list[str]:
    """Decode a list of strings."""
    return [text_of(entry) for entry in list_of(decode(data, whole=whole))]


def text(data: bytes) -> str:
    """Decode a string, whatever follows it."""
    return text_of(decode(data, whole=False))


def text_of(value: Any) -> str:
    """Take a value as a string; null is the empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _mismatch(value, "string")
    return value


def number_of(value: Any) -> int:
    """Take a value as an integer; null is 0."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(value, "int")
    return value


def flag_of(value: Any) -> bool:
    """Take a value as a boolean; null is false."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _mismatch(value, "bool")
    return value


def list_of(value: Any) -> list[Any]:
    """Take a value as a list; null is the empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _mismatch(value, "[]")
    return value


def fields_of(value: Any) -> dict[str, Any]:
    """Take a value as a struct: the names of its fields, in lower case."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _mismatch(value, "struct")
    return {name.lower(): entry for name, entry in value.items()}


def encode(value: Any) -> bytes:
    """Encode a value as Go's ``Marshal`` does, but keep the order of keys."""
    written = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written.encode()


def quote(data: bytes) -> str:
    """Show bytes as Go's ``%q`` does, for all that is usual."""
    return json.dumps(data.decode("utf-8", "backslashreplace"), ensure_ascii=False)


def _mismatch(value: Any, wanted: str) -> GoError:
    names = {dict: "object", list: "array", str: "string", bool: "bool"}
    found = names.get(type(value), "number")
    return GoError(f"json: cannot unmarshal {found} into Go value of type {wanted}")
