"""The records of a header block of pax.

Source: POSIX.1-2017, pax, "pax Header Block"; GNU tar's manual, "Storing Sparse Files".
"""

import re
from collections.abc import Iterator
from typing import Final

SPARSE_KEYS: Final = frozenset(
    (b"GNU.sparse.name", b"GNU.sparse.size", b"GNU.sparse.realsize")
)
"""Each of the formats of sparse files has one of them."""

_KEYS: Final = SPARSE_KEYS | {
    b"path", b"linkpath", b"uname", b"gname", b"uid", b"gid", b"size", b"mtime",
}  # fmt: skip
_RECORD: Final = re.compile(rb"([0-9]{1,7}) ")
_TIME: Final = re.compile(rb"(-?)([0-9]{1,19})(?:\.([0-9]*))?")
_NANOSECONDS: Final = 9


class RecordsInvalid(ValueError):
    """A block has something else than records."""


def read_records(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Read the records of a block, those that are of use here.

    Raises:
        RecordsInvalid: it has something else.
    """
    start = 0
    while start < len(body):
        length = _RECORD.match(body, start)
        stop = start + int(length[1]) if length is not None else 0
        if length is None or not length.end() < stop <= len(body):
            raise RecordsInvalid("a record's length is wrong")
        key, equals, value = body[length.end() : stop].partition(b"=")
        if not (key and equals and value.endswith(b"\n")):
            raise RecordsInvalid("a record is none")
        if key in _KEYS:
            yield key, value[:-1]
        start = stop


def read_time(value: bytes) -> int:
    """Read a time in seconds, rounded down.

    Raises:
        RecordsInvalid: it is none.
    """
    time = _TIME.fullmatch(value)
    if time is None:
        raise RecordsInvalid("a record's time is none")
    sign, seconds, fraction = time.groups(b"")
    whole = int(sign + seconds)
    return whole - bool(sign and fraction[:_NANOSECONDS].strip(b"0"))
