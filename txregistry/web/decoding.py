"""Taking bodies apart: where they end, and what of what came in is theirs."""

from collections.abc import Callable, Iterator


class BodyDecoder:
    """Take a body apart, as Twisted's channel expects it of a decoder.

    Args:
        deliver: Called with each piece of the body, never empty.
        finish: Called at the end, with what came after it.

    Attributes:
        deliver: The same.
        finish: The same.
        held: The beginning of what is not the body's, and comes before what is looked
            at next.
        end: Where the body ended in what was looked at last; None before that.
    """

    def __init__(
        self, deliver: Callable[[bytes], None], finish: Callable[[bytes], None]
    ) -> None:
        self.deliver = deliver
        self.finish = finish
        self.held = b""
        self.end: int | None = None

    def spans(
        self, data: bytes | bytearray, place: int, size: int
    ) -> Iterator[tuple[int, int]]:
        """Find the body in what came in: half-open ranges, none of which is empty.

        Args:
            data: What came in, after `held`, which is to be emptied before. What was
                found may be written over.
            place: Where to begin in it.
            size: Where it ends.

        Raises:
            ChunkingInvalid: it does not go on as it must.
        """
        raise NotImplementedError

    def dataReceived(self, data: bytes) -> None:
        """Take what came in.

        Raises:
            ChunkingInvalid: it does not go on as it must.
        """
        if self.held:
            data, self.held = self.held + data, b""
        for start, stop in self.spans(data, 0, len(data)):
            self.deliver(data[start:stop])
        if self.end is not None:
            self.finish(data[self.end :])

    def noMoreData(self) -> None:
        """See Twisted's decoders: the connection tells the request itself."""
