"""Chunked bodies, taken apart where they lie.

Source: RFC 9112, section 7.1. What can be read in two ways is refused: it is how
requests are smuggled past whatever stands before this server.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from txregistry.web.decoding import BodyDecoder

_SIZE: Final = re.compile(
    rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?", re.ASCII
)
_LONGEST_LINE: Final = 1024
_LONGEST_TRAILER: Final = 8 * 1024


class ChunkingInvalid(Exception):
    """The framing of a chunked body cannot be read."""


class ChunkedDecoder(BodyDecoder):
    """Take a chunked body apart.

    Args:
        deliver: See `BodyDecoder`.
        finish: Likewise.
    """

    def __init__(
        self, deliver: Callable[[bytes], None], finish: Callable[[bytes], None]
    ) -> None:
        super().__init__(deliver, finish)
        self._left = 0  # bytes of the chunk that are still to come
        self._ending = False  # whether the line break after a chunk is due
        self._usual = 0  # bytes of the chunk before: the next one is as long, mostly
        self._between = b"\r\n"  # what comes before it then
        self._trailer = -1  # bytes of the trailer so far; none has begun

    def spans(
        self, data: bytes | bytearray, place: int, size: int
    ) -> Iterator[tuple[int, int]]:
        """See `BodyDecoder`."""
        while place < size:
            if self._left:
                stop = place + self._left
                yield place, min(stop, size)
                if data.startswith(self._between, stop, size):
                    place, self._left = stop + len(self._between), self._usual
                    continue
                if not data.startswith(b"\r\n", stop, size):
                    self._left = max(0, stop - size)
                    self._ending = not self._left
                    place = min(stop, size)
                    continue
                place, self._left = stop + 2, 0
            end = data.find(b"\r\n", place, min(place + _LONGEST_LINE, size))
            if end < 0:
                self._hold(bytes(data[place:size]))
                return
            line, place = bytes(data[place:end]), end + 2
            if self._trailer >= 0:
                if not line:
                    self.end = place
                    return
                self._take_trailer(line)
            elif self._ending:
                self._end_chunk(line)
            else:
                self._begin_chunk(line)

    def _hold(self, rest: bytes) -> None:
        if len(rest) >= _LONGEST_LINE or b"\n" in rest:
            raise ChunkingInvalid("a line of the framing is too long, or badly ended")
        if self._ending and rest != b"\r":
            raise ChunkingInvalid("a chunk is longer than it says")
        self.held = rest

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise ChunkingInvalid("a chunk's size is no number")
        self._left = int(match[1], 16)
        if self._left:
            self._usual, self._between = self._left, b"\r\n%b\r\n" % line
        else:
            self._trailer = 0

    def _end_chunk(self, line: bytes) -> None:
        if line:
            raise ChunkingInvalid("a chunk is longer than it says")
        self._ending = False

    def _take_trailer(self, line: bytes) -> None:
        self._trailer += len(line)
        if self._trailer > _LONGEST_TRAILER or b"\n" in line:
            raise ChunkingInvalid("the trailer is too long, or badly ended")
