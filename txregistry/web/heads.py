"""The head of a request, read in one piece.

Most requests come as one segment that begins with their head; and where they have no
body, that is all. Those are read here; whatever is not quite as expected is read by
Twisted's parser, line by line, which knows what else is allowed, and what to answer
where it is not.

Source: RFC 9112, sections 2 to 5.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from twisted.web.http_headers import _nameEncoder

from txregistry.web.headers import PlainHeaders

HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Za-z.:]+\])(?::[0-9]*)?"
)
"""What RFC 9112, section 3.2, lets stand in ``Host``: RFC 3986's host and port."""

_MOST: Final = 8 * 1024
_MOST_LINES: Final = 100
USUAL: Final = 1024
"""Bytes of the largest head that is remembered."""
_REMEMBERED: Final = 1024
_SECRETS: Final = (b"authorization", b"cookie", b"token")
_HEAD: Final = re.compile(
    rb"(GET|HEAD|POST|PATCH|PUT) (/[!-~]*) HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_UNREADABLE: Final = -1
_OTHERWISE: Final = frozenset({b"Expect", b"Upgrade", b"Cookie"})
"""Headers that change how a request is answered; and cookies, which are rare."""
_KEEPING: Final = (None, [b"keep-alive"], [b"close"])
"""What is understood here of what is said of the connection."""


class Head(NamedTuple):
    """What a request says before its body.

    Attributes:
        method: ``GET``, ``HEAD``, ``POST``, ``PATCH`` or ``PUT``.
        target: Path and query.
        headers: Its headers.
        length: Bytes of its body; None where it is chunked.
        end: Where the body begins in what came.
        closes: Whether nothing comes after it.
        is_usual: Whether many may say the very same, word for word, without a body.
    """

    method: bytes
    target: bytes
    headers: PlainHeaders
    length: int | None
    end: int
    closes: bool = False
    is_usual: bool = False


def parse_head(data: bytes) -> Head | None:
    """Read the head of a request.

    Many clients ask the very same: that is remembered, if there are no secrets in it.

    Args:
        data: What came first, all of it.

    Returns:
        The head; None where this is something else, or less than one, or one without a
        body and more, and Twisted's own parser has to look at it.
    """
    is_usual = len(data) <= USUAL and data.startswith((b"GET ", b"HEAD "))
    lower = data.lower() if is_usual else b""
    if not is_usual or any(map(lower.__contains__, _SECRETS)):
        return _parse(data)
    found = _parse_usual(data)
    if found is None:
        return None
    raw = {name: [*values] for name, values in found.headers.getAllRawHeaders()}
    is_usual = found.length == 0
    return found._replace(headers=PlainHeaders(raw), is_usual=is_usual)


def _parse(data: bytes) -> Head | None:
    match = _HEAD.match(data, 0, _MOST)
    if match is None:
        return None
    method, target, lines = match.groups()
    raw = _read_lines(lines)
    if raw is None or not _OTHERWISE.isdisjoint(raw):
        return None
    length, connection = _read_length(raw), raw.get(b"Connection")
    is_known = length != _UNREADABLE and connection in _KEEPING
    if not is_known or (length == 0 and match.end() != len(data)):
        return None  # maybe the next request, sent ahead
    closes = connection == [b"close"]
    return Head(method, target, PlainHeaders(raw), length, match.end(), closes)


_parse_usual: Final = lru_cache(_REMEMBERED)(_parse)


def _read_lines(lines: bytes) -> dict[bytes, list[bytes]] | None:
    """Take lines apart; None where there are too many, or they name no host."""
    if lines.count(b"\n") > _MOST_LINES:
        return None
    raw: dict[bytes, list[bytes]] = {}
    spell = _nameEncoder.encode
    for line in lines[:-2].split(b"\r\n"):
        name, _, value = line.partition(b":")
        raw.setdefault(spell(name), []).append(value.strip(b" \t"))
    hosts = raw.get(b"Host", ())
    if len(hosts) != 1 or HOST.fullmatch(hosts[0]) is None:
        return None
    return raw


def _read_length(raw: dict[bytes, list[bytes]]) -> int | None:
    """Say how long a body is; None where it is chunked."""
    lengths = raw.get(b"Content-Length")
    codings = raw.get(b"Transfer-Encoding")
    if codings is not None:
        is_chunked = codings == [b"chunked"] and lengths is None
        return None if is_chunked else _UNREADABLE
    if lengths is None:
        return 0
    if len(lengths) != 1 or _LENGTH.fullmatch(lengths[0]) is None:
        return _UNREADABLE
    return int(lengths[0])
