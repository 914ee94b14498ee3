"""``Range`` and ``Content-Range``.

Sources: RFC 9110, section 14, for downloads; OCI Distribution 1.1, "Pushing a blob in
chunks", for uploads, whose ``Content-Range`` has neither a unit nor a total.
"""

import re
from typing import Final

from txregistry.model.errors import RangeInvalid, RangeUnsatisfiable

_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.ASCII)
_CHUNK: Final = re.compile(
    r"(?:bytes[ =])?([0-9]{1,19})-([0-9]{1,19})(?:/(?:\*|[0-9]{1,19}))?", re.ASCII
)


def parse_range(text: str, size: int) -> tuple[int, int] | None:
    """Read the ``Range`` of a download.

    Args:
        text: The value of the header.
        size: Bytes that the content has.

    Returns:
        The half-open range ``(start, stop)``; or None where the whole is the answer: a
        unit other than bytes, or several ranges.

    Raises:
        RangeUnsatisfiable: no byte of the content is in it, or it cannot be read.
    """
    if not text.startswith("bytes=") or "," in text:
        return None
    match = _RANGE.fullmatch(text)
    if match is None:
        raise RangeUnsatisfiable(size)
    first, last = match.groups()
    if first:
        start = int(first)
        stop = min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            raise RangeUnsatisfiable(size)
    elif last:
        start, stop = max(0, size - int(last)), size
    else:
        raise RangeUnsatisfiable(size)
    if start >= stop:
        raise RangeUnsatisfiable(size)
    return start, stop


def parse_chunk_range(text: str) -> tuple[int, int]:
    """Read the ``Content-Range`` of an upload's chunk.

    Returns:
        The half-open range ``(start, stop)``.

    Raises:
        RangeInvalid: it is not ``<first>-<last>``.
    """
    match = _CHUNK.fullmatch(text.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise RangeInvalid(
            "Content-Range of a chunk must be '<first byte>-<last byte>'.",
            {"content-range": text[:200]},
        )
    return int(match[1]), int(match[2]) + 1


def upload_range(size: int) -> str:
    """Spell the ``Range`` of an upload session that holds ``size`` bytes.

    An empty one says ``0-0`` as well: the Docker engine reads ``%d-%d``.
    """
    return f"0-{max(0, size - 1)}"
