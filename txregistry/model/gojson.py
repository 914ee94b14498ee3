"""JSON as Go's ``encoding/json`` writes it: image ids are hashes of such bytes.

Also JSON that is read so strictly that no other reader can find something else in it.

Source: ``encoding/json`` of Go 1.6, of which Docker 1.12 is made: compact, members of a
map sorted by the bytes of their names, and ``<``, ``>``, ``&``, U+2028 and U+2029
escaped.
"""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, TypeAlias

Value: TypeAlias = (
    "bool | int | float | str | Sequence[Value] | Mapping[str, Value] | None"
)

MAX_DEPTH: Final = 100
"""Objects and lists inside each other in a document that is read."""

# Possessive, and without need of a closing quote: linear whatever the input.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRINGS: Final = re.compile(_STRING, re.DOTALL)
_STRING_OR_SPACE: Final = re.compile(rb"(" + _STRING + rb")|[ \t\r\n]+", re.DOTALL)
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _STEPS)

_UNSAFE: Final = {
    b"<": rb"\u003c",
    b">": rb"\u003e",
    b"&": rb"\u0026",
    "\u2028".encode(): rb"\u2028",
    "\u2029".encode(): rb"\u2029",
}
_ESCAPES: Final = (
    {code: f"\\u{code:04x}" for code in range(0x20)}
    # What stands for half a character, Go reads as U+FFFD.
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
    | {ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t"}
    | {ord('"'): r"\"", ord("\\"): r"\\"}
)

_BEFORE_NAME: Final = re.compile(r"[{, \t\r\n]*")
_BEFORE_VALUE: Final = re.compile(r"[: \t\r\n]*")


def read(data: bytes) -> Value:
    """Read a document.

    Raises:
        ValueError: it is no JSON in UTF-8, has NaN or Infinity in it, a member twice,
            half a character in a name, or a number of thousands of digits, or is nested
            deeper than ``MAX_DEPTH``.
    """
    text = data.decode()
    brackets = _STRINGS.sub(b"", data).translate(None, _NO_BRACKETS)
    if max(accumulate(_STEPS[each] for each in brackets), default=0) > MAX_DEPTH:
        raise ValueError("The JSON nests too deep.")
    value: Value = _decoder.decode(text)
    return value


def read_object(data: bytes) -> dict[str, bytes]:
    """Take an object apart: its members, each value as it was written.

    Raises:
        ValueError: it cannot be read, as of `read`, or is no object.
    """
    if not isinstance(read(data), dict):
        raise ValueError("The JSON is no object.")  # noqa: TRY004 - it is data
    text = data.decode()
    members = {}
    place = _skip(_BEFORE_NAME, text, 0)
    while text[place] != "}":
        name, place = _decoder.raw_decode(text, place)
        start = _skip(_BEFORE_VALUE, text, place)
        _, place = _decoder.raw_decode(text, start)
        members[name] = text[start:place].encode()
        place = _skip(_BEFORE_NAME, text, place)
    return members


def compact(raw: bytes) -> bytes:
    """Write JSON again, without white space, and safe inside HTML.

    Args:
        raw: Valid JSON. Numbers, escapes and the order of members stay as they are.
    """
    return _escape(_STRING_OR_SPACE.sub(rb"\1", raw))


def write_object(members: Mapping[str, bytes]) -> bytes:
    """Write an object as Go writes a map.

    Args:
        members: Each value as valid JSON.
    """
    written = (
        go_string(name) + b":" + compact(members[name])
        for name in sorted(members, key=str.encode)
    )
    return b"{" + b",".join(written) + b"}"


def go_string(text: str) -> bytes:
    """Write a string."""
    return _escape(b'"' + text.translate(_ESCAPES).encode() + b'"')


def encode(value: Value) -> bytes:
    """Write a value as Go writes a struct: members stay in order.

    Raises:
        TypeError: there is a number in it that is not whole.
    """
    if isinstance(value, str):
        return go_string(value)
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, Mapping):
        members = (go_string(name) + b":" + encode(value[name]) for name in value)
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, Sequence):
        return b"[" + b",".join(map(encode, value)) + b"]"
    raise TypeError(f"Not written: {type(value).__name__}.")


def _escape(data: bytes) -> bytes:
    for unsafe, safe in _UNSAFE.items():
        data = data.replace(unsafe, safe)
    return data


def _skip(what: re.Pattern[str], text: str, place: int) -> int:
    match = what.match(text, place)
    return place if match is None else match.end()


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A member of the JSON occurs twice.")
    "".join(found).encode()  # names of half characters would be the same to Go
    return found


def _refuse(constant: str) -> Value:
    raise ValueError(f"{constant} is no JSON.")


_decoder: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
