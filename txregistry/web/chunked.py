"""Chunked bodies, taken apart with one copy of each byte.

Source: RFC 9112, section 7.1. What can be read in two ways is refused: it is how
requests are smuggled past whatever stands before this server.
"""

import re
from collections.abc import Callable
from typing import Any, Final

_SIZE: Final = re.compile(
    rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?", re.ASCII
)
_LONGEST_LINE: Final = 1024
_VIEWED: Final = 4096
"""Bytes of the smallest piece of which a view is less than a copy."""
_LONGEST_TRAILER: Final = 8 * 1024


class ChunkingInvalid(Exception):
    """The framing of a chunked body cannot be read."""


class ChunkedDecoder:
    """Take a chunked body apart, as Twisted's channel expects it of a decoder.

    Args:
        deliver: Called with each piece of the body, never empty.
        finish: Called at the end, with what came after it.

    Attributes:
        deliver: The same.
        finish: The same.
        copies: Whether each piece is bytes of its own; else a large one is a view of
            what came in, which is good as long as that is not needed otherwise.
    """

    def __init__(
        self, deliver: Callable[[bytes], None], finish: Callable[[bytes], None]
    ) -> None:
        self.deliver = deliver
        self.finish = finish
        self.copies = True
        self._left = 0  # bytes of the chunk that are still to come
        self._ending = False  # whether the line break after a chunk is due
        self._trailer = -1  # bytes of the trailer so far; none has begun
        self._held = b""  # the beginning of a line

    def dataReceived(self, data: bytes) -> None:
        """Take what came in.

        Raises:
            ChunkingInvalid: it does not go on as it must.
        """
        if self._held:
            data, self._held = self._held + data, b""
        source: Any = data if self.copies else memoryview(data)
        place = 0
        while place < len(data):
            if self._left:
                stop = place + self._left
                piece = (source if stop - place >= _VIEWED else data)[place:stop]
                self.deliver(piece)
                if not data.startswith(b"\r\n", stop):
                    self._left -= len(piece)
                    place += len(piece)
                    self._ending = not self._left
                    continue
                place, self._left = stop + 2, 0
            end = data.find(b"\r\n", place, place + _LONGEST_LINE)
            if end < 0:
                self._hold(data[place:])
                return
            line, place = data[place:end], end + 2
            if self._trailer >= 0:
                if not line:
                    self.finish(data[place:])
                    return
                self._take_trailer(line)
            elif self._ending:
                self._end_chunk(line)
            else:
                self._begin_chunk(line)

    def noMoreData(self) -> None:
        """See Twisted's decoders: the connection tells the request itself."""

    def _hold(self, rest: bytes) -> None:
        if len(rest) >= _LONGEST_LINE or b"\n" in rest:
            raise ChunkingInvalid("a line of the framing is too long, or badly ended")
        if self._ending and rest != b"\r":
            raise ChunkingInvalid("a chunk is longer than it says")
        self._held = rest

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise ChunkingInvalid("a chunk's size is no number")
        self._left = int(match[1], 16)
        if not self._left:
            self._trailer = 0

    def _end_chunk(self, line: bytes) -> None:
        if line:
            raise ChunkingInvalid("a chunk is longer than it says")
        self._ending = False

    def _take_trailer(self, line: bytes) -> None:
        self._trailer += len(line)
        if self._trailer > _LONGEST_TRAILER or b"\n" in line:
            raise ChunkingInvalid("the trailer is too long, or badly ended")
