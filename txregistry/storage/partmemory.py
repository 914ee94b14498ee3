"""The memory for what is on its way to a store, of which a process has only so much."""

from collections import deque

from twisted.internet.defer import Deferred


class PartMemory:
    """Hand out bytes of memory to who takes bytes in and sends them on in parts.

    Nobody may wait while holding some, or all could wait for each other: who gets none
    sends on what he has first. Work that cannot do so asks for all that it needs
    beforehand, and has to find another way where that is too much.

    Args:
        limit: Bytes there are.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._waiting: deque[tuple[int, Deferred[None]]] = deque()

    def try_take(self, size: int, leave: int = 0) -> bool:
        """Take some if that can be done at once, and nobody has waited for it.

        Args:
            size: Bytes.
            leave: Bytes that are to be left for others.

        Returns:
            Whether they were taken.
        """
        if self._waiting or self.held + size > self.limit - leave:
            return False
        self.held += size
        return True

    async def take(self, size: int) -> None:
        """Take some, in turn; of more than there are, one has all."""
        if self.try_take(size):
            return
        waiting: Deferred[None] = Deferred()
        entry = (size, waiting)
        self._waiting.append(entry)
        try:
            self._hand_out()
            await waiting
        except BaseException:
            if entry in self._waiting:
                self._waiting.remove(entry)
                self._hand_out()
            else:
                self.give(size)  # it came at the moment of giving up
            raise

    def take_anyway(self, size: int) -> None:
        """Take a little more than there may be: somebody was told wrong."""
        self.held += size

    def give(self, size: int) -> None:
        """Give some back."""
        self.held -= size
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting:
            size, waiting = self._waiting[0]
            if self.held and self.held + size > self.limit:
                return
            self._waiting.popleft()
            self.held += size
            waiting.callback(None)
