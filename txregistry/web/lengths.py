"""Bodies whose length was said before they came."""

from collections.abc import Callable, Iterator

from txregistry.web.decoding import BodyDecoder


class LengthDecoder(BodyDecoder):
    """Tell where a body ends.

    Args:
        length: Bytes of the body; at least one.
        deliver: See `BodyDecoder`.
        finish: Likewise.
    """

    def __init__(
        self,
        length: int,
        deliver: Callable[[bytes], None],
        finish: Callable[[bytes], None],
    ) -> None:
        super().__init__(deliver, finish)
        self._left = length

    def spans(
        self, data: bytes | bytearray, place: int, size: int
    ) -> Iterator[tuple[int, int]]:
        """See `BodyDecoder`."""
        del data
        stop = min(place + self._left, size)
        self._left -= stop - place
        if not self._left:
            self.end = stop
        if stop > place:
            yield place, stop
