"""Bodies whose length was said before they came."""

from collections.abc import Callable


class LengthDecoder:
    """Tell where a body ends, as Twisted's channel expects it of a decoder.

    Args:
        length: Bytes of the body; at least one.
        deliver: Called with each piece of the body, never empty.
        finish: Called at the end, with what came after it.
    """

    def __init__(
        self,
        length: int,
        deliver: Callable[[bytes], None],
        finish: Callable[[bytes], None],
    ) -> None:
        self._left = length
        self.deliver = deliver
        self.finish = finish
        self.copies = False  # a piece is what came in, as a whole nearly always

    def dataReceived(self, data: bytes) -> None:
        """Take what came in."""
        if len(data) < self._left:
            self._left -= len(data)
            if data:
                self.deliver(data)
            return
        end, self._left = self._left, 0
        self.deliver(data[:end])
        self.finish(data[end:])

    def noMoreData(self) -> None:
        """See Twisted's decoders: the connection tells the request itself."""
