"""The head of a request without a body, read in one piece.

Most requests come as one segment that is a head and nothing else. Those are read here;
whatever is not quite as expected is read by Twisted's parser, line by line, which knows
what else is allowed, and what to answer where it is not.

Source: RFC 9112, sections 2 to 5.
"""

import re
from typing import Final, NamedTuple

from twisted.web.http_headers import _nameEncoder

from txregistry.web.headers import PlainHeaders

HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Za-z.:]+\])(?::[0-9]*)?"
)
"""What RFC 9112, section 3.2, lets stand in ``Host``: RFC 3986's host and port."""

_MOST: Final = 8 * 1024
_MOST_LINES: Final = 100
_HEAD: Final = re.compile(
    rb"(GET|HEAD) (/[!-~]*) HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)
_OTHERWISE: Final = frozenset(
    {
        *(b"Connection", b"Content-Length", b"Transfer-Encoding", b"Expect"),
        *(b"Upgrade", b"Cookie"),
    }
)
"""Headers that decide about more than one answer; and cookies, which are rare."""


class Head(NamedTuple):
    """What a request without a body says.

    Attributes:
        method: ``GET`` or ``HEAD``.
        target: Path and query.
        headers: Its headers.
    """

    method: bytes
    target: bytes
    headers: PlainHeaders


def parse_head(data: bytes) -> Head | None:
    """Read the head of a request that is kept open afterwards, and has no body.

    Args:
        data: What came first, all of it.

    Returns:
        The head; None where this is something else, or more, or less than one, and
        Twisted's own parser has to look at it.
    """
    match = None if len(data) > _MOST else _HEAD.fullmatch(data)
    if match is None:
        return None
    method, target, lines = match.groups()
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
    if not _OTHERWISE.isdisjoint(raw):
        return None
    return Head(method, target, PlainHeaders(raw))
