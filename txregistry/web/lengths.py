"""Bodies whose length was said before they came."""

from collections.abc import Callable, Iterator


class LengthDecoder:
    """Tell where a body ends, as Twisted's channel expects it of a decoder.

    Args:
        length: Bytes of the body; at least one.
        deliver: Called with each piece of the body, never empty.
        finish: Called at the end, with what came after it.

    Attributes:
        deliver: The same.
        finish: The same.
        held: See `ChunkedDecoder`: there never is anything.
        end: Where the body ended in what was looked at last; None before that.
    """

    def __init__(
        self,
        length: int,
        deliver: Callable[[bytes], None],
        finish: Callable[[bytes], None],
    ) -> None:
        self.deliver = deliver
        self.finish = finish
        self.held = b""
        self.end: int | None = None
        self._left = length

    def dataReceived(self, data: bytes) -> None:
        """Take what came in."""
        for start, stop in self.spans(data, 0, len(data)):
            self.deliver(data[start:stop])
        if self.end is not None:
            self.finish(data[self.end :])

    def spans(
        self, data: bytes | bytearray, place: int, size: int
    ) -> Iterator[tuple[int, int]]:
        """Find the body in what came in; see `ChunkedDecoder.spans`."""
        del data
        stop = min(place + self._left, size)
        self._left -= stop - place
        if not self._left:
            self.end = stop
        if stop > place:
            yield place, stop

    def noMoreData(self) -> None:
        """See Twisted's decoders: the connection tells the request itself."""
